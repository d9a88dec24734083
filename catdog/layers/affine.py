"""Sums and products with weights (caffe/layers/inner_product_layer.cpp, embed_layer.cpp,
scale_layer.cpp, bias_layer.cpp)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from catdog.layers.axes import canonical_axis
from catdog.layers.base import Count, Layer
from catdog.proto.caffe_pb2 import FillerParameter
from catdog.spec.shape import Shape


class InnerProduct(Layer):
    """num_output sums of everything from `axis` on, each with its own weights.

    Weights are (num_output, count), with `transpose` (count, num_output); the bias, unless
    bias_term is false, is (num_output). Raises LayerError without num_output.
    """

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

    def forward(self, x: Tensor) -> Tensor:
        weights, *bias = (blob.to(x.dtype) for blob in self.blobs)
        if self.param.inner_product_param.transpose:
            weights = weights.t()
        return F.linear(x.flatten(self._axis), weights, *bias)


class Embed(Layer):
    """The row of the weights that each number of the bottom names, plus the bias unless bias_term
    is false. Weights are (input_dim, num_output), the bias (num_output).

    Raises LayerError without num_output or input_dim, and in the forward pass for what is no
    whole number from 0 to input_dim - 1.
    """

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

    bottoms = Count(1, 2)
    top_may_be_overwritten = True
    #: The name of the parameter message.
    message: str

    def top_shapes(self, *shapes: Shape) -> list[Shape]:
        return [shapes[0]]

    def add_along(self, shapes: tuple[Shape, ...], filler: FillerParameter) -> Shape:
        """Add the blob unless bottom 1 stands for it; returns its shape."""
        if len(shapes) > 1:
            self._check(*shapes)
            return shapes[1]
        shape = self._covered(shapes[0])
        self.add_blob(shape, filler)
        return shape

    def _start(self, shape: Shape) -> int:
        axis = getattr(self.param, self.message).axis
        return canonical_axis(self, axis, shape, f"{self.message}.axis")

    def _covered(self, shape: Shape) -> Shape:
        number, start = getattr(self.param, self.message).num_axes, self._start(shape)
        if number < -1 or start + number > len(shape):
            raise self.error(
                f"has num_axes {number}, but from axis {start} on its bottom {list(shape)} has "
                f"{len(shape) - start} axes",
                field=f"{self.message}.num_axes",
                remedy="give fewer, or -1 for all of them",
            )
        return shape[start:] if number == -1 else shape[start : start + number]

    def _check(self, shape: Shape, other: Shape) -> None:
        start = self._start(shape) if other else 0
        if shape[start : start + len(other)] != other:
            raise self.error(
                f"cannot lay bottom 1 {list(other)} along bottom 0 {list(shape)} from axis "
                f"{start} on",
                field=f"{self.message}.axis",
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

    message = "scale_param"

    def setup(self, *shapes: Shape) -> None:
        param = self.param.scale_param
        default = FillerParameter(type="constant", value=1)
        shape = self.add_along(shapes, param.filler if param.HasField("filler") else default)
        if param.bias_term:
            self.add_blob(shape, param.bias_filler)

    @property
    def learns_channels(self) -> bool:
        """Whether it has a parameter for each channel, and no second bottom."""
        param = self.param.scale_param
        return len(self.param.bottom) == 1 and param.axis == 1 and param.num_axes == 1

    def forward(self, x: Tensor, *scale: Tensor) -> Tensor:
        factor, *bias = (self.along(x, other) for other in (*scale, *self.blobs))
        return torch.addcmul(bias[0], x, factor) if bias else x * factor


class Bias(_Along):
    """x + bias, a parameter or bottom 1. The parameter starts at 0 unless the spec says otherwise.

    Raises LayerError where the axes are not those of bottom 0.
    """

    message = "bias_param"
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
