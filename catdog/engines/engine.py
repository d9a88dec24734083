"""The form of an engine, and what of a net it is made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Protocol

from torch import Tensor

from catdog.net.net import Net

#: Pictures that an engine beside torch computes at once, of a batch of more.
SHARE = 16
#: Shares that are computed side by side, at most: a batch of the predictor has so many.
SIDE_BY_SIDE = 4


class InferenceEngine(Protocol):
    """Computes a net; may be called from several threads at the same time."""

    def __call__(self, batch: Tensor) -> list[Tensor]:
        """Of each output the numbers for prepared pictures, N x numbers."""


@dataclass(frozen=True)
class Task:
    """A net in the TEST phase with one input, and the outputs that are wanted of it."""

    net: Net
    input: str
    outputs: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Channels, height and width of a picture."""
        return tuple(self.net.inputs[self.input][1:])

    @property
    def sizes(self) -> Mapping[str, int]:
        """How many numbers each output has for a picture."""
        shapes = self.net.shapes
        return {name: prod(shapes[name][1:]) for name in self.outputs}
