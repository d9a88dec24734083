"""Selected records of an LMDB as an LMDB of their own and as a picture."""

from collections.abc import Iterator, Mapping, Sequence
from math import ceil
from pathlib import Path

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from catdog.data.build.builder import Record, write_batches
from catdog.data.datum import read_example
from catdog.data.preprocessing import DATASET_FILE, dataset_at
from catdog.data.records import Records
from catdog.data.shards import open_records
from catdog.errors import CatdogError
from catdog.proto.caffe_pb2 import DatasetCount, DatasetParameter
from catdog.runtime.files import new_folder, replacing
from catdog.spec import to_yaml

#: Pictures of a class that are shown beside each other, and inches of each.
_COLUMNS, _CELL = 50, 0.24


def write_lmdb(source: str | Path, indices: Sequence[int], target: str | Path, how: str) -> None:
    """Copy records byte for byte, keys too, into a new LMDB; `how` they were chosen goes with it.

    Raises DataError where the target is there already.
    """
    source = Path(source)
    with new_folder(target) as folder:
        with open_records(source) as reader:
            write_batches({"": folder}, _entries(reader, indices))
            labels = [read_example(value).label for value in reader.get_many(indices)]
        if (dataset := dataset_at(source)) is not None:
            _describe(dataset, labels, f"{how}, of {source}")
            (folder / DATASET_FILE).write_text(to_yaml(dataset), encoding="utf-8")


def _entries(reader: Records, indices: Sequence[int]) -> Iterator[Record]:
    return (Record("", reader.keys[index], reader.get(index)) for index in indices)


def _describe(dataset: DatasetParameter, labels: Sequence[int], source: str) -> None:
    """How the photos were prepared stays; how many there are is another matter."""
    each = [labels.count(label) for label in range(len(dataset.class_name))]
    dataset.count.CopyFrom(DatasetCount(train=len(labels), per_class_train=each))
    dataset.source = source


def draw_sheet(lmdb: str | Path, indices: Mapping[int, Sequence[int]], target: str | Path) -> None:
    """Draw the records of each label, 50 beside each other. Raises CatdogError for other channels
    than 1 or 3."""
    dataset = dataset_at(Path(lmdb)) or DatasetParameter()
    rows = {label: ceil(len(some) / _COLUMNS) for label, some in indices.items()}
    columns = min(_COLUMNS, max(map(len, indices.values())))
    title = 0.2
    height = sum(_CELL * count + title for count in rows.values())
    figure = Figure(figsize=(columns * _CELL + 0.1, height), dpi=150)
    top = height
    with open_records(lmdb) as reader:
        for label, some in indices.items():
            inches = rows[label] * _CELL
            top -= title + inches
            axes = figure.add_axes((0.005, top / height, 0.99, inches / height))
            pictures = [_picture(value, dataset) for value in reader.get_many(some)]
            _show(axes, _mosaic(pictures, columns), _name(label, dataset))
    with replacing(target) as beside:
        figure.savefig(beside)


def _name(label: int, dataset: DatasetParameter) -> str:
    known = 0 <= label < len(dataset.class_name)
    return dataset.class_name[label] if known else f"class {label}"


def _picture(value: bytes, dataset: DatasetParameter) -> NDArray[np.uint8]:
    """A record as height x width x RGB, 64 pixels at most."""
    planes = read_example(value).array
    if len(planes) not in (1, 3) or planes.dtype != np.uint8:
        raise CatdogError(
            f"records of {len(planes)} channels of {planes.dtype} cannot be shown",
            remedy="leave out the picture",
        )
    picture = np.ascontiguousarray(planes.transpose(1, 2, 0).astype(np.uint8))
    if dataset.channel_order != DatasetParameter.RGB or len(planes) == 1:
        codes = {1: cv2.COLOR_GRAY2RGB, 3: cv2.COLOR_BGR2RGB}
        picture = cv2.cvtColor(picture, codes[len(planes)]).astype(np.uint8)
    return picture


def _mosaic(pictures: Sequence[NDArray[np.uint8]], columns: int) -> NDArray[np.uint8]:
    side = min(64, max(pictures[0].shape[:2]))
    rows = ceil(len(pictures) / columns)
    sheet = np.full((rows * side, columns * side, 3), 255, np.uint8)
    for at, picture in enumerate(pictures):
        row, column = (side * number for number in divmod(at, columns))
        cell = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
        sheet[row : row + side, column : column + side] = cell
    return sheet


def _show(axes: Axes, sheet: NDArray[np.uint8], title: str) -> None:
    axes.imshow(sheet, interpolation="nearest", aspect="auto")
    axes.set_axis_off()
    axes.set_title(title, fontsize=7, pad=2, loc="left")
