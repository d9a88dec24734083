"""A trained net on the data of its TEST phase, as `caffe test` (caffe/tools/caffe.cpp)."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import torch

from catdog.errors import CatdogError
from catdog.net.opened import FedNet
from catdog.solver.events import Output
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
    """Caffe's lines for a batch, or for the means at the end."""
    if isinstance(found, BatchOutputs):
        for output in found.outputs:
            yield f"Batch {found.batch}, {output.name} = {output.value:g}"
        return
    yield f"Loss: {found.loss:g}"
    for name, value, weight in ((o.name, o.value, o.loss_weight) for o in found.outputs):
        loss = f" (* {weight:g} = {weight * value:g} loss)" if weight else ""
        yield f"{name} = {value:g}{loss}"
    for name in dict.fromkeys(output.name for output in found.counted):
        values = ", ".join(f"{o.value:g}" for o in found.counted if o.name == name)
        yield f"Over all labels of all batches: {name} = {values}"
