"""A layer of catdog's among blobs: autograd from its bottoms to its tops, one layer at a time."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from catdog.layers import make_layer
from catdog.layers.base import Layer
from catdog.layers.blob import BlobVec
from catdog.layers.overwritten import Rereading
from catdog.layers.pooling import Pooling
from catdog.net.step import Node
from catdog.pycaffe.mode import mode
from catdog.pycaffe.unit import Slot, Unit


@dataclass
class ForwardPass:
    """What a forward pass leaves for the backward pass of its layer."""

    bottoms: list[Tensor] = field(default_factory=list)
    tops: tuple[Tensor, ...] = ()


class LayerUnit(Unit):
    """A layer of catdog's, with autograd from its bottoms to its tops.

    Where the node is stale, its blobs having been written over in place, the gradient is taken
    from what they hold by then.
    """

    def __init__(self, slot: Slot, node: Node, blobs: BlobVec) -> None:
        super().__init__(slot)
        self.layer, self.blobs = node.layer, blobs
        self.layer.in_place = False
        self._in_place = any(top is bottom for top in self.tops for bottom in self.bottoms)
        self._stale = node.stale
        self._kept: Tensor | None = None
        self._pass: ForwardPass | None = None
        self._shapes = self._bottom_shapes()

    def reshape(self) -> None:
        shapes = self._bottom_shapes()
        if shapes == self._shapes:
            return
        self.layer = _rebuilt(self.layer, self.blobs, shapes)
        for top, shape in zip(self.tops, self.layer.top_shapes(*shapes), strict=True):
            top.reshape(*shape)
        self._adopt_parameters()
        self._shapes, self._pass = shapes, None

    @property
    def _rereading(self) -> Rereading | None:
        """The layer, where its gradient comes from its blobs as they are by then."""
        return self.layer if self._stale and isinstance(self.layer, Rereading) else None

    def _bottom_shapes(self) -> list[tuple[int, ...]]:
        return [bottom.shape for bottom in self.bottoms]

    def forward(self) -> None:
        self.reshape()
        done = self._run()
        for top, result in zip(self.tops, done.tops, strict=True):
            top.put(_owned(result.detach().float(), self._borrowed()))
        for index, blob in enumerate(self.blobs):
            if self.layer.keeps(index):
                blob.data_memory.changed_on(mode.device)
        self._pass = done if self.flags.needed else None

    def _run(self) -> ForwardPass:
        self._bind()
        rereading = self._rereading
        recorded = self.flags.needed and rereading is None
        wants = self.flags.wants() if recorded else [False] * len(self.bottoms)
        # .data: what others write to the blob later is read in the backward pass, as in Caffe
        bottoms = [bottom.tensor(mode.device).data for bottom in self.bottoms]
        if recorded and self._in_place and self.bottoms[0].data_memory.stays_on(mode.device):
            bottoms[0] = bottoms[0].clone()
        if rereading is not None:
            self._kept = rereading.kept(bottoms[0])
        if isinstance(self.layer, Pooling) and mode.device.type == "cpu":
            # of NCHW, as blobs are, the maxima take ten times as long
            bottoms = [bottom.contiguous(memory_format=torch.channels_last) for bottom in bottoms]
        for bottom, wanted in zip(bottoms, wants, strict=True):
            bottom.requires_grad_(wanted)
        with torch.set_grad_enabled(recorded):
            tops = self.layer(*bottoms)
        return ForwardPass(bottoms, tops if isinstance(tops, tuple) else (tops,))

    def _bind(self) -> None:
        """Have the layer's parameters lie where the blobs have their numbers."""
        rates = self.flags.parameters or []
        for index, (blob, wanted) in enumerate(zip(self.blobs, rates, strict=True)):
            parameter = self.layer.blobs.parameter(index)
            numbers = blob.data_memory.on(mode.device)
            if parameter.data_ptr() != numbers.data_ptr():
                parameter.data = numbers.view(parameter.shape)
            parameter.requires_grad_(wanted and not self.layer.keeps(index))
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
        if self._rereading is not None:
            self._backward_by_slope(self._rereading)
            return
        wants = self.flags.wants()
        if not any(wants) and not self._learns():
            return
        done = self._pass or self._run()
        learning = [
            (blob, parameter)
            for index, blob in enumerate(self.blobs)
            if (parameter := self.layer.blobs.parameter(index)).requires_grad
        ]
        wanted = [b for b, want in zip(done.bottoms, wants, strict=True) if want]
        found = self._gradients(done, [*wanted, *(p for _, p in learning)])
        into = [blob for blob, want in zip(self.bottoms, wants, strict=True) if want]
        for blob, diff in zip(into, found, strict=False):
            blob.put_diff(diff)
        for (blob, _), diff in zip(learning, found[len(into) :], strict=True):
            blob.add_diff(diff)

    def _learns(self) -> bool:
        return self.layer.learns and any(self.flags.parameters or [])

    def _gradients(self, done: ForwardPass, sources: list[Tensor]) -> list[Tensor]:
        """Gradients of the tops, weighted with their diffs; zeros where no way leads."""
        ends = [
            (result, top.diff_tensor(mode.device).to(result.dtype).view(result.shape))
            for result, top in zip(done.tops, self.tops, strict=True)
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

    def _backward_by_slope(self, layer: Rereading) -> None:
        if self.flags.wants()[0]:
            x, y = (blob.tensor(mode.device) for blob in (self.bottoms[0], self.tops[0]))
            factor = layer.slope(x, y, self._kept)
            self.bottoms[0].put_diff(self.tops[0].diff_tensor(mode.device) * factor)


class ViewUnit(LayerUnit):
    """Flatten and Reshape: the top is the bottom, with data and diff, in another shape."""

    def forward(self) -> None:
        self.reshape()
        self.tops[0].share_data(self.bottoms[0])
        self.tops[0].share_diff(self.bottoms[0])

    def backward(self) -> None:
        """The bottom's diff is there already."""


def _owned(result: Tensor, borrowed: set[int]) -> Tensor:
    """A result that lies in a memory of its own, whole and in order."""
    whole = result.untyped_storage().nbytes() == result.numel() * result.element_size()
    if whole and result.is_contiguous() and result.data_ptr() not in borrowed:
        return result
    return result.clone(memory_format=torch.contiguous_format)


def _rebuilt(layer: Layer, blobs: BlobVec, shapes: Sequence[tuple[int, ...]]) -> Layer:
    """The layer for bottoms of other shapes; its parameters must have the shapes they have."""
    new = make_layer(layer.param, shapes, layer.setting)
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
