"""A pass of a test net: its batches, and the means of what the net puts out."""

from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from catdog.data.feed import ELSEWHERE
from catdog.net.net import Net
from catdog.net.step import Node
from catdog.proto.caffe_pb2 import FedData, SourceState
from catdog.runtime.distributed.group import Group
from catdog.solver.average_precision import DetectionScores, is_judged
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

    def reads(self) -> list[FedData]:
        """What each data layer reads."""


@runtime_checkable
class Traced(Protocol):
    """A feed that knows where its records stand."""

    def not_finite(self, batches: int) -> str:
        """The first record with a number that is none, of the last batches; else nothing."""


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


#: The place of a node in its net, and of a top in the node.
_Key = tuple[int, int]


@dataclass
class _Counted:
    """A top that is a mean over labels: its sum over all that counted, and how many these are."""

    #: The output that it is; empty where a later layer writes over it.
    output: str
    loss_weight: float
    sum: Tensor
    count: Tensor

    def mean(self) -> Tensor:
        """Not a number where nothing counted."""
        return self.sum / self.count


#: Sums, loss, weight, what was counted and judged, of a process.
_Summed = tuple[
    dict[str, Tensor], Tensor | None, int, dict[_Key, _Counted], dict[str, DetectionScores]
]


class Means:
    """Weighted means over batches, kept on the device until they are asked for.

    Inside `counting`, what a layer takes the mean of over labels that count is a mean over all of
    these; else, as in Caffe, it is the mean of the batches' means. With an `ap_version` the rows of
    DetectionEvaluate become the mean average precision of all detections.
    """

    def __init__(self, ap_version: str = "") -> None:
        self._ap_version = ap_version
        self._judged: dict[str, DetectionScores] = {}
        self._sums: dict[str, Tensor] = {}
        self._loss: Tensor | None = None
        self._weight = 0
        self._counted: dict[_Key, _Counted] = {}
        # what the counted tops of a batch are in its loss
        self._terms: Tensor | float = 0.0

    @contextmanager
    def counting(self, net: Net) -> Iterator[None]:
        """Ask the layers of a net, whenever they run, how many labels counted."""
        makers = {top: index for index, node in enumerate(net) for top in node.tops}
        with ExitStack() as stack:
            for index, node in enumerate(net):
                if node.layer.counts_labels():
                    last = {top for top in node.tops if makers[top] == index}
                    take = partial(self._take, index, node, last)
                    stack.callback(node.layer.register_forward_hook(take).remove)
            yield

    def _take(
        self,
        index: int,
        node: Node,
        last: set[str],
        _: nn.Module,
        bottoms: tuple[Tensor, ...],
        made: Tensor | tuple[Tensor, ...],
    ) -> None:
        tops = made if isinstance(made, tuple) else (made,)
        for place, count in enumerate(node.layer.counted(*bottoms)):
            if count is not None:
                weight, name = node.loss_weights[place], node.tops[place]
                top, output = tops[place].detach(), name if name in last else ""
                self._terms = self._terms + weight * top.float().sum()
                self._merge((index, place), _Counted(output, weight, top.double() * count, count))

    def _merge(self, key: _Key, more: _Counted) -> None:
        if key in self._counted:
            before = self._counted[key]
            more.sum, more.count = before.sum + more.sum, before.count + more.count
        self._counted[key] = more

    def add(self, blobs: Mapping[str, Tensor], loss: Tensor, weight: int) -> None:
        """Take the outputs of a batch.

        An output with a row for each example has no mean once a batch is smaller: it is left out.
        """
        judged = {
            name for name, blob in blobs.items() if self._ap_version and is_judged(blob.shape)
        }
        for name in judged:
            self._judged.setdefault(name, DetectionScores()).add(blobs[name])
        sums = {name: weight * blob.float() for name, blob in blobs.items() if name not in judged}
        self._add(sums, weight * (loss - self._terms), weight)
        self._terms = 0.0

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
        whole = Means(self._ap_version)
        for sums, loss, weight, counted, judged in group.gather(self._on_host()):
            for name, scores in judged.items():
                whole._judged.setdefault(name, DetectionScores()).merge(scores)
            if loss is not None:
                whole._add(sums, loss, weight)
            for key, each in counted.items():
                whole._merge(key, each)
        return whole

    def _on_host(self) -> _Summed:
        counted = {
            key: replace(each, sum=each.sum.cpu(), count=each.count.cpu())
            for key, each in self._counted.items()
        }
        sums = {name: total.cpu() for name, total in self._sums.items()}
        loss = None if self._loss is None else self._loss.cpu()
        return sums, loss, self._weight, counted, self._judged

    def blobs(self) -> dict[str, Tensor]:
        """The mean of each output."""
        means = {name: total / self._weight for name, total in self._sums.items()}
        counted = {each.output: each.mean() for each in self._counted.values()}
        precise = {
            name: torch.tensor(scores.mean(self._ap_version))
            for name, scores in self._judged.items()
        }
        return {**{name: counted.get(name, mean) for name, mean in means.items()}, **precise}

    def classes(self) -> Iterator[str]:
        """The average precision of each class, as SSD tells it."""
        for scores in self._judged.values():
            for label, value in scores.classes(self._ap_version).items():
                yield f"class{label}: {value:g}"

    def loss(self) -> float:
        """The mean of the whole loss."""
        if self._loss is None:
            return float("nan")
        counted = (each for each in self._counted.values() if each.loss_weight)
        terms = (each.loss_weight * each.mean().sum().item() for each in counted)
        return sum(terms, self._loss.item() / self._weight)


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
