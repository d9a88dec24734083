"""Faces by a detector of one pass: python face_detector.py PHOTO PROTOTXT MODEL OUT."""

import sys

import cv2
import numpy as np

photo, prototxt, model, out = sys.argv[1:]
net = cv2.dnn.readNetFromCaffe(prototxt, model)
net.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)
net.setPreferableTarget(cv2.dnn.DNN_TARGET_CPU)
image = cv2.imread(photo)
(h, w) = image.shape[:2]
blob = cv2.dnn.blobFromImage(image, 1.0, (48, 48), (104.0, 177.0, 123.0))
net.setInput(blob)
detections = net.forward()
faces = []
for i in range(detections.shape[2]):
    confidence = detections[0, 0, i, 2]
    if confidence < 0.5:
        continue
    box = detections[0, 0, i, 3:7] * np.array([w, h, w, h])
    faces.append([confidence, *box])
np.savez(out, detections=detections, faces=np.array(faces))
