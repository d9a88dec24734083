"""What the tests of the sources share: layers from prototxt, small LMDBs."""

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from google.protobuf import text_format
from numpy.typing import NDArray
from torch import Tensor

from catdog.data.datum import array_to_datum, encoded_datum
from catdog.data.lmdb_store import Writer
from catdog.data.sources import Context, Source, open_source
from catdog.proto.caffe_pb2 import TEST, TRAIN, LayerParameter, Phase

FORMATS = Path(__file__).parents[2] / "goldens" / "formats"


def layer(text: str, kind: str = "Data", tops: Sequence[str] = ("data", "label")) -> LayerParameter:
    """A layer `data` of a type from the text of its parameters."""
    made = LayerParameter(name="data", type=kind, top=tops)
    return text_format.Parse(text, made)


def source(made: LayerParameter, folder: Path, phase: Phase = TEST, **more: int) -> Source:
    return open_source(made, Context(phase=phase, locate=inside(folder), **more))


def train_source(made: LayerParameter, folder: Path, **more: int) -> Source:
    return source(made, folder, TRAIN, **more)


def inside(folder: Path) -> Callable[[str], Path]:
    return lambda name: folder / name


def pictures(
    count: int, size: Sequence[int] = (3, 8, 10), seed: int = 0
) -> list[NDArray[np.uint8]]:
    chance = np.random.default_rng(seed)
    return [chance.integers(0, 256, size, np.uint8) for _ in range(count)]


def write_lmdb(folder: Path, images: Sequence[NDArray[np.uint8]], *, encoded: bool = False) -> Path:
    """An LMDB whose labels count up; PNG files where `encoded`."""
    pairs = []
    for label, image in enumerate(images):
        datum = array_to_datum(image, label)
        if encoded:
            content = cv2.imencode(".png", image.transpose(1, 2, 0))[1].tobytes()
            datum = encoded_datum(content, label)
        pairs.append((f"{label:08d}_picture".encode(), datum.SerializeToString()))
    return write_values(folder, pairs)


def write_values(folder: Path, pairs: Sequence[tuple[bytes, bytes]]) -> Path:
    """An LMDB of these keys and values, added to those that are there."""
    writer = Writer(folder)
    writer.put(pairs)
    writer.close()
    return folder


def labels(blob: Tensor) -> list[int]:
    return [int(label) for label in blob]
