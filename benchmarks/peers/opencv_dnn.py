"""One photo at a time by OpenCV 4: PROTOTXT X.caffemodel INPUT.npy; forward passes a second."""

import sys
import time

import cv2
import numpy as np

prototxt, weights, file = sys.argv[1:]
net = cv2.dnn.readNetFromCaffe(prototxt, weights)  # type: ignore[attr-defined]  # OpenCV 5 lacks it
blob = np.load(file)
names = net.getUnconnectedOutLayersNames()


def rate(seconds: float) -> float:
    """Forward passes a second, over so many seconds."""
    began, passes = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        net.setInput(blob)
        net.forward(names)
        passes += 1
    return passes / (time.perf_counter() - began)


rate(0.5)
print(rate(2.0))
