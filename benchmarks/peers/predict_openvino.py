"""Predict a folder with OpenVINO for throughput: NET.onnx MEAN.npy FOLDER OUT.csv f32|bf16.

Threads read and prepare the photos while requests compute batches side by side.
"""

import csv
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import openvino

BATCH = 16
net_file, mean_file, folder, out, precision = sys.argv[1:]
core = openvino.Core()
model = core.read_model(net_file)
# of one size: several times as fast as batches of any
model.reshape([BATCH, 3, 227, 227])
options = {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": precision}
queue = openvino.AsyncInferQueue(core.compile_model(model, "CPU", options))
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
    labels = np.zeros(len(paths), int)

    def keep(request: Any, place: tuple[int, int]) -> None:
        start, count = place
        labels[start : start + count] = request.get_output_tensor(0).data[:count].argmax(1)

    queue.set_callback(keep)
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        photos = pool.map(prepare, paths)
        for start in range(0, len(paths), BATCH):
            count = min(BATCH, len(paths) - start)
            batch = np.zeros((BATCH, 3, 227, 227), np.float32)
            for at in range(count):
                batch[at] = next(photos)
            queue.start_async({0: batch}, (start, count), share_inputs=True)
        queue.wait_all()
    return labels.tolist()


cv2.setNumThreads(1)
paths = sorted(Path(folder).glob("*.jpg"))
predict(paths[:BATCH])
began = time.perf_counter()
with Path(out).open("w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(("id", "label"))
    writer.writerows(zip((path.stem for path in paths), predict(paths), strict=True))
print(len(paths) / (time.perf_counter() - began))
