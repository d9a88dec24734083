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
    """Means of the outputs over all batches, and of the weighted loss."""

    outputs: tuple[Output, ...]
    loss: float


@torch.no_grad()
def evaluate(fed: FedNet, iterations: int | None = None) -> Iterator[BatchOutputs | MeanOutputs]:
    """The outputs of each batch, then their means.

    Without `iterations`, every example counts once. Raises CatdogError for a net without data.
    """
    if not fed.feed.shapes:
        raise CatdogError(
            "has no data layer in this phase",
            where=f"net {fed.net.name}",
            remedy="give the train_val net, not the deploy net",
        )
    means = Means()
    with closing(TestNet(fed.net, fed.feed, iterations).batches()) as batches:
        for number, (batch, weight) in enumerate(batches):
            result = fed.net(batch)
            means.add(result.blobs, result.loss, weight)
            yield BatchOutputs(number, outputs(fed.net, result.blobs))
    yield MeanOutputs(outputs(fed.net, means.blobs()), means.loss())


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
