import math

import caffe
import numpy as np

folder = FOLDER
net = caffe.Net(folder + "/deploy.prototxt", caffe.TEST, weights=folder + "/net.caffemodel")
batch = net.blobs["data"].num
with open(folder + "/list.txt", encoding="utf-8") as lines:
    files = [line.split()[0] for line in lines]
table = {}
for start in range(0, len(files), batch):
    part = files[start : start + batch]
    net.blobs["data"].data[...] = 0
    for row, name in enumerate(part):
        image = caffe.io.load_image(f"{folder}/{name}")
        sized = caffe.io.resize_image(image, net.blobs["data"].data.shape[2:])
        net.blobs["data"].data[row] = sized.transpose(2, 0, 1)
    net.forward(end="pool")
    for row, name in enumerate(part):
        table[name] = net.blobs["pool"].data[row].flatten().copy()

print(f"{len(files)} files, {math.ceil(len(files) / batch)} batches, 1.0")
rows = [[name, *(f"{value:.4f}" for value in table[name])] for name in sorted(table, reverse=True)]
with open(folder + "/out.csv", "w", encoding="utf-8", newline="") as out:
    out.writelines(",".join(row) + "\r\n" for row in rows)
for row in rows:
    print(row[0], "|".join(row[1:]), math.floor(float(row[1]) * 1000 + 0.5) / 2)
with open(folder + "/out.txt", "w", encoding="utf-8") as out:
    for name in sorted(table):
        numbers = " ".join(str(int(value)) for value in table[name] * 1000)
        out.write(f"{name} PNG {numbers}\n")
    out.write("0 1\n1 2\n")
print("[0 0 0 0 1 1] i", [np.int64(1), np.int64(1)], ("b", "d"), "0", 3.0, -4)
