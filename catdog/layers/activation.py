"""Layers that act on each element by itself (caffe/layers/neuron_layer.hpp and its children)."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from catdog.layers.base import Layer
from catdog.proto.caffe_pb2 import FillerParameter
from catdog.spec.shape import Shape


class ReLU(Layer):
    """max(x, 0) + negative_slope * min(x, 0); the gradient at 0 is negative_slope.

    `engine` is accepted: all of Caffe's give the same numbers.
    """

    may_run_in_place = True

    def forward(self, x: Tensor) -> Tensor:
        slope = self.param.relu_param.negative_slope
        if slope == 0:
            return F.relu(x, inplace=self.in_place)
        # the gradient is taken from the result, whose sign a negative slope does not keep
        return F.leaky_relu(x, slope, inplace=self.in_place and slope > 0)


class PReLU(Layer):
    """max(x, 0) + slope * min(x, 0) with a learned slope for each channel or, if
    channel_shared, for all; filled with 0.25 unless the spec says otherwise.

    Raises LayerError for a bottom with fewer than two axes.
    """

    top_may_be_overwritten = True

    def setup(self, *shapes: Shape) -> None:
        (shape,) = shapes
        if len(shape) < 2:
            raise self.error(
                f"needs a bottom with two axes or more, but it is {list(shape)}",
                field="bottom",
                remedy="put a Reshape layer before it",
            )
        param = self.param.prelu_param
        default = FillerParameter(type="constant", value=0.25)
        filler = param.filler if param.HasField("filler") else default
        self.add_blob(() if param.channel_shared else (shape[1],), filler)

    def forward(self, x: Tensor) -> Tensor:
        return F.prelu(x, self.blobs[0].to(x.dtype))


class ELU(Layer):
    """x where x > 0, else alpha * (exp(x) - 1); the gradient at 0 is alpha."""

    may_run_in_place = True

    def forward(self, x: Tensor) -> Tensor:
        alpha = self.param.elu_param.alpha
        # the gradient is taken from the result, whose sign a negative alpha does not keep
        return F.elu(x, alpha, inplace=self.in_place and alpha >= 0)


class Sigmoid(Layer):
    """1 / (1 + exp(-x)). `engine` is accepted: all of Caffe's give the same numbers."""

    may_run_in_place = True

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid_(x) if self.in_place else torch.sigmoid(x)


class TanH(Layer):
    """tanh(x). `engine` is accepted: all of Caffe's give the same numbers."""

    may_run_in_place = True

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh_(x) if self.in_place else torch.tanh(x)


class AbsVal(Layer):
    """|x|; the gradient at 0 is 0."""

    top_may_be_overwritten = True

    def forward(self, x: Tensor) -> Tensor:
        return x.abs()


class Power(Layer):
    """(shift + scale * x) ^ power; a constant with gradient 0 where power * scale is 0."""

    top_may_be_overwritten = True

    def forward(self, x: Tensor) -> Tensor:
        param = self.param.power_param
        if param.power * param.scale == 0:
            return self._constant(x)
        line = x * param.scale + param.shift if param.shift else x * param.scale
        return line if param.power == 1 else line.pow(param.power)

    def _constant(self, x: Tensor) -> Tensor:
        param = self.param.power_param
        # torch's pow gives inf for 0 ^ -1, where Python's raises
        value = torch.tensor(param.shift, dtype=x.dtype).pow(param.power).item()
        # not full_like: what is below has a gradient of zeros, not none
        return x.masked_fill(torch.ones_like(x, dtype=torch.bool), value)


class Exp(Layer):
    """base ^ (shift + scale * x); base -1 stands for e.

    Raises LayerError for another base that is not positive.
    """

    def setup(self, *_: Shape) -> None:
        param = self.param.exp_param
        log_base = _log_base(self, param.base, "exp_param.base")
        self._scale, self._shift = log_base * param.scale, log_base * param.shift

    def forward(self, x: Tensor) -> Tensor:
        return (x * self._scale + self._shift).exp_()


class Log(Layer):
    """log to the base of (shift + scale * x); base -1 stands for e.

    Raises LayerError for another base that is not positive, and for base 1.
    """

    top_may_be_overwritten = True

    def setup(self, *_: Shape) -> None:
        log_base = _log_base(self, self.param.log_param.base, "log_param.base")
        if log_base == 0:
            raise self.error(
                "cannot take a logarithm to the base 1",
                field="log_param.base",
                remedy="give another positive base, or -1 for e",
            )
        self._factor = 1 / log_base

    def forward(self, x: Tensor) -> Tensor:
        param = self.param.log_param
        logarithm = (x * param.scale + param.shift).log()
        return logarithm if self._factor == 1 else logarithm * self._factor


