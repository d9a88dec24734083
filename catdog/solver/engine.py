"""The forward and backward passes of a training, with gradients that all processes share."""

import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from catdog.net.net import Net, Result
from catdog.runtime.distributed.group import ALONE, Group

Batch = Mapping[str, Tensor]


class Engine:
    """Runs the net that is trained; each gradient is the mean over the processes of a group.

    The first pass gives every process the parameters of rank 0. Statistics that a layer keeps
    itself (BatchNorm) are each process's own, as in Caffe.

    Args:
        compiled: run the net through torch.compile.
        by_layer: share gradients while others are still computed (the solver's
            layer_wise_reduce); else all of them together at the end.
    """

    def __init__(
        self, net: Net, group: Group = ALONE, *, compiled: bool = False, by_layer: bool = True
    ) -> None:
        self._net, self._group = net, group
        self._compiled, self._by_layer = compiled, by_layer
        self._shared: DistributedDataParallel | None = None
        self._run: Callable[..., Result] | None = None

    def __call__(self, batch: Batch, keep: Collection[str] = ()) -> Result:
        """A forward pass; gives the blobs to `keep` beside the outputs."""
        if self._run is None:
            # not before: weights are copied and layers cut off until the first pass
            self._run = self._build()
        return self._run(batch, keep=keep)

    def passes(self, count: int) -> Iterator[None]:
        """Yield so many times, for a forward and a backward pass each.

        The gradients of all are shared in the last one.
        """
        for left in reversed(range(count)):
            with self._unshared() if left else nullcontext():
                yield

    def renew(self) -> None:
        """Look again which parameters learn, before the next pass."""
        self._run = self._shared = None

    def share_statistics(self) -> None:
        """Give every process the statistics of rank 0: those that a snapshot has."""
        for node in self._net:
            for index in range(len(node.layer.blobs)):
                if node.layer.keeps(index):
                    self._group.take_from_first(node.layer.blobs.parameter(index))

    def _unshared(self) -> AbstractContextManager[object]:
        if self._run is None:
            self._run = self._build()
        return self._shared.no_sync() if self._shared else nullcontext()

    def _build(self) -> Any:
        run: Any = torch.compile(self._net) if self._compiled else self._net
        learning = [p for p in self._net.parameters() if p.requires_grad]
        if self._group.world == 1 or not learning:
            return run
        size = sum(p.numel() * p.element_size() for p in learning)
        with warnings.catch_warnings():
            # torch recommends the new name only to those who want buffers shared at the start
            warnings.simplefilter("ignore", FutureWarning)
            self._shared = DistributedDataParallel(
                _Passes(run),
                # the state of a recurrent layer belongs to each process's own sequences
                broadcast_buffers=False,
                bucket_cap_mb=None if self._by_layer else size / 2**20 + 1,
                find_unused_parameters=not all_are_reached(self._net),
            )
        return self._shared


class _Passes(nn.Module):
    """A net whose blobs have no gradients: only the loss is followed back."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, batch: Batch, keep: Collection[str]) -> Result:
        result: Result = self.net(batch, keep=keep)
        return Result({name: blob.detach() for name, blob in result.blobs.items()}, result.loss)


def all_are_reached(net: Net) -> bool:
    """Whether a gradient of the loss surely comes to every parameter that learns."""
    reached: set[int] = set()
    wanted: set[str] = set()
    for node in reversed(net.running):
        if not any(node.loss_weights) and wanted.isdisjoint(node.tops):
            continue
        if not node.layer.passes_gradient():
            return False
        reached.update(id(parameter) for parameter in node.layer.parameters())
        wanted.update(b for b, cut in zip(node.bottoms, node.cut, strict=True) if not cut)
    return all(id(p) in reached for p in net.parameters() if p.requires_grad)
