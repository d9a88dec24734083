"""Layers that act on each element by itself (caffe/layers/neuron_layer.hpp and its children)."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from catdog.layers.base import Layer
from catdog.layers.elementwise import Elementwise
from catdog.layers.overwritten import Rereading
from catdog.proto.caffe_pb2 import FillerParameter, LayerParameter
from catdog.spec.shape import Shape


class ReLU(Rereading):
    """max(x, 0) + negative_slope * min(x, 0); the gradient at 0 is negative_slope.

    `engine` is accepted: all of Caffe's give the same numbers.
    """

    messages = ("relu_param",)
    may_run_in_place = True
    keeps_zeros = True

    def forward(self, x: Tensor) -> Tensor:
        slope = self.param.relu_param.negative_slope
        if slope == 0:
            return F.relu(x, inplace=self.in_place)
        # the gradient is taken from the result, whose sign a negative slope does not keep
        return F.leaky_relu(x, slope, inplace=self.in_place and slope > 0)

    def keeps_signs(self) -> bool:
        return self.param.relu_param.negative_slope >= 0

    def stops_at_zero(self) -> bool:
        return not self.param.relu_param.negative_slope

    def reads_signs_alone(self) -> bool:
        return self.keeps_signs()

    def reads_top_alone(self) -> bool:
        return self.keeps_signs()

    def slope(self, x: Tensor, _y: Tensor, _kept: Tensor | None) -> Tensor:
        return torch.where(x > 0, 1.0, self.param.relu_param.negative_slope)


class PReLU(Elementwise):
    """max(x, 0) + slope * min(x, 0) with a learned slope for each channel or, if
    channel_shared, for all; filled with 0.25 unless the spec says otherwise.

    Raises LayerError for a bottom with fewer than two axes.
    """

    messages = ("prelu_param",)
    passes_statistics = False
    top_may_be_overwritten = True
    keeps_zeros = True

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


class ELU(Rereading):
    """x where x > 0, else alpha * (exp(x) - 1); the gradient at 0 is alpha."""

    messages = ("elu_param",)
    may_run_in_place = True
    keeps_zeros = True

    def forward(self, x: Tensor) -> Tensor:
        alpha = self.param.elu_param.alpha
        # the gradient is taken from the result, whose sign a negative alpha does not keep
        return F.elu(x, alpha, inplace=self.in_place and alpha >= 0)

    def reads_top_alone(self) -> bool:
        return True

    def slope(self, x: Tensor, y: Tensor, _kept: Tensor | None) -> Tensor:
        return torch.where(x > 0, 1.0, y + self.param.elu_param.alpha)


class Sigmoid(Rereading):
    """1 / (1 + exp(-x)). `engine` is accepted: all of Caffe's give the same numbers."""

    messages = ("sigmoid_param",)
    may_run_in_place = True

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid_(x) if self.in_place else torch.sigmoid(x)

    def reads_top_alone(self) -> bool:
        return True

    def slope(self, _x: Tensor, y: Tensor, _kept: Tensor | None) -> Tensor:
        return y * (1 - y)


class TanH(Rereading):
    """tanh(x). `engine` is accepted: all of Caffe's give the same numbers."""

    messages = ("tanh_param",)
    may_run_in_place = True
    keeps_zeros = True

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh_(x) if self.in_place else torch.tanh(x)

    def reads_top_alone(self) -> bool:
        return True

    def slope(self, _x: Tensor, y: Tensor, _kept: Tensor | None) -> Tensor:
        return 1 - y * y


class AbsVal(Elementwise):
    """|x|; the gradient at 0 is 0."""

    top_may_be_overwritten = True
    keeps_zeros = True

    def forward(self, x: Tensor) -> Tensor:
        return x.abs()


class Power(Elementwise):
    """(shift + scale * x) ^ power; a constant with gradient 0 where power * scale is 0."""

    messages = ("power_param",)
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


class Exp(Rereading):
    """base ^ (shift + scale * x); base -1 stands for e.

    Raises LayerError for another base that is not positive.
    """

    messages = ("exp_param",)

    def setup(self, *_: Shape) -> None:
        param = self.param.exp_param
        log_base = _log_base(self, param.base, "exp_param.base")
        self._scale, self._shift = log_base * param.scale, log_base * param.shift

    def forward(self, x: Tensor) -> Tensor:
        return (x * self._scale + self._shift).exp_()

    def reads_top_alone(self) -> bool:
        return True

    def slope(self, _x: Tensor, y: Tensor, _kept: Tensor | None) -> Tensor:
        return y * self._scale