def _log_base(layer: Layer, base: float, field: str) -> float:
    if base == -1:
        return 1.0
    if not 0 < base < math.inf:
        raise layer.error(
            f"has base {base:g}", field=field, remedy=f"give a positive {field}, or -1 for e"
        )
    return math.log(base)


class BNLL(Layer):
    """log(1 + exp(x)), the binomial normal log likelihood."""

    top_may_be_overwritten = True

    def forward(self, x: Tensor) -> Tensor:
        return F.softplus(x)


class Swish(Layer):
    """x * sigmoid(beta * x)."""

    top_may_be_overwritten = True

    def forward(self, x: Tensor) -> Tensor:
        beta = self.param.swish_param.beta
        return F.silu(x) if beta == 1 else x * torch.sigmoid(beta * x)


class Threshold(Layer):
    """1 where x > threshold, else 0; sends no gradient."""

    no_gradient = frozenset({0})
    top_may_be_overwritten = True

    def forward(self, x: Tensor) -> Tensor:
        return (x > self.param.threshold_param.threshold).to(x.dtype)


class Clip(Layer):
    """x held between min and max; on both bounds the gradient passes.

    Raises LayerError where a bound is missing or min is above max.
    """

    may_run_in_place = True
    top_may_be_overwritten = True

    def setup(self, *_: Shape) -> None:
        param = self.param.clip_param
        for bound in ("min", "max"):
            if not param.HasField(bound):
                raise self.error(f"has no {bound}", field="clip_param", remedy=f"give {bound}")
        if param.min > param.max:
            raise self.error(
                f"has min {param.min:g} above max {param.max:g}",
                field="clip_param.min",
                remedy="exchange them",
            )

    def forward(self, x: Tensor) -> Tensor:
        low, high = self.param.clip_param.min, self.param.clip_param.max
        if x.requires_grad and torch.is_grad_enabled():
            top: Tensor = _Clip.apply(x, low, high, self.in_place)
            return top
        return _clamp(x, low, high, self.in_place)


def _clamp(x: Tensor, low: float, high: float, in_place: bool) -> Tensor:
    return x.clamp_(low, high) if in_place else x.clamp(low, high)


class _Clip(torch.autograd.Function):
    """clamp; whether the gradient of torch's own passes on a bound depends on its release."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, low: float, high: float, in_place: bool) -> Tensor:
        ctx.save_for_backward((x >= low) & (x <= high))
        if in_place:
            ctx.mark_dirty(x)
        return _clamp(x, low, high, in_place)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, diff: Tensor) -> tuple[Tensor, None, None, None]:
        (inside,) = ctx.saved_tensors
        return diff * inside, None, None, None


class Dropout(Layer):
    """In the TRAIN phase, zeros with probability dropout_ratio and the rest divided by
    1 - dropout_ratio; in the TEST phase x itself.

    Raises LayerError for a ratio outside 0 <= ratio < 1.
    """

    may_run_in_place = True

    def setup(self, *_: Shape) -> None:
        ratio = self.param.dropout_param.dropout_ratio
        if not 0 <= ratio < 1:
            raise self.error(
                f"has dropout_ratio {ratio:g}",
                field="dropout_param.dropout_ratio",
                remedy="give a ratio of 0 or more and less than 1",
            )
        self._kept = 1 - ratio

    def top_shapes(self, *shapes: Shape) -> list[Shape]:
        # there are no random numbers on the meta device
        return list(shapes)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self._kept == 1:
            return x
        generator = self.setting.randomness.on(x.device)
        mask = torch.empty_like(x).bernoulli_(self._kept, generator=generator).div_(self._kept)
        return x.mul_(mask) if self.in_place else x * mask


TABLE: dict[str, type[Layer]] = {
    "ReLU": ReLU,
    "PReLU": PReLU,
    "ELU": ELU,
    "Sigmoid": Sigmoid,
    "TanH": TanH,
    "AbsVal": AbsVal,
    "Power": Power,
    "Exp": Exp,
    "Log": Log,
    "BNLL": BNLL,
    "Swish": Swish,
    "Threshold": Threshold,
    "Clip": Clip,
    "Dropout": Dropout,
}
