"""Predict a folder with OpenCV 4's dnn: DEPLOY.prototxt X.caffemodel MEAN.npy FOLDER OUT.csv."""

import csv
import sys
import time
from pathlib import Path

import cv2
import numpy as np

deploy, weights, mean_file, folder, out = sys.argv[1:]
net = cv2.dnn.readNetFromCaffe(deploy, weights)  # type: ignore[attr-defined]  # OpenCV 5 lacks it
mean: np.ndarray = np.load(mean_file)


def prepare(path: Path) -> np.ndarray:
    """1 x 3 x 227 x 227."""
    image = cv2.imread(str(path))
    assert image is not None  # every photo can be read
    for channel in range(3):
        image[:, :, channel] = cv2.equalizeHist(image[:, :, channel])
    image = cv2.resize(image, (227, 227), interpolation=cv2.INTER_CUBIC)
    photo: np.ndarray = image.transpose(2, 0, 1).astype(np.float32) - mean
    return photo[None]


def predict(path: Path) -> int:
    """The number of the likeliest class."""
    net.setInput(prepare(path))
    return int(net.forward().argmax())


paths = sorted(Path(folder).glob("*.jpg"))
predict(paths[0])
began = time.perf_counter()
with Path(out).open("w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(("id", "label"))
    for path in paths:
        writer.writerow((path.stem, predict(path)))
print(len(paths) / (time.perf_counter() - began))
