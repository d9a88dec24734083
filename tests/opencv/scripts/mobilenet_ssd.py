"""Things in a photo by MobileNet-SSD: python mobilenet_ssd.py PHOTO PROTOTXT MODEL OUT."""

import sys

import cv2
import numpy as np

CLASSES = ("background", "aeroplane", "bicycle", "bird")
photo, prototxt, model, out = sys.argv[1:]
net = cv2.dnn.readNet(model, prototxt)
image = cv2.imread(photo)
net.setInput(cv2.dnn.blobFromImage(image, 0.007843, (48, 48), 127.5))
detections = net.forward(net.getUnconnectedOutLayersNames())[0]
found = {CLASSES[int(row[1])] for row in detections[0, 0] if row[2] > 0.2}
best = detections[0, 0, 0]
_, each = net.getPerfProfile()
assert len(each) == len(net.getLayerNames())
np.savez(out, detections=detections, found=np.array(sorted(found)), best=best)
