"""What a store has: counts, what was done to its photos, its mean, what was left out."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from catdog.analysis.exploration import PAGE
from catdog.data.build.build_files import SKIPPED
from catdog.data.datum import read_example
from catdog.data.images import Pixels, jpeg
from catdog.data.lmdb_store import BUILT
from catdog.data.mean import BUILT_MEAN, read_mean
from catdog.data.preprocessing import dataset_at, per_class
from catdog.data.shards import open_records
from catdog.errors import CatdogError
from catdog.proto.caffe_pb2 import DatasetParameter

#: Rows of what was left out, classes and photos that are shown.
_ROWS, _QUALITY = 100, 90
#: Where the page on a store's photos is written, in the store's folder.
EXPLORATION = "exploration"


@dataclass(frozen=True)
class ClassCounts:
    """A class and its photos in each part of the store."""

    name: str
    counts: tuple[int, ...]


@dataclass(frozen=True)
class StoreFacts:
    """What is recorded of a store.

    Args:
        parts: train, validation, test: those that there are.
        classes: with their counts, in the order of their labels.
        prepared: lines on what was done to the photos.
        source: where they came from.
        has_mean: whether there is a mean picture.
        skipped: files that were left out, with the reason.
        explored: whether there is a page on the photos.
    """

    parts: tuple[str, ...]
    classes: tuple[ClassCounts, ...]
    prepared: tuple[str, ...]
    source: str
    has_mean: bool
    skipped: tuple[tuple[str, str], ...]
    explored: bool


def store_facts(folder: Path) -> StoreFacts:
    """The facts of a folder of stores, or of one store alone."""
    there = [name for name in BUILT if (folder / name).exists()]
    dataset = dataset_at(folder / there[0] if there else folder) or DatasetParameter()
    columns = [per_class(dataset, name) for name in there]
    classes = tuple(
        ClassCounts(name, tuple(column[at] if at < len(column) else 0 for column in columns))
        for at, name in enumerate(dataset.class_name)
    )
    return StoreFacts(
        tuple(name.removesuffix("_lmdb") for name in there),
        classes,
        tuple(_prepared(dataset)),
        dataset.source,
        (folder / BUILT_MEAN).is_file(),
        tuple(_skipped(folder / SKIPPED)),
        (folder / EXPLORATION / PAGE).is_file(),
    )


def mean_picture(folder: Path) -> bytes:
    """The mean of a store as a JPEG. Raises CatdogError where there is none."""
    path = folder / BUILT_MEAN
    if not path.is_file():
        raise CatdogError("has no mean", where=str(folder))
    planes = np.clip(np.rint(read_mean(path)), 0, 255).astype(np.uint8)
    return jpeg(_large(_pixels(planes, dataset_at(folder))), _QUALITY)


def stored_photo(store: Path, index: int) -> tuple[bytes, str]:
    """A photo of a store as a JPEG, and the name of its class or its labels.

    Raises CatdogError where there is none.
    """
    with open_records(store) as records:
        if not 0 <= index < len(records):
            raise CatdogError("no such photo", where=f"{store}, {index}")
        example = read_example(records.get(index))
    dataset = dataset_at(store) or DatasetParameter()
    planes = np.clip(np.rint(example.array), 0, 255).astype(np.uint8)
    names: Sequence[str] = dataset.class_name
    if example.labels is not None:
        label = ", ".join(
            names[at] if at < len(names) else str(at)
            for at, value in enumerate(example.labels)
            if value
        )
    else:
        label = names[example.label] if 0 <= example.label < len(names) else str(example.label)
    return jpeg(_large(_pixels(planes, dataset)), _QUALITY), label


def _pixels(planes: Pixels, dataset: DatasetParameter | None) -> Pixels:
    """Planes as a picture in BGR or grey."""
    if planes.shape[0] == 1:
        return np.ascontiguousarray(planes[0])
    turned = dataset is not None and dataset.channel_order == DatasetParameter.RGB
    picture = planes[:3].transpose(1, 2, 0)
    return np.ascontiguousarray(picture[..., ::-1] if turned else picture)


def _large(picture: Pixels) -> Pixels:
    """A small picture in larger pixels."""
    times = max(1, 128 // max(picture.shape[:2]))
    size = picture.shape[1] * times, picture.shape[0] * times
    found: Pixels = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_NEAREST))
    return found


def _prepared(dataset: DatasetParameter) -> list[str]:
    if dataset.encoding == DatasetParameter.KEEP:
        return ["the photos' own files, as they are"]
    lines = []
    if dataset.width:
        how = DatasetParameter.Resize.Name(dataset.resize).lower()
        words = {"stretch": "stretched", "pad": "padded", "crop": "cropped"}
        by = DatasetParameter.Interpolation.Name(dataset.interpolation).lower()
        lines.append(f"{words[how]} to {dataset.width} x {dataset.height} ({by})")
    lines.append("histograms equalised" if dataset.equalize else "histograms as they were")
    order = DatasetParameter.ChannelOrder.Name(dataset.channel_order)
    lines.append("grey" if order == "GRAY" else f"colours as {order}")
    if dataset.encoding == DatasetParameter.JPEG:
        lines.append(f"stored as JPEGs of quality {dataset.quality}")
    return lines


def _skipped(path: Path) -> list[tuple[str, str]]:
    try:
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            rows = [row for _, row in zip(range(_ROWS + 1), csv.reader(file), strict=False)]
    except (OSError, csv.Error):
        return []
    return [(row[0], row[1]) for row in rows[1:] if len(row) > 1]
