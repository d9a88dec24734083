"""A step of a program: a layer among the blobs of a net, or several that run as one."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from catdog.layers.base import Layer

Compute = Callable[..., Tensor | tuple[Tensor, ...]]


@dataclass(frozen=True)
class ProgramStep:
    """What is computed of which blobs, by their numbers, and into which.

    Args:
        layer: the first one that the step stands for, and its number.
        done: blobs that nobody reads afterwards.
    """

    compute: Compute
    layer: Layer
    number: int
    reads: tuple[int, ...]
    makes: tuple[int, ...]
    done: tuple[int, ...] = ()


class Once:
    """A layer whose tops depend on no number of the inputs."""

    def __init__(self, compute: Compute) -> None:
        self._compute = compute
        #: The tops, once they were computed.
        self.made: tuple[Tensor, ...] = ()

    def __call__(self, *bottoms: Tensor) -> tuple[Tensor, ...]:
        """The tops."""
        if not self.made:
            made = self._compute(*bottoms)
            self.made = made if isinstance(made, tuple) else (made,)
        return self.made
