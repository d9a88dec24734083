"""Gradients of layers whose blobs were written over by layers that run in place.

Caffe's backward pass reads the blobs as they are by then. A layer that looks at its result there
finds what the last layer of a chain in place has left, so that the gradient of TanH and Sigmoid,
both in place on one blob, is not the true one. It is what Caffe trains with.
"""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from catdog.layers.base import Layer
from catdog.layers.elementwise import Elementwise


class Rereading(Elementwise):
    """A layer whose gradient Caffe takes from its bottom and top as they are by then."""

    def reads_top_alone(self) -> bool:
        """Whether its own top is all that the gradient needs, so that it may run in place."""
        return False

    def reads_signs_alone(self) -> bool:
        """Whether the gradient needs no more than the signs of the top."""
        return False

    def kept(self, _x: Tensor, /) -> Tensor | None:
        """What it keeps for itself from the forward pass, beside the blobs."""
        return None

    @abstractmethod
    def slope(self, x: Tensor, y: Tensor, kept: Tensor | None, /) -> Tensor:
        """dy/dx from the blobs x and y as they are now and what was kept."""


def stale(layer: Layer, signs_stay: bool | None) -> bool:
    """Whether Caffe's gradient of a layer is another than that of its function.

    `signs_stay`: whether all layers that write over its top later keep its signs; None where no
    layer does.
    """
    if not isinstance(layer, Rereading):
        return False
    if signs_stay is None:
        return _in_place(layer) and not layer.reads_top_alone()
    return not (layer.reads_signs_alone() and signs_stay)


def _in_place(layer: Layer) -> bool:
    # not layer.in_place: whether the net lets it run so is another question
    return layer.param.bottom[0] == layer.param.top[0]


@dataclass
class Content:
    """What a blob holds after the last layer that wrote into it."""

    tensor: Tensor | None = None


def run(layer: Layer, x: Tensor, content: Content) -> Tensor:
    """The layer's top; its gradient will be taken from what `content` holds by then."""
    y: Tensor = _Overwritten.apply(x, layer, content)
    return y


class _Overwritten(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, layer: Rereading, content: Content) -> Tensor:
        ctx.layer, ctx.content = layer, content
        ctx.kept = layer.kept(x)
        ctx.save_for_backward(*([] if _in_place(layer) else [x]))
        y: Tensor = layer(x)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, diff: Tensor) -> tuple[Tensor, None, None]:
        y = ctx.content.tensor
        x = ctx.saved_tensors[0] if ctx.saved_tensors else y
        return diff * ctx.layer.slope(x, y, ctx.kept), None, None
