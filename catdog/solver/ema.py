"""A moving average of the weights, which tests better than the weights themselves.

Polyak and Juditsky 1992; the decay warms up as in timm's ModelEma and TensorFlow's
ExponentialMovingAverage.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from catdog.net.net import Net


class Average:
    """a = d a + (1 - d) w after every update, d = min(decay, (1 + t) / (10 + t)), t updates before.

    Weights and batch-norm statistics are averaged; those of frozen layers stay what they are.
    Without a decay it does nothing.
    """

    def __init__(self, net: Net, decay: float = 0.0) -> None:
        self.decay = decay
        #: How many updates it is made of.
        self.updates = 0
        self._net = net
        self._weights: list[Tensor] = []
        self._averages: list[Tensor] = []
        #: The net has the averages now, and these are its weights.
        self._swapped = False

    @property
    def warm_decay(self) -> float:
        """The decay of the next update."""
        return min(self.decay, (1 + self.updates) / (10 + self.updates))

    def __bool__(self) -> bool:
        return bool(self.decay)

    def admit(self) -> None:
        """Begin to average what is not frozen and not yet averaged, at its present value."""
        known = {id(weight) for weight in self._weights}
        for node in self._net if self else ():
            for index in range(len(node.layer.blobs)):
                weight = node.layer.blobs.parameter(index)
                if not node.layer.param.frozen and id(weight) not in known:
                    known.add(id(weight))
                    self._weights.append(weight)
                    self._averages.append(weight.detach().clone())

    def restart(self) -> None:
        """Begin anew at the present weights."""
        self.updates = 0
        self._weights.clear()
        self._averages.clear()
        self.admit()

    @torch.no_grad()
    def update(self) -> None:
        """Take the weights after an update."""
        if not self:
            return
        torch._foreach_lerp_(self._averages, self._weights, 1 - self.warm_decay)
        self.updates += 1

    @contextmanager
    def applied(self, wanted: bool = True) -> Iterator[None]:
        """Inside, the net has the averages for weights or, if they are not wanted, its own."""
        before = self._swapped
        self._swap(wanted)
        try:
            yield
        finally:
            self._swap(before)

    def _swap(self, wanted: bool) -> None:
        if wanted == self._swapped:
            return
        for index, weight in enumerate(self._weights):
            self._averages[index], weight.data = weight.data, self._averages[index]
        self._swapped = wanted
