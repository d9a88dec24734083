"""MemoryData: arrays given by the program (caffe/layers/memory_data_layer.cpp)."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike

from catdog.data.datum import datum_to_array
from catdog.data.sources.base import Batch, Context, RecordSource, Source, batch_size_of
from catdog.data.transform import Transform, shape_text
from catdog.errors import DataError
from catdog.proto.caffe_pb2 import Datum, LayerParameter
from catdog.runtime.distributed.group import WHOLE, Part
from catdog.spec.shape import Shape


class MemoryData(RecordSource):
    """Examples in their order, over and over: `reset` gives arrays, `add` Datums.

    transform_param changes Datums only, once, when they are added; there is no prefetch.
    """

    messages = ("memory_data_param", "transform_param")
    least_tops = most_tops = 2

    def __init__(self, layer: LayerParameter, context: Context | None = None) -> None:
        super().__init__(layer, context)
        param = layer.memory_data_param
        self.batch_size = batch_size_of(self, param.batch_size)
        self.prefetch = 0
        self._rules = Transform(layer, self.context.phase, self.context.locate)
        self._added = 0
        self._shape = (param.channels, param.height, param.width)
        for field, extent in zip(("channels", "height", "width"), self._shape, strict=True):
            if not extent:
                raise self.error(f"needs {field} of at least 1", field=field)
        self._data = torch.empty(0, *self._shape)
        self._labels = torch.empty(0)

    @classmethod
    def remark(cls, layer: LayerParameter) -> str:
        if not layer.HasField("transform_param"):
            return ""
        return (
            f'layer "{layer.name}" ({layer.type}) applies its transform_param to Datums that are '
            "added, not to arrays"
        )

    def look_at(self, index: int, /) -> str:
        finite = self._data[index].isfinite().all() and self._labels[index].isfinite().all()
        return "" if finite else f'layer "{self.name}" record {index}'

    def add(self, datums: Sequence[Datum]) -> None:
        """Use these Datums, transformed, from the first on (MemoryDataLayer::AddDatumVector).

        Their number is a multiple of batch_size; transformed, they have the layer's channels,
        height and width. Raises DataError otherwise.
        """
        arrays = [datum_to_array(datum) for datum in datums]
        shapes = [self._rules.shape(array.shape, f'layer "{self.name}"') for array in arrays]
        if len(set(shapes)) > 1:
            raise DataError("got Datums of several sizes", where=f'layer "{self.name}"')
        numbers = np.empty((0, *self._shape), np.float32)
        if arrays:
            generator = self.generator("add", self._added)
            draw = self._rules.draw([array.shape for array in arrays], generator)
            numbers = self._rules.apply(self._rules.gather(arrays, draw), draw).numpy()
        self._added += len(arrays)
        self.reset(numbers, [datum.label for datum in datums])

    def reset(self, data: ArrayLike, labels: ArrayLike) -> None:
        """Use these arrays from their first example on.

        `data` is N x channels x height x width, `labels` has N numbers, and N is a multiple of
        batch_size. Raises DataError otherwise.
        """
        pictures, numbers = np.array(data, np.float32), np.array(labels, np.float32)
        count = len(pictures) if pictures.ndim else 0
        where = f'layer "{self.name}"'
        if pictures.shape != (count, *self._shape) or numbers.size != count:
            raise DataError(
                f"got data of shape {shape_text(pictures.shape)} and {numbers.size} labels, "
                f"takes N x {shape_text(self._shape)} and N",
                where=where,
            )
        if not count or count % self.batch_size:
            raise DataError(
                f"got {count} examples, takes a multiple of batch_size {self.batch_size}",
                where=where,
            )
        self._data, self._labels = torch.from_numpy(pictures), torch.from_numpy(numbers.ravel())
        self.position = self.epoch = 0

    @property
    def size(self) -> int:
        return len(self._data)

    @property
    def shapes(self) -> dict[str, Shape]:
        blobs = ((self.batch_size, *self._shape), (self.batch_size,))
        return dict(zip(self.tops, blobs, strict=True))

    def next(self) -> Batch:
        self._check_given()
        return super().next()

    def one_pass(self, part: Part = WHOLE, /) -> Iterator[Batch]:
        self._check_given()
        return super().one_pass(part)

    def read(self, indices: Sequence[int], _generator: torch.Generator, /) -> Batch:
        rows = torch.tensor(indices)
        return Batch(dict(zip(self.tops, (self._data[rows], self._labels[rows]), strict=True)))

    def _check_given(self) -> None:
        if not self.size:
            raise DataError(
                "has no data yet", where=f'layer "{self.name}"', remedy="give arrays to reset()"
            )


TABLE: dict[str, type[Source]] = {"MemoryData": MemoryData}
