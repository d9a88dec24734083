import os
import sys

import caffe
import numpy as np

SIZE = 10


def middle(image, size):
    top, left = (image.shape[0] - size) // 2, (image.shape[1] - size) // 2
    return image[top : top + size, left : left + size]


def main(folder):
    net = caffe.Net(os.path.join(folder, "deploy.prototxt"), caffe.TEST)
    net.copy_from(os.path.join(folder, "net.caffemodel"))
    with open(folder + "/names.txt", encoding="utf-8") as lines:
        names = [line.strip().split(" ", 1)[1] for line in lines]
    net.blobs["data"].reshape(1, 3, SIZE, SIZE)
    transformer = caffe.io.Transformer({"data": net.blobs["data"].data.shape})
    transformer.set_transpose("data", (2, 0, 1))
    transformer.set_mean("data", np.load(folder + "/mean.npy").mean(1).mean(1))
    transformer.set_raw_scale("data", 255)
    for index in range(3):
        picture = caffe.io.load_image(f"{folder}/{index}.png")
        net.blobs["data"].data[...] = transformer.preprocess("data", middle(picture, SIZE))
        prob = net.forward()["prob"][0]
        order = prob.argsort()[::-1][: len(prob) // 2]
        shown = " ".join(f"{names[place]} {prob[place]:.5f}" for place in order)
        print(f"picture {index + 1} of 3: {shown} ")


main(sys.argv[1])