class Log(Elementwise):
    """log to the base of (shift + scale * x); base -1 stands for e.

    Raises LayerError for another base that is not positive, and for base 1.
    """

    messages = ("log_param",)
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


class BNLL(Rereading):
    """log(1 + exp(x)), the binomial normal log likelihood."""

    top_may_be_overwritten = True

    def forward(self, x: Tensor) -> Tensor:
        return F.softplus(x)

    def slope(self, x: Tensor, _y: Tensor, _kept: Tensor | None) -> Tensor:
        return torch.sigmoid(x)


class Swish(Rereading):
    """x * sigmoid(beta * x)."""

    messages = ("swish_param",)
    top_may_be_overwritten = True
    keeps_zeros = True

    def forward(self, x: Tensor) -> Tensor:
        beta = self.param.swish_param.beta
        return F.silu(x) if beta == 1 else x * torch.sigmoid(beta * x)

    def kept(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.param.swish_param.beta * x)

    def slope(self, _x: Tensor, y: Tensor, kept: Tensor | None) -> Tensor:
        line = self.param.swish_param.beta * y
        return line if kept is None else line + kept * (1 - line)


class Threshold(Elementwise):
    """1 where x > threshold, else 0; sends no gradient."""

    messages = ("threshold_param",)
    no_gradient = frozenset({0})
    top_may_be_overwritten = True

    def forward(self, x: Tensor) -> Tensor:
        return (x > self.param.threshold_param.threshold).to(x.dtype)


class Clip(Rereading):
    """x held between min and max; on both bounds the gradient passes.

    Raises LayerError where a bound is missing or min is above max.
    """

    messages = ("clip_param",)
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

    def slope(self, x: Tensor, _y: Tensor, _kept: Tensor | None) -> Tensor:
        return ((x >= self.param.clip_param.min) & (x <= self.param.clip_param.max)).to(x.dtype)


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


class Dropout(Elementwise):
    """In the TRAIN phase, zeros with probability dropout_ratio and the rest divided by
    1 - dropout_ratio; in the TEST phase x itself.

    With scale_train: false (Fast R-CNN's fork) the rest stays as it is, and x * (1 - dropout_ratio)
    is the top in the TEST phase; with sample_weights_test (SegNet's) the TEST phase is as TRAIN.

    Raises LayerError for a ratio outside 0 <= ratio < 1, and for the fields of both forks.
    """

    messages = ("dropout_param",)
    may_run_in_place = True
    keeps_zeros = True

    def setup(self, *_: Shape) -> None:
        param = self.param.dropout_param
        ratio = param.dropout_ratio
        if not 0 <= ratio < 1:
            raise self.error(
                f"has dropout_ratio {ratio:g}",
                field="dropout_param.dropout_ratio",
                remedy="give a ratio of 0 or more and less than 1",
            )
        if param.sample_weights_test and not param.scale_train:
            raise self.error(
                "has scale_train: false of Fast R-CNN's fork and sample_weights_test of SegNet's",
                field="dropout_param",
                remedy="leave one of them out",
            )
        self._kept = 1 - ratio

    def keeps_signs(self) -> bool:
        return True

    def is_random(self) -> bool:
        draws = self.training or self.param.dropout_param.sample_weights_test
        return draws and self._kept != 1

    @classmethod
    def caption(cls, param: LayerParameter) -> str:
        return f"{param.dropout_param.dropout_ratio:g}"

    def top_shapes(self, *shapes: Shape) -> list[Shape]:
        # there are no random numbers on the meta device
        return list(shapes)

    def forward(self, x: Tensor) -> Tensor:
        scales_later = not self.param.dropout_param.scale_train
        if not self.is_random():
            share = self._kept if scales_later and not self.training else 1
            return x if share == 1 else self._times(x, share)
        generator = self.setting.randomness.on(x.device)
        mask = torch.empty_like(x).bernoulli_(self._kept, generator=generator)
        return self._times(x, mask if scales_later else mask.div_(self._kept))

    def _times(self, x: Tensor, factor: Tensor | float) -> Tensor:
        return x.mul_(factor) if self.in_place else x * factor


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
