"""The outputs of frozen layers, computed once: the rest of the net trains on these features.

Features lie in a file without a name beside the snapshots; it goes with the process.
"""

import os
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from catdog.data.feed import Feed
from catdog.data.sources import Batch, RecordSource
from catdog.data.sources.base import Order
from catdog.errors import CatdogError, DataError
from catdog.net.net import Net
from catdog.net.opened import FedNet
from catdog.proto.caffe_pb2 import NetParameter, SourceState
from catdog.solver.events import Cached, CachedBatch, Listener, Warned
from catdog.solver.solver import Solver
from catdog.spec.shape import Shape
from catdog.training.cacheable import check_cacheable, frozen_part, one_source, trainable_ids
from catdog.training.kept_features import KeptFeatures, maker_of

Array = NDArray[np.float32]


class Features(RecordSource):
    """Features in place of the records that they were made of, in the same order."""

    most_tops = None
    # what the records were made with stands in their layer
    messages = ("transform_param",)

    def __init__(self, records: RecordSource, blobs: Mapping[str, Array]) -> None:
        super().__init__(records.layer, records.context)
        self._records, self._blobs = records, blobs
        self.batch_size, self.prefetch = records.batch_size, records.prefetch
        self.tops = tuple(blobs)
        self.load_state(records.state())

    @property
    def size(self) -> int:
        return self._records.size

    @property
    def shapes(self) -> dict[str, Shape]:
        return {name: (self.batch_size, *blob.shape[1:]) for name, blob in self._blobs.items()}

    def order(self, epoch: int) -> Order:
        return self._records.order(epoch)

    def taken(self, start: int) -> Iterator[tuple[int, int]]:
        return self._records.taken(start)

    def passed(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        return self._records.passed(start, end)

    def read(self, indices: Sequence[int], _generator: torch.Generator, /) -> Batch:
        rows = list(indices)
        return Batch({name: torch.from_numpy(blob[rows]) for name, blob in self._blobs.items()})

    def load_state(self, state: SourceState) -> None:
        self._records.load_state(state)
        super().load_state(state)


@dataclass(frozen=True)
class _Trunk:
    """The first layers of a net as a net of their own, and the blobs that the others read."""

    net: Net
    last: str
    blobs: Mapping[str, Shape]


def cache_features(
    solver: Solver,
    feds: Sequence[FedNet],
    folder: Path,
    stack: ExitStack,
    emit: Listener,
    kept: KeptFeatures,
) -> None:
    """Replace the data of a solver by features of its frozen layers; the stack closes the feeds.

    `feds` are the nets of the solver with their data: the trained one, then the tests. The files
    go into `folder`; what is `kept` already is not computed again. Raises CatdogError where the
    trained net has no features to cache, and where the disk has no room; a test net without any
    stays as it is, with a warning. Where the solver is asked to stop meanwhile, nothing is
    replaced, and it is `stopped`.
    """

    def seen(event: CachedBatch) -> None:
        emit(event)
        solver.answer()
        if solver.stopped:
            raise _Stopped

    with suppress(_Stopped):
        _cache_all(solver, feds, _Place(folder, stack, seen, kept), emit)


class _Stopped(Exception):
    """Nobody waits for the features any more."""


class _Place(NamedTuple):
    """Where features go, what closes their feeds, who hears of each batch, what is known."""

    folder: Path
    stack: ExitStack
    seen: Callable[[CachedBatch], None]
    kept: KeptFeatures


def _cache_all(solver: Solver, feds: Sequence[FedNet], place: _Place, emit: Listener) -> None:
    trained, *tests = feds
    trainable = trainable_ids(solver.net)
    solver.feed, event = _cache(trained, trainable, place, "train", fill=True)
    emit(event)
    last = event.last
    for index, test in enumerate(tests):
        try:
            check_cacheable(test.net, test.feed.sources, trainable)
        except CatdogError as error:
            emit(Warned(f"test net #{index} runs without cached features: {error}"))
            continue
        fill = solver.tests[index].iterations is not None
        feed, event = _cache(test, trainable, place, f"test (#{index})", last, fill=fill)
        solver.tests[index] = replace(solver.tests[index], feed=feed)
        emit(event)


def _cache(
    fed: FedNet,
    trainable: Collection[int],
    place: _Place,
    title: str,
    last: str = "",
    *,
    fill: bool,
) -> tuple[Feed, Cached]:
    """Run the frozen part of a net once over its data; the net then begins after it.

    It ends with the layer `last`, if that is in it: a test net's may go on through a Dropout, and
    the features of two nets are the same only after the same layers. Gives the feed of the
    features, in the order that the old one has and at its place. `fill`: the net is given full
    batches only, never a smaller last one.
    """
    began = time.monotonic()
    with fed.resolved.located():
        check_cacheable(fed.net, fed.feed.sources, trainable)
    source, state = one_source(fed.feed.sources), fed.feed.state()
    frozen = fed.net.nodes[: frozen_part(fed.net, trainable)]
    ends = (at for at, node in enumerate(frozen, 1) if node.name == last)
    trunk = _split(fed.net, next(ends, len(frozen)))
    blobs = _room(trunk.blobs, source.size, place.folder)
    store, places = source.stored()
    maker = maker_of(trunk.net, source, store)
    if not place.kept.fill(maker, places, blobs):
        _compute(fed.feed, trunk, blobs, title, place.seen, fill=fill)
        place.kept.keep(maker, places, blobs)
    features = Features(source, blobs)
    feed = place.stack.enter_context(Feed([features], fed.feed.device, fed.feed.part))
    feed.load_state(state)
    size = sum(blob.nbytes for blob in blobs.values())
    return feed, Cached(title, trunk.last, source.size, size, time.monotonic() - began)


def _compute(
    feed: Feed,
    trunk: _Trunk,
    blobs: Mapping[str, Array],
    title: str,
    seen: Callable[[CachedBatch], None],
    *,
    fill: bool,
) -> None:
    """Write what the trunk makes of one pass over the data into arrays, a row for each example."""
    source = one_source(feed.sources)
    start = 0
    for batch in feed.one_pass(whole=True):
        end = min(start + source.batch_size, source.size)
        if fill and end - start < source.batch_size:
            batch = _filled(batch, source.batch_size)
        _run(trunk, batch, {name: blob[start:end] for name, blob in blobs.items()})
        start = end
        seen(CachedBatch(title, start, source.size))


def _split(net: Net, index: int) -> _Trunk:
    """Let a net begin at a node; what came before is the trunk, with the same parameters."""
    message = NetParameter()
    message.CopyFrom(net.message)
    layers = [layer for layer in message.layer if layer.type != "Input"]
    del message.layer[:]
    message.layer.extend(layers[:index])
    trunk = Net(message, inputs=net.inputs, setting=net.setting, fill=False)
    trunk.share(net)
    net.begin_at(index)
    return _Trunk(trunk, net.nodes[index - 1].name, net.inputs)


def _room(shapes: Mapping[str, Shape], count: int, folder: Path) -> dict[str, Array]:
    """Memory-mapped arrays for `count` examples, in a file without a name."""
    folder.mkdir(parents=True, exist_ok=True)
    blobs: dict[str, Array] = {}
    for name, shape in shapes.items():
        size = (count, *shape[1:])
        length = prod(size) * np.dtype(np.float32).itemsize
        with tempfile.TemporaryFile(dir=folder) as file:
            try:
                os.posix_fallocate(file.fileno(), 0, length)
            except OSError as error:
                raise DataError(
                    f'no room for the features "{name}", {length / 2**20:.0f} MiB: '
                    f"{error.strerror}",
                    where=str(folder),
                    remedy="make room, name another snapshot_prefix, or leave cache_features out",
                ) from None
            blobs[name] = np.memmap(file, np.float32, "r+", shape=size)
    return blobs


def _filled(batch: Mapping[str, Tensor], size: int) -> dict[str, Tensor]:
    """A batch padded to full size, so that sums are added up in the same order as in training."""
    count = len(next(iter(batch.values())))
    rows = [row % count for row in range(size)]
    return {name: blob[rows] for name, blob in batch.items()}


@torch.no_grad()
def _run(trunk: _Trunk, batch: Mapping[str, Tensor], target: Mapping[str, Array]) -> None:
    made = trunk.net(batch, keep=list(target)).blobs
    for name, rows in target.items():
        rows[:] = made[name][: len(rows)].float().cpu().numpy()
