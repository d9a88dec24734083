"""A pass of a test net: its batches, and the means of what the net puts out."""

from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from catdog.data.feed import ELSEWHERE
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import SourceState
from catdog.runtime.distributed.group import Group
from catdog.solver.events import Output

Batch = Mapping[str, Tensor]


class Batches(Protocol):
    """What a training or test needs of a feed."""

    def next(self) -> Batch:
        """The next batch, without end."""

    def one_pass(self) -> Iterator[Batch]:
        """Every example once; does not disturb `next`."""

    def state(self) -> list[SourceState]:
        """Where the last batch that `next` gave ended."""

    def load_state(self, states: Iterable[SourceState]) -> None:
        """Go on from there."""


@dataclass(frozen=True)
class TestNet:
    """A test net with its data; without `iterations` a pass is every example once."""

    __test__ = False  # no case for pytest

    net: Net
    feed: Batches
    iterations: int | None = None

    def batches(self) -> Generator[tuple[Batch, int]]:
        """The batches of a pass, each with its weight in the means.

        Caffe gives all batches the same; when the last one may be smaller it counts for less. A
        batch of weight 0 belongs to another process.
        """
        if self.iterations is not None:
            for _ in range(self.iterations):
                batch = self.feed.next()
                yield batch, int(batch is not ELSEWHERE)
            return
        for batch in self.feed.one_pass():
            yield batch, 0 if batch is ELSEWHERE else _examples(batch)


class Means:
    """Weighted means over batches, kept on the device until they are asked for."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._loss: Tensor | None = None
        self._weight = 0

    def add(self, blobs: Mapping[str, Tensor], loss: Tensor, weight: int) -> None:
        """Take the outputs of a batch.

        An output with a row for each example has no mean once a batch is smaller: it is left out.
        """
        sums = {name: weight * blob.float() for name, blob in blobs.items()}
        self._add(sums, weight * loss, weight)

    def _add(self, sums: Mapping[str, Tensor], loss: Tensor, weight: int) -> None:
        first = not self._weight
        self._weight += weight
        self._loss = loss if self._loss is None else self._loss + loss
        if first:
            self._sums = dict(sums)
            return
        self._sums = {
            name: total + sums[name]
            for name, total in self._sums.items()
            if name in sums and total.shape == sums[name].shape
        }

    def over(self, group: Group) -> "Means":
        """The means over the batches of all processes, which all get them."""
        if group.world == 1:
            return self
        host = {name: total.cpu() for name, total in self._sums.items()}
        loss = None if self._loss is None else self._loss.cpu()
        whole = Means()
        for sums, part, weight in group.gather((host, loss, self._weight)):
            if part is not None:
                whole._add(sums, part, weight)
        return whole

    def blobs(self) -> dict[str, Tensor]:
        """The mean of each output."""
        return {name: total / self._weight for name, total in self._sums.items()}

    def loss(self) -> float:
        """The mean of the whole loss."""
        return float("nan") if self._loss is None else self._loss.item() / self._weight


def outputs(net: Net, blobs: Mapping[str, Tensor]) -> tuple[Output, ...]:
    """Every number of a net's outputs, in Caffe's order, with its weight in the loss."""
    weights = {
        top: weight
        for node in net
        for top, weight in zip(node.tops, node.loss_weights, strict=True)
    }
    flat = {name: blobs[name].detach().float().flatten() for name in net.outputs if name in blobs}
    if not flat:
        return ()
    # all at once: each look at a GPU's numbers waits for it
    values = iter(torch.cat(list(flat.values())).tolist())
    return tuple(
        Output(name, next(values), weights.get(name, 0.0))
        for name, blob in flat.items()
        for _ in range(len(blob))
    )


def _examples(batch: Batch) -> int:
    return next((len(blob) for blob in batch.values() if blob.ndim), 1)
