"""OpenCV 4's `cv2.dnn` over Caffe's nets, which OpenCV 5 does not read any more.

    from catdog import opencv
    net = opencv.readNetFromCaffe("deploy.prototxt", "net.caffemodel")
    net.setInput(opencv.blobFromImage(photo, 1.0, (300, 300), (104, 117, 123)))
    detections = net.forward()

What is not here is cv2.dnn's own, as it is: `opencv.NMSBoxes`, `opencv.DNN_TARGET_CPU`.
`python -m catdog.opencv script.py` runs a script unchanged; `install` does that for a program.
"""

from typing import Any

import cv2

from catdog.opencv.failure import NetError
from catdog.opencv.install import install
from catdog.opencv.layer import NetLayer
from catdog.opencv.models import (
    ClassificationModel,
    DetectionModel,
    KeypointsModel,
    SegmentationModel,
)
from catdog.opencv.net import Net
from catdog.opencv.reading import readNet, readNetFromCaffe
from catdog.opencv.registered import registerLayer, unregisterLayer

blobFromImage = cv2.dnn.blobFromImage
blobFromImages = cv2.dnn.blobFromImages
imagesFromBlob = cv2.dnn.imagesFromBlob

__all__ = [
    "ClassificationModel",
    "DetectionModel",
    "KeypointsModel",
    "Net",
    "NetError",
    "NetLayer",
    "SegmentationModel",
    "blobFromImage",
    "blobFromImages",
    "imagesFromBlob",
    "install",
    "readNet",
    "readNetFromCaffe",
    "registerLayer",
    "unregisterLayer",
]


def __getattr__(name: str) -> Any:
    """Constants and functions of cv2.dnn that have nothing to do with Caffe."""
    return getattr(cv2.dnn, name)
