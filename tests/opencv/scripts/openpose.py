"""The joints of a person: python openpose.py PHOTO PROTOTXT MODEL OUT."""

import sys

import cv2
import numpy as np

photo, prototxt, model, out = sys.argv[1:]
net = cv2.dnn.readNetFromCaffe(prototxt, model)
frame = cv2.imread(photo)
net.setInput(cv2.dnn.blobFromImage(frame, 1.0 / 255, (48, 48), (0, 0, 0), swapRB=False, crop=False))
output = net.forward()
H, W = output.shape[2], output.shape[3]
points = []
for i in range(5):
    _, prob, _, point = cv2.minMaxLoc(output[0, i, :, :])
    x, y = frame.shape[1] * point[0] / W, frame.shape[0] * point[1] / H
    points.append((int(x), int(y), prob))
fields, maps = net.forward(["Mconv5_stage2_L1", "Mconv5_stage2_L2"])
np.savez(out, output=output, points=np.array(points), fields=fields, maps=maps)
