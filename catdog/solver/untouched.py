"""A look at a net that is trained which leaves no trace in what its snapshots hold."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from catdog.net.net import Net
from catdog.solver.test_pass import Batches


@contextmanager
def untouched(net: Net, feed: Batches | None = None) -> Iterator[None]:
    """Inside, forward passes of the next batches; then all is as it was before.

    That is: where the data stand, the random numbers, the statistics that layers keep of what
    they have seen (BatchNorm), and the states of recurrent layers.
    """
    randomness = net.setting.randomness
    generators, place = randomness.state(), feed.state() if feed else []
    blobs = [(blob, blob.detach().clone()) for blob in _changed_by_forward(net)]
    buffers = [(module, name, tensor.clone()) for module, name, tensor in _buffers(net)]
    try:
        yield
    finally:
        with torch.no_grad():
            for blob, before in blobs:
                blob.copy_(before)
        for module, name, kept in buffers:
            setattr(module, name, kept)
        randomness.load_state(generators)
        if feed:
            feed.load_state(place)


def _changed_by_forward(net: Net) -> Iterator[Tensor]:
    for node in net:
        if node.layer.updates_blobs():
            for index in range(len(node.layer.blobs)):
                yield node.layer.blobs.parameter(index)


def _buffers(net: Net) -> Iterator[tuple[nn.Module, str, Tensor]]:
    for module in net.modules():
        for name, tensor in module.named_buffers(recurse=False):
            yield module, name, tensor
