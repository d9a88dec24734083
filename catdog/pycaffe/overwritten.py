"""Gradients of layers whose blobs were written over by layers that run in place.

Caffe's backward pass reads the blobs as they are by then. A layer that looks at its result there
finds what the last layer of a chain in place has left, so that the gradient of TanH and Sigmoid,
both in place on one blob, is not the true one. It is what Caffe trains with.
"""

from collections.abc import Callable

import torch
from torch import Tensor

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


def kept(param: LayerParameter, x: Tensor) -> Tensor | None:
    """What a layer keeps for itself from the forward pass, beside the blobs."""
    return torch.sigmoid(param.swish_param.beta * x) if param.type == "Swish" else None
