"""A larger photo: python super_resolution.py PHOTO PROTOTXT MODEL OUT."""

import sys

import cv2
import numpy as np

photo, prototxt, model, out = sys.argv[1:]
# contents instead of paths
net = cv2.dnn.readNetFromCaffe(np.fromfile(prototxt, "uint8"), np.fromfile(model, "uint8"))
grey = cv2.imread(photo)[:, :, 1]
results = {}
for size in (20, 33):
    net.setInput(cv2.dnn.blobFromImage(grey[:size, :size], 1 / 255.0))
    results[f"large{size}"] = net.forward()
np.savez(out, **results)
