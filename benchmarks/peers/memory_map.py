"""Batches from a file of bare pixels, as FFCV keeps them, by threads: PIXELS.npy MEAN.npy IMAGES.

Pixels are photos x 3 x 256 x 256 bytes, the mean 3 x 256 x 256. The photos of a batch are chosen by
chance, each is cut to 227 x 227 at a corner of its own, mirrored or not, less the mean.
"""

import os
import sys
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

BATCH, SIZE = 64, 227
pixels: np.ndarray = np.load(sys.argv[1], mmap_mode="r")
mean: np.ndarray = np.load(sys.argv[2])
images = int(sys.argv[3])
workers = len(os.sched_getaffinity(0))


def cut(seed: int, out: np.ndarray) -> np.ndarray:
    """A batch, in memory that is used again."""
    chance = np.random.default_rng(seed)
    chosen = chance.integers(len(pixels), size=BATCH)
    corners = chance.integers(pixels.shape[-1] - SIZE + 1, size=(BATCH, 2))
    mirrored = chance.integers(2, size=BATCH)
    for at, (photo, (top, left), mirror) in enumerate(
        zip(chosen, corners.tolist(), mirrored, strict=True)
    ):
        window = np.s_[:, top : top + SIZE, left : left + SIZE]
        bytes_, less = pixels[photo][window], mean[window]
        if mirror:
            bytes_, less = bytes_[..., ::-1], less[..., ::-1]
        np.subtract(bytes_, less, out=out[at], dtype=np.float32)
    return out


def batches(count: int) -> Iterator[np.ndarray]:
    """So many, a few of them ahead."""
    store = [np.empty((BATCH, 3, SIZE, SIZE), np.float32) for _ in range(2 * workers + 1)]
    waiting: deque[Future[np.ndarray]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for number in range(count + 2 * workers):
            if number < count:
                waiting.append(pool.submit(cut, number, store[number % len(store)]))
            if number >= 2 * workers:
                yield waiting.popleft().result()


loader = batches(images // BATCH + 1)
next(loader)
began = time.perf_counter()
count = sum(len(batch) for batch in loader)
print(count / (time.perf_counter() - began))
