"""Batches from an LMDB beside torchvision's usual way."""

import time
from contextlib import ExitStack

from benchmarks.comparison import Comparison, Side
from benchmarks.workplace import Workplace, script
from catdog.data.feed import Feed
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


def _feeding(place: Workplace, stack: ExitStack) -> tuple[Side, Side]:
    opened = feed(place, stack)

    def ours() -> float:
        opened.next()
        began = time.perf_counter()
        for _ in range(_BATCHES):
            opened.next()
        return _BATCHES * _BATCH / (time.perf_counter() - began)

    return ours, lambda: script("image_folder", [place.by_class, _THEIR_IMAGES])


CASES = (
    Comparison(
        "batches of 227 x 227 from an LMDB",
        "ImageFolder and DataLoader",
        "images/s",
        8,
        _feeding,
    ),
)
