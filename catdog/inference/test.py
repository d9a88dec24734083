"""A trained net on the data of its TEST phase, as `caffe test` (caffe/tools/caffe.cpp)."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

import torch

from catdog.errors import CatdogError
from catdog.net.opened import FedNet
from catdog.solver.events import MANY, Output, by_blob, in_short, with_loss
from catdog.solver.test_pass import Means, TestNet, outputs


@dataclass(frozen=True)
class BatchOutputs:
    """The outputs of one batch."""

    batch: int
    outputs: tuple[Output, ...]


@dataclass(frozen=True)
class MeanOutputs:
    """Means of the outputs over all batches, and of the weighted loss.

    Where `outputs` are Caffe's means of the batches' means, `counted` has those outputs that come
    to something else over all labels that count.
    """

    outputs: tuple[Output, ...]
    loss: float
    counted: tuple[Output, ...] = ()


@torch.no_grad()
def evaluate(fed: FedNet, iterations: int | None = None) -> Iterator[BatchOutputs | MeanOutputs]:
    """The outputs of each batch, then their means.

    Without `iterations`, every example counts once; with them the means are Caffe's. Raises
    CatdogError for a net without data.
    """
    if not fed.feed.shapes:
        raise CatdogError(
            "has no data layer in this phase",
            where=f"net {fed.net.name}",
            remedy="give the train_val net, not the deploy net",
        )
    of_batches, means = Means(), Means()
    test = TestNet(fed.net, fed.feed, iterations)
    with closing(test.batches()) as batches, means.counting(fed.net):
        for number, (batch, weight) in enumerate(batches):
            result = fed.net(batch)
            for each in (of_batches, means):
                each.add(result.blobs, result.loss, weight)
            yield BatchOutputs(number, outputs(fed.net, result.blobs))
    found = outputs(fed.net, means.blobs())
    if iterations is None:
        yield MeanOutputs(found, means.loss())
        return
    of_caffe = outputs(fed.net, of_batches.blobs())
    yield MeanOutputs(of_caffe, of_batches.loss(), tuple(_others(found, of_caffe)))


def _others(outputs: tuple[Output, ...], of_caffe: tuple[Output, ...]) -> Iterator[Output]:
    """The outputs that have another number than Caffe's, in the digits that are shown."""
    names = {
        one.name
        for one, other in zip(outputs, of_caffe, strict=True)
        if f"{one.value:g}" != f"{other.value:g}"
    }
    return (output for output in outputs if output.name in names)


def lines(found: BatchOutputs | MeanOutputs) -> Iterator[str]:
    """Caffe's lines for a batch, or for the means at the end; one for a blob of many numbers."""
    if isinstance(found, BatchOutputs):
        for line in _lines(found.outputs, lambda output: f"{output.name} = {output.value:g}"):
            yield f"Batch {found.batch}, {line}"
        return
    yield f"Loss: {found.loss:g}"
    yield from _lines(found.outputs, with_loss)
    for name, numbers in by_blob(found.counted):
        many = len(numbers) > MANY
        values = in_short(numbers) if many else ", ".join(f"{each.value:g}" for each in numbers)
        yield f"Over all labels of all batches: {name} = {values}"


def _lines(outputs: tuple[Output, ...], text: Callable[[Output], str]) -> Iterator[str]:
    for name, numbers in by_blob(outputs):
        if len(numbers) > MANY:
            yield f"{name}: {in_short(numbers)}"
        else:
            yield from map(text, numbers)
