"""Colours for a grey photo: python colorization.py PHOTO PROTOTXT MODEL OUT."""

import sys

import cv2
import numpy as np

photo, prototxt, model, out = sys.argv[1:]
net = cv2.dnn.readNetFromCaffe(prototxt, model)
points = np.random.RandomState(3).uniform(-90, 90, (2, 13)).astype(np.float32)
class8 = net.getLayerId("class8_ab")
conv8 = net.getLayerId("conv8_313_rh")
net.getLayer(class8).blobs = [points.reshape(2, 13, 1, 1)]
net.getLayer(conv8).blobs = [np.full([1, 13], 2.606, dtype="float32")]
image = cv2.imread(photo)
lightness = image.astype("float32").mean(2) * np.float32(100 / 255)
net.setInput(cv2.dnn.blobFromImage(lightness - 50))
ab = net.forward()[0, :, :, :].transpose((1, 2, 0))
ab = cv2.resize(ab, (image.shape[1], image.shape[0]))
np.savez(out, small=ab[::4, ::4], weights=net.getLayer("class8_ab").blobs[0])
