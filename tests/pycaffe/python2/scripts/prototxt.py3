import os

import caffe
from caffe import layers as L
from caffe import params as P
from caffe.proto import caffe_pb2
from google.protobuf import text_format

folder = FOLDER
net = caffe_pb2.NetParameter()
with open(folder + "/deploy.prototxt", encoding="utf-8") as file:
    text_format.Merge(file.read(), net)
kinds = {}
for layer in net.layer:
    kinds[layer.type] = kinds.get(layer.type, 0) + 1
    if layer.type == "InnerProduct":
        layer.inner_product_param.num_output = 4
        layer.name += "_16"
for kind, count in sorted(kinds.items(), key=lambda pair: (-pair[1], pair[0])):
    print(f"{kind:15} {count}")
path = folder + "/temporary"
with open(path, "w", encoding="utf-8") as file:
    file.write(str(net))
made = caffe.Net(path, caffe.TEST)
print(made.blobs["prob"].data.shape, list(made.params))
os.remove(path)

spec = caffe.NetSpec()
spec.data = L.Input(shape={"dim": [1, 3, 8, 8]})
filler = {"type": "xavier"}
spec.conv0 = L.Convolution(spec.data, kernel_size=3, num_output=8, pad=1, weight_filler=filler)
spec.conv1 = L.Convolution(spec.conv0, kernel_size=3, num_output=4, pad=1, weight_filler=filler)
spec.pool = L.Pooling(spec.conv1, pool=P.Pooling.AVE, global_pooling=True)
with open(folder + "/out.prototxt", "w", encoding="utf-8") as file:
    file.write('name: "made"\n' + str(spec.to_proto()))
shapes = [tuple(b.data.shape) for b in caffe.Net(folder + "/out.prototxt", 1).blobs.values()]
print(shapes)
