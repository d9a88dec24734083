"""Batches from an LMDB beside torchvision's ways and a file of bare pixels."""

import time
from collections.abc import Callable
from contextlib import ExitStack, closing

import numpy as np

from benchmarks.comparison import Comparison, Side
from benchmarks.limits import feed_rate
from benchmarks.workplace import Workplace, script
from catdog.data.datum import read_example
from catdog.data.feed import Feed
from catdog.data.lmdb_store import Reader
from catdog.data.mean import read_mean
from catdog.data.sources import open_source
from catdog.proto.caffe_pb2 import DataParameter, LayerParameter

_STORED, _CROP, _BATCH = 256, 227, 64
_BATCHES, _THEIR_IMAGES = 150, 1536


def feed(place: Workplace, stack: ExitStack) -> Feed:
    """The photos at 256 x 256, cut to 227 x 227, mirrored, less their mean."""
    data = place.lmdb(_STORED, equalize=False)
    layer = LayerParameter(name="data", type="Data", top=["data", "label"])
    layer.data_param.source, layer.data_param.batch_size = str(data / "train_lmdb"), _BATCH
    layer.data_param.backend = DataParameter.LMDB
    layer.data_param.shuffle = True
    transform = layer.transform_param
    transform.crop_size, transform.mirror = _CROP, True
    transform.mean_file = str(data / "mean.binaryproto")
    return stack.enter_context(Feed([open_source(layer)]))


def feeding(place: Workplace, stack: ExitStack) -> Side:
    """Images a second of these batches."""
    opened = feed(place, stack)

    def run() -> float:
        opened.next()
        began = time.perf_counter()
        for _ in range(_BATCHES):
            opened.next()
        return _BATCHES * _BATCH / (time.perf_counter() - began)

    return run


def _beside(peer: str) -> Callable[[Workplace, ExitStack], tuple[Side, Side]]:
    """A program that decodes the photos anew."""

    def prepare(place: Workplace, stack: ExitStack) -> tuple[Side, Side]:
        return feeding(place, stack), lambda: script(peer, [place.by_class, _THEIR_IMAGES])

    return prepare


def _memory_map(place: Workplace, stack: ExitStack) -> tuple[Side, Side]:
    data = place.lmdb(_STORED, equalize=False)
    pixels, mean = place.folder / "pixels.npy", place.folder / "mean256.npy"
    with closing(Reader(data / "train_lmdb")) as reader:
        np.save(pixels, np.stack([read_example(value).array for _, value in reader.items()]))
    np.save(mean, read_mean(data / "mean.binaryproto"))
    words = [pixels, mean, _BATCHES * _BATCH]
    return feeding(place, stack), lambda: script("memory_map", words)


def _limit(_: Workplace) -> float:
    return feed_rate(_CROP)


_CASE = f"batches of {_CROP} x {_CROP} from an LMDB"
CASES = (
    Comparison(_CASE, "ImageFolder and DataLoader", "images/s", 8, _beside("image_folder"), _limit),
    Comparison(
        _CASE,
        "torchvision's decode_image and v2",
        "images/s",
        8,
        _beside("image_folder_v2"),
        _limit,
    ),
    Comparison(_CASE, "pixels in a memory map, threads", "images/s", 1, _memory_map, _limit),
)
