"""The steps of a net: what runs, what it reads and what it makes."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from catdog.layers.base import Layer


@dataclass(kw_only=True)
class Step:
    """What a forward pass runs at once: a layer, or two fused into one."""

    layer: Callable[..., Tensor | tuple[Tensor, ...]]
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    loss_weights: tuple[float, ...]
    #: For each bottom, whether no gradient is sent into it.
    cut: tuple[bool, ...]
    #: Blobs that no later layer reads.
    last_use: tuple[str, ...] = ()


@dataclass(kw_only=True)
class Node(Step):
    """A layer among the blobs of a net."""

    name: str
    type: str
    layer: Layer
    #: Its top is written over before Caffe's backward pass reads it.
    stale: bool = False
