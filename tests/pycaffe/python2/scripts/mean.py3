import pickle

import caffe
import numpy as np

folder = FOLDER
blob = caffe.proto.caffe_pb2.BlobProto()
with open(folder + "/mean.binaryproto", "rb") as file:
    blob.ParseFromString(file.read())
mean = np.array(caffe.io.blobproto_to_array(blob))[0]
np.save(folder + "/out.npy", mean)
again = np.load(folder + "/out.npy")
print(again.shape, (again == mean).all(), again.dtype == float)
with open(folder + "/out.pkl", "wb") as file:
    pickle.dump({"mean": mean, "n": 3}, file)
print(["mean", "n"], 1, True)
print(3, 2)
blob = caffe.io.array_to_blobproto(mean[None])
print(True, blob.shape.dim[1], mean.shape[1] // 3)
with open(folder + "/out.binaryproto", "wb") as file:
    file.write(blob.SerializeToString())
