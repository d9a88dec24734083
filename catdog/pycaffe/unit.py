"""A layer at its place among blobs: forward and backward on what lies in them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from catdog.feed import Feed
from catdog.layers import LAYERS
from catdog.layers.base import Layer
from catdog.layers.blob import Blob, BlobVec
from catdog.layers.python import Python
from catdog.net import Node
from catdog.pycaffe import overwritten
from catdog.pycaffe.flags import Flags
from catdog.pycaffe.mode import mode
from catdog.proto.caffe_pb2 import LayerParameter
from catdog.sources import Source


@dataclass
class Place:
    """Where a layer stands: its spec, its blobs, its part in the backward pass."""

    param: LayerParameter
    bottoms: list[Blob]
    tops: list[Blob]
    flags: Flags
    loss_weights: Sequence[float] = ()


class Unit:
    """A layer that does nothing: Input, whose tops the program writes."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.bottoms, self.tops, self.flags = place.bottoms, place.tops, place.flags
        self.blobs = BlobVec()

    @property
    def name(self) -> str:
        """The layer's name."""
        return self.place.param.name

    @property
    def type(self) -> str:
        """The layer's type."""
        return self.place.param.type

    def reshape(self) -> None:
        """Give the tops the shapes that follow from those of the bottoms."""

    def forward(self) -> None:
        """Compute the tops' data."""

    def backward(self) -> None:
        """Compute the bottoms' diffs, and add to those of the parameters."""

    def loss(self) -> float:
        """What the tops contribute to the loss."""
        return sum(
            weight * top.tensor(mode.device).sum().item()
            for weight, top in zip(self.place.loss_weights, self.tops, strict=False)
            if weight
        )


class DataUnit(Unit):
    """A data layer: each forward pass brings the next batch."""

    def __init__(self, place: Place, source: Source) -> None:
        super().__init__(place)
        self.source, self.feed = source, Feed([source])
        self._left_alone = _constant_tops(place.param)

    def forward(self) -> None:
        batch = self.feed.next()
        for name, top in zip(self.place.param.top, self.tops, strict=True):
            if name not in self._left_alone:
                top.put(batch[name].float())


def _constant_tops(param: LayerParameter) -> set[str]:
    """Tops that DummyData fills once and never again, so that a program may write to them."""
    if param.type != "DummyData":
        return set()
    fillers = [filler.type for filler in param.dummy_data_param.data_filler] or ["constant"]
    kinds = fillers * len(param.top) if len(fillers) == 1 else fillers
    return {top for top, kind in zip(param.top, kinds, strict=True) if kind == "constant"}


class SplitUnit(Unit):
    """Split: the tops have the bottom's data; the bottom's diff is the sum of theirs."""

    def reshape(self) -> None:
        for top in self.tops:
            top.reshape(*self.bottoms[0].shape)
            top.share_data(self.bottoms[0])

    def forward(self) -> None:
        self.reshape()

    def backward(self) -> None:
        if self.flags.needed and self.flags.wants()[0]:
            diffs = [top.diff_tensor(mode.device) for top in self.tops]
            self.bottoms[0].put_diff(sum(diffs[1:], diffs[0].clone()))


class ParameterUnit(Unit):
    """Parameter: its blob is its top, with data and diff."""

    def __init__(self, place: Place, blobs: BlobVec) -> None:
        super().__init__(place)
        self.blobs = blobs

    def reshape(self) -> None:
        self.tops[0].reshape(*self.blobs[0].shape)
        self.tops[0].share_data(self.blobs[0])
        self.tops[0].share_diff(self.blobs[0])

    def forward(self) -> None:
        self.reshape()


class PythonUnit(Unit):
    """A layer of the user's, called with the blobs themselves."""

    def __init__(self, place: Place, layer: Python, blobs: BlobVec) -> None:
        super().__init__(place)
        self.layer, self.blobs = layer, blobs
        layer.instance.blobs = blobs

    def reshape(self) -> None:
        self.layer.call("reshape", self.bottoms, self.tops)

    def forward(self) -> None:
        self.reshape()
        self.layer.call("forward", self.bottoms, self.tops)

    def backward(self) -> None:
        if self.flags.needed:
            self.layer.call("backward", self.tops, self.flags.wants(), self.bottoms)


@dataclass
class Record:
    """What a forward pass leaves for the backward pass of its layer."""

    bottoms: list[Tensor] = field(default_factory=list)
    tops: tuple[Tensor, ...] = ()


