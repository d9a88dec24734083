"""What all cores together can decode, equalise and resize, and nothing else: FOLDER SIZE."""

import multiprocessing
import os
import sys
import time
from multiprocessing.synchronize import Event
from pathlib import Path

import cv2

folder, size = Path(sys.argv[1]), int(sys.argv[2])


def loop(paths: list[str]) -> None:
    """The bare calls of OpenCV."""
    cv2.setNumThreads(1)
    for path in paths:
        image = cv2.imread(path)
        assert image is not None  # every photo can be read
        for channel in range(3):
            image[:, :, channel] = cv2.equalizeHist(image[:, :, channel])
        cv2.resize(image, (size, size), interpolation=cv2.INTER_CUBIC)


def warmed(start: Event, paths: list[str]) -> None:
    """Wait for the others, so that starting a process is not counted."""
    loop(paths[:1])
    start.wait()
    loop(paths)


if __name__ == "__main__":
    photos = [str(path) for path in sorted(folder.glob("*.jpg"))]
    cores = len(os.sched_getaffinity(0))
    start = multiprocessing.Event()
    workers = [
        multiprocessing.Process(target=warmed, args=(start, photos[i::cores])) for i in range(cores)
    ]
    for worker in workers:
        worker.start()
    time.sleep(0.3)
    began = time.perf_counter()
    start.set()
    for worker in workers:
        worker.join()
    print(len(photos) / (time.perf_counter() - began))
