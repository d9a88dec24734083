"""A net by torch itself, as it was trained."""

from collections import defaultdict

import torch
from torch import Tensor, nn

from catdog.engines.engine import Task
from catdog.layers.affine import InnerProduct
from catdog.layers.vision import Convolution
from catdog.net.net import Net
from catdog.runtime.free_threads import FreeThreads
from catdog.runtime.side_by_side import side_by_side
from catdog.solver.precision import Precision


class TorchEngine:
    """Computes on the device that the net is on; `amp` is a name of solver/precision.py."""

    def __init__(self, task: Task, device: torch.device, amp: str = "") -> None:
        self._task = task
        self._inner = [name for name in task.outputs if name not in task.net.outputs]
        self._precision = Precision(amp, device)
        self._net = _with_weights_in(self._precision.product_type, task.net).place(device)
        #: Of each number of pictures in a batch.
        self._threads: defaultdict[int, FreeThreads] = defaultdict(FreeThreads)
        # whether a part of a batch gets what it would get in the whole, on cores
        self._divisible = device.type == "cpu" and all(
            node.layer.per_example() and not node.layer.is_random() for node in task.net
        )

    def __call__(self, batch: Tensor) -> list[Tensor]:
        made = (
            side_by_side(self._with_free_threads, batch)
            if self._divisible
            else [self._with_free_threads(batch)]
        )
        return [torch.cat(of_output) for of_output in zip(*made, strict=True)]

    def _with_free_threads(self, batch: Tensor) -> list[Tensor]:
        if batch.device.type != "cpu":
            return self._made(batch)
        return self._threads[len(batch)](lambda: self._made(batch))

    def _made(self, batch: Tensor) -> list[Tensor]:
        with torch.inference_mode(), self._precision.context():
            blobs = self._net({self._task.input: batch}, keep=self._inner).blobs
        return [blobs[name].flatten(1) for name in self._task.outputs]


def _with_weights_in(dtype: torch.dtype | None, net: Net) -> Net:
    """The net with the weights of products in this type, and all others of its parameters.

    They would be cast to it in each pass, which takes as long as the products themselves.
    """
    if dtype is None or any(node.type == "Python" for node in net):
        # a Python layer may not be set up twice
        return net
    found = Net(net.message, inputs=net.inputs, setting=net.setting, fill=False)
    found.share(net)
    for node in found:
        if isinstance(node.layer, Convolution | InnerProduct):
            weights = node.layer.blobs.parameter(0).to(dtype)
            node.layer.blobs.replace(0, nn.Parameter(weights, requires_grad=False))
    return found