class LayerUnit(Unit):
    """A layer of catdog's, with autograd from its bottoms to its tops.

    `stale` says that a blob of the layer is written over in place, so that Caffe's backward pass
    reads other numbers than the forward pass did.
    """

    def __init__(self, place: Place, node: Node, blobs: BlobVec, *, stale: bool) -> None:
        super().__init__(place)
        self.layer, self.blobs = node.layer, blobs
        self.layer.in_place = False
        self._in_place = any(top is bottom for top in self.tops for bottom in self.bottoms)
        self._slope = overwritten.SLOPES.get(self.type) if stale else None
        self._kept: Tensor | None = None
        self._record: Record | None = None
        self._shapes = self._bottom_shapes()

    def reshape(self) -> None:
        shapes = self._bottom_shapes()
        if shapes == self._shapes:
            return
        self.layer = _rebuilt(self.layer, self.blobs, shapes)
        for top, shape in zip(self.tops, self.layer.top_shapes(*shapes), strict=True):
            top.reshape(*shape)
        self._adopt_parameters()
        self._shapes, self._record = shapes, None

    def _bottom_shapes(self) -> list[tuple[int, ...]]:
        return [bottom.shape for bottom in self.bottoms]

    def forward(self) -> None:
        self.reshape()
        record = self._run()
        for top, result in zip(self.tops, record.tops, strict=True):
            top.put(_owned(result.detach().float(), self._borrowed()))
        graph = any(result.requires_grad for result in record.tops)
        self._record = record if graph else None

    def _run(self) -> Record:
        self._bind()
        recorded = self.flags.needed and self._slope is None
        wants = self.flags.wants() if recorded else [False] * len(self.bottoms)
        # .data: what others write to the blob later is read in the backward pass, as in Caffe
        bottoms = [bottom.tensor(mode.device).data for bottom in self.bottoms]
        if recorded and self._in_place:
            bottoms[0] = bottoms[0].clone()
        if self._slope is not None:
            self._kept = overwritten.kept(self.place.param, bottoms[0])
        for bottom, wanted in zip(bottoms, wants, strict=True):
            bottom.requires_grad_(wanted)
        with torch.set_grad_enabled(recorded):
            tops = self.layer(*bottoms)
        return Record(bottoms, tops if isinstance(tops, tuple) else (tops,))

    def _bind(self) -> None:
        """Have the layer's parameters lie where the blobs have their numbers."""
        rates = self.flags.parameters or []
        for index, (blob, wanted) in enumerate(zip(self.blobs, rates, strict=True)):
            parameter = self.layer.blobs.parameter(index)
            numbers = blob.data_memory.on(mode.device)
            if parameter.data_ptr() != numbers.data_ptr():
                parameter.data = numbers.view(parameter.shape)
            parameter.requires_grad_(wanted and self.layer.learns)
        for buffer in self.layer.buffers():
            if buffer.device != mode.device:
                buffer.data = buffer.data.to(mode.device)

    def _borrowed(self) -> set[int]:
        """Addresses of memories that a result may lie in and not be a new one."""
        blobs = (*self.bottoms, *self.tops, *self.blobs)
        return {blob.data_memory.on(mode.device).data_ptr() for blob in blobs}

    def _adopt_parameters(self) -> None:
        for index, blob in enumerate(self.blobs):
            numbers = blob.data_memory.on(mode.device)
            shape = self.layer.blobs.shape(index)
            self.layer.blobs.replace(index, torch.nn.Parameter(numbers.view(shape)))

    def backward(self) -> None:
        if not self.flags.needed:
            return
        if self._slope is not None:
            self._backward_by_slope(self._slope)
            return
        wants = self.flags.wants()
        record = self._record or self._run()
        learning = [
            (blob, parameter)
            for index, blob in enumerate(self.blobs)
            if (parameter := self.layer.blobs.parameter(index)).requires_grad
        ]
        wanted = [b for b, want in zip(record.bottoms, wants, strict=True) if want]
        found = self._gradients(record, [*wanted, *(p for _, p in learning)])
        into = [blob for blob, want in zip(self.bottoms, wants, strict=True) if want]
        for blob, diff in zip(into, found, strict=False):
            blob.put_diff(diff)
        for (blob, _), diff in zip(learning, found[len(into) :], strict=True):
            blob.add_diff(diff)

    def _gradients(self, record: Record, sources: list[Tensor]) -> list[Tensor]:
        """Gradients of the tops, weighted with their diffs; zeros where no way leads."""
        ends = [
            (result, top.diff_tensor(mode.device).to(result.dtype).view(result.shape))
            for result, top in zip(record.tops, self.tops, strict=True)
            if result.requires_grad
        ]
        if not ends or not sources:
            return [torch.zeros_like(source) for source in sources]
        found = torch.autograd.grad(
            [result for result, _ in ends],
            sources,
            [diff for _, diff in ends],
            retain_graph=True,
            allow_unused=True,
        )
        borrowed = {diff.data_ptr() for _, diff in ends}
        return [
            torch.zeros_like(source) if diff is None else _owned(diff, borrowed)
            for source, diff in zip(sources, found, strict=True)
        ]

    def _backward_by_slope(self, slope: overwritten.Slope) -> None:
        if self.flags.wants()[0]:
            x, y = (blob.tensor(mode.device) for blob in (self.bottoms[0], self.tops[0]))
            factor = slope(self.place.param, x, y, self._kept)
            self.bottoms[0].put_diff(self.tops[0].diff_tensor(mode.device) * factor)


def _owned(result: Tensor, borrowed: set[int]) -> Tensor:
    """A result that lies in a memory of its own, whole and in order."""
    whole = result.untyped_storage().nbytes() == result.numel() * result.element_size()
    if whole and result.is_contiguous() and result.data_ptr() not in borrowed:
        return result
    return result.clone(memory_format=torch.contiguous_format)


def _rebuilt(layer: Layer, blobs: BlobVec, shapes: Sequence[tuple[int, ...]]) -> Layer:
    """The layer for bottoms of other shapes; its parameters must have the shapes they have."""
    new = LAYERS[layer.param.type](layer.param, shapes, layer.setting)
    new.in_place = False
    new.train(layer.training)
    for index, blob in enumerate(blobs):
        if math.prod(new.blobs.shape(index)) != blob.count:
            given = ", ".join(str(list(shape)) for shape in shapes)
            raise new.error(
                f"cannot take {given}: its parameters were made for another shape",
                remedy="keep this extent, or build a new net",
            )
    return new
