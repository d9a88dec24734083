"""Sums and products with weights (caffe/layers/inner_product_layer.cpp, embed_layer.cpp,
scale_layer.cpp, bias_layer.cpp)."""

from collections.abc import Sequence
from math import prod

import torch
import torch.nn.functional as F
from torch import Tensor

from catdog.layers.axes import canonical_axis
from catdog.layers.base import Count, Family, Layer
from catdog.layers.linear import linear
from catdog.proto.caffe_pb2 import FillerParameter, LayerParameter
from catdog.spec.shape import Shape


class InnerProduct(Layer):
    """num_output sums of everything from `axis` on, each with its own weights.

    Weights are (num_output, count), with `transpose` (count, num_output); the bias, unless
    bias_term is false, is (num_output). Raises LayerError without num_output.
    """

    messages = ("inner_product_param",)
    family = Family.CONNECTED
    multiplies = True
    top_may_be_overwritten = True

    def setup(self, *shapes: Shape) -> None:
        (shape,) = shapes
        param = self.param.inner_product_param
        if not param.num_output:
            raise self.error(
                "has no num_output", field="inner_product_param", remedy="give num_output"
            )
        self._axis = canonical_axis(self, param.axis, shape, "inner_product_param.axis")
        count = torch.Size(shape[self._axis :]).numel()
        weights = (param.num_output, count)
        self.add_blob(weights[::-1] if param.transpose else weights, param.weight_filler)
        if param.bias_term:
            self.add_blob((param.num_output,), param.bias_filler)

    def top_shapes(self, *shapes: Shape) -> list[Shape]:
        return [(*shapes[0][: self._axis], self.param.inner_product_param.num_output)]

    def per_example(self) -> bool:
        return self._axis > 0

    def multiply_adds(self, _: Sequence[Shape], tops: Sequence[Shape]) -> int:
        outputs = self.param.inner_product_param.num_output
        return prod(tops[0]) * (prod(self.blobs.shape(0)) // outputs)

    @classmethod
    def folds_norm(cls, param: LayerParameter) -> bool:
        return param.inner_product_param.axis == 1 and not param.inner_product_param.transpose

    @classmethod
    def caption(cls, param: LayerParameter) -> str:
        return str(param.inner_product_param.num_output)

    def forward(self, x: Tensor) -> Tensor:
        weights, *bias = (blob.to(x.dtype) for blob in self.blobs)
        if self.param.inner_product_param.transpose:
            weights = weights.t()
        return linear(x.flatten(self._axis), weights, *bias)


class Embed(Layer):
    """The row of the weights that each number of the bottom names, plus the bias unless bias_term
    is false. Weights are (input_dim, num_output), the bias (num_output).

    Raises LayerError without num_output or input_dim, and in the forward pass for what is no
    whole number from 0 to input_dim - 1.
    """

    messages = ("embed_param",)
    family = Family.CONNECTED
    no_gradient = frozenset({0})
    top_may_be_overwritten = True

    def setup(self, *_: Shape) -> None:
        param = self.param.embed_param
        for field in ("num_output", "input_dim"):
            if not getattr(param, field):
                raise self.error(f"has no {field}", field="embed_param", remedy=f"give {field}")
        self.add_blob((param.input_dim, param.num_output), param.weight_filler)
        if param.bias_term:
            self.add_blob((param.num_output,), param.bias_filler)

    def top_shapes(self, *shapes: Shape) -> list[Shape]:
        return [(*shapes[0], self.param.embed_param.num_output)]

    def per_example(self) -> bool:
        return True

    @classmethod
    def caption(cls, param: LayerParameter) -> str:
        return str(param.embed_param.num_output)

    def forward(self, x: Tensor) -> Tensor:
        weights, *bias = self.blobs
        index = x.long()
        wrong = (index < 0) | (index >= len(weights)) | (index != x)
        if wrong.any():
            raise self.error(
                f"got {x[wrong][0].item():g}, but takes whole numbers from 0 to {len(weights) - 1}",
                field="embed_param.input_dim",
                remedy="give a larger input_dim or check the data",
            )
        rows = F.embedding(index, weights)
        return rows + bias[0] if bias else rows


class _Along(Layer):
    """What Scale and Bias share: a factor or term that runs along some axes of bottom 0.

    It is bottom 1, or else a parameter blob over num_axes axes from `axis` on (-1: to the end).
    """

    family = Family.NORMALIZATION
    bottoms = Count(1, 2)
    top_may_be_overwritten = True

    def top_shapes(self, *shapes: Shape) -> list[Shape]:
        return [shapes[0]]

    def per_example(self) -> bool:
        if len(self.param.bottom) > 1:
            # what runs along the examples comes with them; a blob beside it does not
            return self._runs_along_examples and not len(self.blobs)
        return not self._runs_along_examples

    def add_along(self, shapes: tuple[Shape, ...], filler: FillerParameter) -> Shape:
        """Add the blob unless bottom 1 stands for it; returns its shape."""
        if len(shapes) > 1:
            self._check(*shapes)
            shape = shapes[1]
        else:
            shape = self._covered(shapes[0])
            self.add_blob(shape, filler)
        self._runs_along_examples = bool(shape) and self._start(shapes[0]) == 0
        return shape

    def _start(self, shape: Shape) -> int:
        axis = getattr(self.param, self.messages[0]).axis
        return canonical_axis(self, axis, shape, f"{self.messages[0]}.axis")

    def _covered(self, shape: Shape) -> Shape:
        number, start = getattr(self.param, self.messages[0]).num_axes, self._start(shape)
        if number < -1 or start + number > len(shape):
            raise self.error(
                f"has num_axes {number}, but from axis {start} on its bottom {list(shape)} has "
                f"{len(shape) - start} axes",
                field=f"{self.messages[0]}.num_axes",
                remedy="give fewer, or -1 for all of them",
            )
        return shape[start:] if number == -1 else shape[start : start + number]

    def _check(self, shape: Shape, other: Shape) -> None:
        start = self._start(shape) if other else 0
        if shape[start : start + len(other)] != other:
            raise self.error(
                f"cannot lay bottom 1 {list(other)} along bottom 0 {list(shape)} from axis "
                f"{start} on",
                field=f"{self.messages[0]}.axis",
                remedy="give another axis, or a bottom 1 of the sizes found there",
            )

    def along(self, x: Tensor, other: Tensor) -> Tensor:
        """The factor or term with axes of size 1 where it does not run."""
        if not other.dim():
            return other.to(x.dtype)
        start = self._start(tuple(x.shape))
        after = x.dim() - start - other.dim()
        # the type of x is kept; axes before need no 1
        return other.to(x.dtype).reshape(*other.shape, *[1] * after)


class Scale(_Along):
    """x * scale, with bias_term + bias; each a parameter or, for the scale, bottom 1.

    The scale starts at 1 unless the spec says otherwise, the bias at 0. Raises LayerError where
    the axes are not those of bottom 0.
    """

    messages = ("scale_param",)
    multiplies = True

    def setup(self, *shapes: Shape) -> None:
        param = self.param.scale_param
        default = FillerParameter(type="constant", value=1)
        shape = self.add_along(shapes, param.filler if param.HasField("filler") else default)
        if param.bias_term:
            self.add_blob(shape, param.bias_filler)

    @classmethod
    def learns_channels(cls, param: LayerParameter) -> bool:
        """Whether such a layer has a parameter for each channel, and no second bottom."""
        scale = param.scale_param
        return len(param.bottom) == 1 and scale.axis == 1 and scale.num_axes == 1

    def forward(self, x: Tensor, *scale: Tensor) -> Tensor:
        factor, *bias = (self.along(x, other) for other in (*scale, *self.blobs))
        return torch.addcmul(bias[0], x, factor) if bias else x * factor


class Bias(_Along):
    """x + bias, a parameter or bottom 1. The parameter starts at 0 unless the spec says otherwise.

    Raises LayerError where the axes are not those of bottom 0.
    """

    messages = ("bias_param",)
    may_run_in_place = True

    def setup(self, *shapes: Shape) -> None:
        self.add_along(shapes, self.param.bias_param.filler)

    def forward(self, x: Tensor, *bias: Tensor) -> Tensor:
        (term,) = (self.along(x, other) for other in (*bias, *self.blobs))
        return x.add_(term) if self.in_place else x + term


TABLE: dict[str, type[Layer]] = {
    "InnerProduct": InnerProduct,
    "Embed": Embed,
    "Scale": Scale,
    "Bias": Bias,
}
