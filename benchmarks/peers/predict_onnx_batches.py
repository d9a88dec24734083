"""Predict a folder with onnxruntime in batches: NET.onnx MEAN.npy FOLDER OUT.csv.

Threads read and prepare the photos of later batches while one is computed.
"""

import csv
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

BATCH = 64
net_file, mean_file, folder, out = sys.argv[1:]
session = onnxruntime.InferenceSession(net_file, providers=["CPUExecutionProvider"])
name = session.get_inputs()[0].name
mean: np.ndarray = np.load(mean_file)


def prepare(path: Path) -> np.ndarray:
    """3 x 227 x 227."""
    image = cv2.imread(str(path))
    assert image is not None  # every photo can be read
    for channel in range(3):
        image[:, :, channel] = cv2.equalizeHist(image[:, :, channel])
    image = cv2.resize(image, (227, 227), interpolation=cv2.INTER_CUBIC)
    photo: np.ndarray = image.transpose(2, 0, 1).astype(np.float32) - mean
    return photo


def predict(paths: list[Path]) -> list[int]:
    """The number of the likeliest class of each photo."""
    labels: list[int] = []
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        photos = pool.map(prepare, paths)
        for start in range(0, len(paths), BATCH):
            batch = np.stack([next(photos) for _ in paths[start : start + BATCH]])
            labels += session.run(None, {name: batch})[0].argmax(1).tolist()
    return labels


cv2.setNumThreads(1)
paths = sorted(Path(folder).glob("*.jpg"))
predict(paths[:BATCH])
began = time.perf_counter()
with Path(out).open("w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(("id", "label"))
    writer.writerows(zip((path.stem for path in paths), predict(paths), strict=True))
print(len(paths) / (time.perf_counter() - began))
