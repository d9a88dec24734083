"""DummyData: constants and random numbers (caffe/layers/dummy_data_layer.cpp)."""

from math import prod
from typing import TypeVar

import torch

from catdog.data.sources.base import Batch, Context, Source
from catdog.fillers import check, fill
from catdog.proto.caffe_pb2 import FillerParameter, LayerParameter
from catdog.runtime.room import too_large
from catdog.spec.shape import Shape

T = TypeVar("T")

_LEGACY = ("num", "channels", "height", "width")


class DummyData(Source):
    """Blobs from fillers, without end: the same constants, other random numbers in every batch.

    Shapes come from `shape` or from num, channels, height and width, one for all tops or one for
    each; so do the fillers, and without one the blobs are zero.
    """

    messages = ("dummy_data_param",)

    def __init__(self, layer: LayerParameter, context: Context | None = None) -> None:
        super().__init__(layer, context)
        self.param = layer.dummy_data_param
        self._shapes = dict(zip(self.tops, self._read_shapes(), strict=True))
        fillers = list(self.param.data_filler) or [FillerParameter()]
        self._fillers = self._for_each_top("data_filler", fillers)
        for top, shape in self._shapes.items():
            if min(shape, default=0) < 0:
                what = f'"{top}" has the shape {" x ".join(map(str, shape))}'
                raise self.error(what, field=self.messages[0], remedy="give sizes of 0 or more")
        if large := too_large(sum(map(prod, self._shapes.values()))):
            raise self.error(f"makes batches of which one {large}", field=self.messages[0])
        for shape, filler in zip(self._shapes.values(), self._fillers, strict=True):
            check(shape, filler)

    @property
    def shapes(self) -> dict[str, Shape]:
        return dict(self._shapes)

    def next(self) -> Batch:
        generator = self.generator("batch", self.position, self.context.rank)
        blobs = {}
        for (top, shape), filler in zip(self._shapes.items(), self._fillers, strict=True):
            blobs[top] = torch.empty(shape)
            fill(blobs[top], filler, generator)
        self.position += 1
        return Batch(blobs)

    def _read_shapes(self) -> list[Shape]:
        given = [field for field in _LEGACY if getattr(self.param, field)]
        if not given:
            shapes = self._for_each_top("shape", list(self.param.shape))
            return [tuple(shape.dim) for shape in shapes]
        if self.param.shape:
            raise self.error(f"has shape and {given[0]}", field=given[0], remedy="keep shape")
        extents = [self._for_each_top(field, list(getattr(self.param, field))) for field in _LEGACY]
        return list(zip(*extents, strict=True))

    def _for_each_top(self, field: str, values: list[T]) -> list[T]:
        tops = len(self.tops)
        if len(values) not in (1, tops):
            wanted = "1" if tops == 1 else f"1 or {tops} (one for each top)"
            raise self.error(f"has {len(values)} values of {field}, takes {wanted}", field=field)
        return values * tops if len(values) == 1 else values


TABLE: dict[str, type[Source]] = {"DummyData": DummyData}
