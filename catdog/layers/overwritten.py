"""Gradients of layers whose blobs were written over by layers that run in place.

Caffe's backward pass reads the blobs as they are by then. A layer that looks at its result there
finds what the last layer of a chain in place has left, so that the gradient of TanH and Sigmoid,
both in place on one blob, is not the true one. It is what Caffe trains with.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from catdog.layers.base import Layer
from catdog.proto.caffe_pb2 import LayerParameter

Slope = Callable[[LayerParameter, Tensor, Tensor, Tensor | None], Tensor]


def _relu(param: LayerParameter, x: Tensor, _y: Tensor, _kept: Tensor | None) -> Tensor:
    return torch.where(x > 0, 1.0, param.relu_param.negative_slope)


def _elu(param: LayerParameter, x: Tensor, y: Tensor, _kept: Tensor | None) -> Tensor:
    return torch.where(x > 0, 1.0, y + param.elu_param.alpha)


def _sigmoid(_param: LayerParameter, _x: Tensor, y: Tensor, _kept: Tensor | None) -> Tensor:
    return y * (1 - y)


def _tanh(_param: LayerParameter, _x: Tensor, y: Tensor, _kept: Tensor | None) -> Tensor:
    return 1 - y * y


def _bnll(_param: LayerParameter, x: Tensor, _y: Tensor, _kept: Tensor | None) -> Tensor:
    return torch.sigmoid(x)


def _exp(param: LayerParameter, _x: Tensor, y: Tensor, _kept: Tensor | None) -> Tensor:
    base = param.exp_param.base
    logarithm = 1.0 if base == -1 else torch.tensor(base, dtype=torch.float64).log().item()
    return y * (logarithm * param.exp_param.scale)


def _swish(param: LayerParameter, _x: Tensor, y: Tensor, kept: Tensor | None) -> Tensor:
    line = param.swish_param.beta * y
    return line if kept is None else line + kept * (1 - line)


def _clip(param: LayerParameter, x: Tensor, _y: Tensor, _kept: Tensor | None) -> Tensor:
    return ((x >= param.clip_param.min) & (x <= param.clip_param.max)).to(x.dtype)


#: dy/dx by layer type, from the blobs x and y as they are now and what was kept.
SLOPES: dict[str, Slope] = {
    "ReLU": _relu,
    "ELU": _elu,
    "Sigmoid": _sigmoid,
    "TanH": _tanh,
    "BNLL": _bnll,
    "Exp": _exp,
    "Swish": _swish,
    "Clip": _clip,
}
# a blob's last writer of these types finds its own result, which is all that it needs
_READ_OWN_RESULT = {"ReLU", "ELU", "Sigmoid", "TanH", "Exp"}


def kept(param: LayerParameter, x: Tensor) -> Tensor | None:
    """What a layer keeps for itself from the forward pass, beside the blobs."""
    return torch.sigmoid(param.swish_param.beta * x) if param.type == "Swish" else None


def stale(layer: LayerParameter, later: Sequence[LayerParameter]) -> bool:
    """Whether Caffe's gradient of a layer is another than that of its function.

    `later` are the layers that write over its top in place, in order.
    """
    if layer.type not in SLOPES:
        return False
    in_place = layer.bottom[0] == layer.top[0]
    if not later:
        return in_place and (layer.type not in _READ_OWN_RESULT or _turns_signs(layer))
    # ReLU asks for the sign alone, and where Dropout took it away there is no gradient either
    keep_signs = all(
        other.type == "Dropout" or (other.type == "ReLU" and not _turns_signs(other))
        for other in later
    )
    return not (layer.type == "ReLU" and keep_signs and not _turns_signs(layer))


def _turns_signs(relu: LayerParameter) -> bool:
    return relu.relu_param.negative_slope < 0


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
    def forward(ctx: Any, x: Tensor, layer: Layer, content: Content) -> Tensor:
        ctx.param, ctx.content = layer.param, content
        ctx.kept = kept(layer.param, x)
        in_place = layer.param.bottom[0] == layer.param.top[0]
        ctx.save_for_backward(*([] if in_place else [x]))
        y: Tensor = layer(x)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, diff: Tensor) -> tuple[Tensor, None, None]:
        y = ctx.content.tensor
        x = ctx.saved_tensors[0] if ctx.saved_tensors else y
        return diff * SLOPES[ctx.param.type](ctx.param, x, y, ctx.kept), None, None
