"""A net by torch itself, as it was trained."""

from collections import defaultdict

import torch
from torch import Tensor

from catdog.engines.engine import Task
from catdog.runtime.free_threads import FreeThreads
from catdog.runtime.side_by_side import side_by_side
from catdog.solver.precision import Precision


class TorchEngine:
    """Computes on the device that the net is on; `amp` is a name of solver/precision.py."""

    def __init__(self, task: Task, device: torch.device, amp: str = "") -> None:
        self._task = task
        self._precision = Precision(amp, device)
        #: Of each number of pictures in a batch.
        self._paces: defaultdict[int, FreeThreads] = defaultdict(FreeThreads)
        # whether a part of a batch gets what it would get in the whole, on cores
        self._divisible = device.type == "cpu" and all(
            node.layer.per_example() and not node.layer.is_random() for node in task.net
        )

    def __call__(self, batch: Tensor) -> list[Tensor]:
        made = side_by_side(self._paced, batch) if self._divisible else [self._paced(batch)]
        return [torch.cat(of_output) for of_output in zip(*made, strict=True)]

    def _paced(self, batch: Tensor) -> list[Tensor]:
        if batch.device.type != "cpu":
            return self._made(batch)
        return self._paces[len(batch)](lambda: self._made(batch))

    def _made(self, batch: Tensor) -> list[Tensor]:
        with torch.inference_mode(), self._precision.context():
            blobs = self._task.net({self._task.input: batch}).blobs
        return [blobs[name].flatten(1) for name in self._task.outputs]
