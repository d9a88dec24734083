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
