"""HDF5Data: rows of HDF5 files (caffe/layers/hdf5_data_layer.cpp)."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate, groupby
from math import prod
from pathlib import Path

import h5py
import numpy as np
import torch
from numpy.typing import NDArray

from catdog.data.hdf5_file import DamagedHDF5, hdf5_file, members, numbers
from catdog.data.sources.base import (
    Batch,
    Context,
    Order,
    RecordSource,
    Source,
    batch_size_of,
    read_text,
)
from catdog.data.transform import shape_text
from catdog.errors import DataError, did_you_mean
from catdog.proto.caffe_pb2 import LayerParameter
from catdog.runtime.files import is_there
from catdog.spec.shape import Shape


@dataclass(frozen=True)
class _File:
    """A file, its first row among all rows, its number of rows, the shape of a row of each top."""

    path: Path
    start: int
    rows: int
    shapes: dict[str, Shape]


class HDF5Data(RecordSource):
    """Rows in the order of the list of files; a top is the dataset of its name.

    Batches run across the ends of files. One file at a time is held in memory, as in Caffe.
    `shuffle`: files in another order each pass, and the rows within each.
    """

    messages = ("hdf5_data_param",)

    def __init__(self, layer: LayerParameter, context: Context | None = None) -> None:
        super().__init__(layer, context)
        self.param = layer.hdf5_data_param
        self.batch_size = batch_size_of(self, self.param.batch_size)
        self.shuffle = self.param.shuffle
        self._files = self._open_list()
        self._starts = np.array([file.start for file in self._files])
        self._held: tuple[int, dict[str, NDArray[np.float32]]] = (-1, {})

    @property
    def size(self) -> int:
        return self._files[-1].start + self._files[-1].rows

    @property
    def shapes(self) -> dict[str, Shape]:
        return {top: (self.batch_size, *row) for top, row in self._files[0].shapes.items()}

    def label_counts(self, top: str) -> Mapping[int, int] | None:
        counts: Counter[int] = Counter()
        for file in self._files:
            if prod(file.shapes[top]) != 1:
                return None
            with _open(file.path) as opened:
                # floats lose their fraction, as in the layers
                labels = self._whole(numbers(opened[top]), top, file.path)
            for label, number in zip(*np.unique(labels, return_counts=True), strict=True):
                counts[int(label)] += int(number)
        return counts

    def all_labels(self, top: str) -> NDArray[np.float32] | None:
        parts = []
        for file in self._files:
            with _open(file.path) as opened:
                parts.append(numbers(opened[top]).reshape(file.rows, -1))
        return np.concatenate(parts)

    @staticmethod
    def _whole(values: NDArray[np.float32], top: str, path: Path) -> NDArray[np.int64]:
        """Labels of a file; DataError where one is no number."""
        if (wrong := np.flatnonzero(~np.isfinite(values))).size:
            what = f'row {wrong[0]} of "{top}" is {values.flat[wrong[0]]:g}, which is no label'
            raise DataError(what, where=str(path), remedy="write the labels again")
        return values.clip(-(2**62), 2**62).astype(np.int64)

    def order(self, epoch: int) -> Order:
        if not self.shuffle:
            return range(self.size)
        return [
            self._files[number].start + row
            for number in self.permutation(len(self._files), epoch)
            for row in self.permutation(self._files[number].rows, epoch, number)
        ]

    def read(self, indices: Sequence[int], _generator: torch.Generator, /) -> Batch:
        numbers = np.searchsorted(self._starts, indices, side="right") - 1
        parts: dict[str, list[NDArray[np.float32]]] = {top: [] for top in self.tops}
        for number, run in groupby(zip(numbers.tolist(), indices, strict=True), lambda at: at[0]):
            rows = [index - self._files[number].start for _, index in run]
            for top, values in self._hold(number).items():
                parts[top].append(values[rows])
        return Batch({top: torch.from_numpy(np.concatenate(part)) for top, part in parts.items()})

    def look_at(self, index: int, /) -> str:
        number = int(np.searchsorted(self._starts, index, side="right")) - 1
        file = self._files[number]
        row = index - file.start
        for top, values in self._hold(number).items():
            if not np.isfinite(values[row]).all():
                return f'{file.path} row {row} of "{top}"'
        return ""

    def _hold(self, number: int) -> dict[str, NDArray[np.float32]]:
        held, values = self._held
        if held != number:
            path = self._files[number].path
            with _open(path) as file:
                values = {top: numbers(file[top]) for top in self.tops}
            self._held = (number, values)
        return values

    def _open_list(self) -> list[_File]:
        source = self.context.locate(self.param.source)
        paths = [
            self.context.locate(name)
            for line in read_text(source, "list of HDF5 files").splitlines()
            for name in self._names(line.strip())
        ]
        if not paths:
            raise DataError("names no files", where=str(source), remedy="write one in each line")
        shapes = [self._inspect(path) for path in paths]
        rows = [next(iter(shape.values()))[0] for shape in shapes]
        files = [
            _File(path, start, count, {top: shape[1:] for top, shape in tops.items()})
            for path, start, count, tops in zip(
                paths, accumulate(rows, initial=0), rows, shapes, strict=False
            )
        ]
        self._check_alike(files)
        return files

    def _names(self, line: str) -> list[str]:
        # Caffe splits at every space; a name that is there with its spaces is meant
        return [line] if line and is_there(self.context.locate(line)) else line.split()

    def _inspect(self, path: Path) -> dict[str, Shape]:
        """Shapes of the datasets that the tops name."""
        with _open(path) as file:
            datasets = {name for name, item in members(file) if isinstance(item, h5py.Dataset)}
            for top in self.tops:
                if top not in datasets:
                    remedy = did_you_mean(top, datasets) or f"it has {', '.join(sorted(datasets))}"
                    raise DataError(f'has no dataset "{top}"', where=str(path), remedy=remedy)
            shapes = {top: tuple(map(int, file[top].shape)) for top in self.tops}
        rows = {shape[:1] for shape in shapes.values()}
        if len(rows) != 1 or not all(count and count[0] for count in rows):
            found = ", ".join(f"{top} {shape_text(shape)}" for top, shape in shapes.items())
            raise DataError(
                f"its datasets need one and the same number of rows ({found})", where=str(path)
            )
        return shapes

    def _check_alike(self, files: Sequence[_File]) -> None:
        first = files[0]
        for file in files[1:]:
            for top, shape in file.shapes.items():
                if shape != first.shapes[top]:
                    raise DataError(
                        f'rows of "{top}" are {shape_text(shape)}, in {first.path} they are '
                        f"{shape_text(first.shapes[top])}",
                        where=str(file.path),
                    )


@contextmanager
def _open(path: Path) -> Iterator[h5py.File]:
    try:
        with hdf5_file(path) as file:
            yield file
    except FileNotFoundError:
        remedy = "check the list of files"
        raise DataError("no such HDF5 file", where=str(path), remedy=remedy) from None
    except (DamagedHDF5, OSError):
        raise DataError("is no HDF5 file, or a damaged one", where=str(path)) from None


TABLE: dict[str, type[Source]] = {"HDF5Data": HDF5Data}
