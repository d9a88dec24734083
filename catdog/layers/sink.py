"""Layers that write what they get."""

import weakref
from contextlib import ExitStack
from pathlib import Path

import h5py
import torch
from torch import Tensor

from catdog.layers.base import NONE, TWO, Family, Layer
from catdog.runtime.files import replacing
from catdog.spec.shape import Shape


class HDF5Output(Layer):
    """The bottoms as datasets `data` and `label` of the file hdf5_output_param.file_name.

    Each forward pass appends its rows (Caffe stops at the second). They gather beside the file
    and take its place in `close()`, or else when the layer goes. Rows of four axes at most have
    four in the file, as Caffe writes them.

    Raises LayerError without a file name and for batches of different sizes, CatdogError for a
    file that cannot be written.
    """

    messages = ("hdf5_output_param",)
    family = Family.RESULT
    bottoms = TWO
    tops = NONE
    no_gradient = frozenset({0, 1})

    def setup(self, *shapes: Shape) -> None:
        if not self.param.hdf5_output_param.file_name:
            raise self.error(
                "has no file to write",
                field="hdf5_output_param.file_name",
                remedy="give a file_name",
            )
        if shapes[0][:1] != shapes[1][:1]:
            raise self.error(
                f"has batches of different sizes: bottoms {list(shapes[0])} and {list(shapes[1])}",
                field="bottom",
                remedy="give as many labels as examples",
            )
        self._file: _Appended | None = None

    def top_shapes(self, *_: Shape) -> list[Shape]:
        # a shape has nothing to write
        return []

    def forward(self, data: Tensor, label: Tensor) -> tuple[Tensor, ...]:
        try:
            if self._file is None:
                self._file = _Appended(Path(self.param.hdf5_output_param.file_name))
                # a net has no end of its own: at the latest when it is let go
                weakref.finalize(self, self._file.close)
            self._file.append("data", data)
            self._file.append("label", label)
        except OSError as error:
            raise self.error(
                f"cannot write {self.param.hdf5_output_param.file_name}: {error}",
                field="hdf5_output_param.file_name",
                remedy="give a file on a disk with room that you may write to",
            ) from error
        return ()

    def close(self) -> None:
        """Put the file in its place; a later forward pass begins a new one."""
        if self._file is not None:
            self._file.close()
            self._file = None


class _Appended:
    """Datasets that grow row by row, in a file beside the one that they become."""

    def __init__(self, path: Path) -> None:
        self._open = ExitStack()
        beside = self._open.enter_context(replacing(path))
        self._file = self._open.enter_context(h5py.File(beside, "w"))

    def append(self, name: str, rows: Tensor) -> None:
        """Add rows to a dataset."""
        shape = (*rows.shape, *[1] * (4 - rows.dim()))
        array = rows.detach().to("cpu", torch.float32).reshape(shape).numpy()
        if name not in self._file:
            self._file.create_dataset(name, data=array, maxshape=(None, *shape[1:]), chunks=True)
            return
        dataset = self._file[name]
        dataset.resize(len(dataset) + len(array), axis=0)
        dataset[-len(array) :] = array

    def close(self) -> None:
        """Put the file in its place, once."""
        self._open.close()


TABLE: dict[str, type[Layer]] = {"HDF5Output": HDF5Output}
