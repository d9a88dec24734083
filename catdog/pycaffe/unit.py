"""A layer among its blobs: forward and backward on what lies in them."""

import os
import weakref
from collections.abc import Sequence
from dataclasses import dataclass

from catdog.data.feed import Feed
from catdog.data.sources import Source, open_source
from catdog.layers.blob import Blob, BlobVec
from catdog.layers.python import Python
from catdog.proto.caffe_pb2 import LayerParameter
from catdog.pycaffe.flags import Flags
from catdog.pycaffe.mode import mode


@dataclass
class Slot:
    """Where a layer stands: its spec, its blobs, its part in the backward pass."""

    param: LayerParameter
    bottoms: list[Blob]
    tops: list[Blob]
    flags: Flags
    loss_weights: Sequence[float] = ()


class Unit:
    """A layer that does nothing: Input, whose tops the program writes."""

    def __init__(self, slot: Slot) -> None:
        self.slot = slot
        self.bottoms, self.tops, self.flags = slot.bottoms, slot.tops, slot.flags
        self.blobs = BlobVec()

    @property
    def name(self) -> str:
        """The layer's name."""
        return self.slot.param.name

    @property
    def type(self) -> str:
        """The layer's type."""
        return self.slot.param.type

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
            for weight, top in zip(self.slot.loss_weights, self.tops, strict=False)
            if weight
        )


class DataUnit(Unit):
    """A data layer: each forward pass brings the next batch."""

    def __init__(self, slot: Slot, source: Source) -> None:
        super().__init__(slot)
        self._left_alone = _constant_tops(slot.param)
        if self._left_alone:
            # there is nothing to read ahead
            source.prefetch = 0
        self._open(source)
        if self._left_alone:
            self._take(self._left_alone)

    def _open(self, source: Source) -> None:
        self.source, self.feed = source, Feed([source])
        # the feed's thread would outlive the net
        self._end = weakref.finalize(self, self.feed.close)
        self._process = os.getpid()

    def forward(self) -> None:
        if self.source.prefetch and self._process != os.getpid():
            # forked: the threads that read ahead stayed behind, perhaps holding their locks
            self._end.detach()
            state = self.feed.state()
            self._open(open_source(self.source.layer, self.source.context))
            self.feed.load_state(state)
        self._take(set(self.slot.param.top) - self._left_alone)

    def _take(self, names: set[str]) -> None:
        batch = self.feed.next()
        for name, top in zip(self.slot.param.top, self.tops, strict=True):
            if name in names:
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

    def __init__(self, slot: Slot, blobs: BlobVec) -> None:
        super().__init__(slot)
        self.blobs = blobs

    def reshape(self) -> None:
        self.tops[0].reshape(*self.blobs[0].shape)
        self.tops[0].share_data(self.blobs[0])
        self.tops[0].share_diff(self.blobs[0])

    def forward(self) -> None:
        self.reshape()


class PythonUnit(Unit):
    """A layer of the user's, called with the blobs themselves."""

    def __init__(self, slot: Slot, layer: Python, blobs: BlobVec) -> None:
        super().__init__(slot)
        self.instance, self.blobs = layer.instance, blobs
        self.instance.blobs = blobs

    def reshape(self) -> None:
        self.instance.reshape(self.bottoms, self.tops)

    def forward(self) -> None:
        self.reshape()
        self.instance.forward(self.bottoms, self.tops)

    def backward(self) -> None:
        if self.flags.needed:
            self.instance.backward(self.tops, self.flags.wants(), self.bottoms)
