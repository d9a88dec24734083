"""Photos to two LMDBs as the old tutorials did it, one photo after the other: FOLDER OUT SIZE."""

import random
import shutil
import sys
import time
from pathlib import Path

import cv2
import lmdb
import numpy as np

from catdog.proto.caffe_pb2 import Datum

folder, out, size = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])


def transform(image: np.ndarray) -> np.ndarray:
    """Equalised and stretched."""
    for channel in range(3):
        image[:, :, channel] = cv2.equalizeHist(image[:, :, channel])
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_CUBIC)


def make_datum(image: np.ndarray, label: int) -> Datum:
    """A Datum of channels x height x width."""
    data = np.rollaxis(image, 2).tobytes()
    return Datum(channels=3, width=size, height=size, label=label, data=data)


def write(name: str, paths: list[tuple[int, Path]]) -> None:
    """One LMDB in one transaction."""
    database = lmdb.open(str(out / name), map_size=int(1e12))
    with database.begin(write=True) as transaction:
        for number, path in paths:
            image = cv2.imread(str(path), cv2.IMREAD_COLOR)
            assert image is not None  # every photo can be read
            datum = make_datum(transform(image), 0 if "cat" in path.name else 1)
            transaction.put(f"{number:0>5d}".encode("ascii"), datum.SerializeToString())
    database.close()


shutil.rmtree(out, ignore_errors=True)
out.mkdir(parents=True)
began = time.perf_counter()
photos = sorted(folder.glob("*.jpg"))
random.seed(0)
random.shuffle(photos)
write("train_lmdb", [(i, path) for i, path in enumerate(photos) if i % 6])
write("validation_lmdb", [(i, path) for i, path in enumerate(photos) if i % 6 == 0])
print(len(photos) / (time.perf_counter() - began))
