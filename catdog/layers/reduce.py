"""Layers that put many numbers into few, or several blobs into one."""

from math import prod
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from catdog.layers.axes import canonical_axis, same_but_one
from catdog.layers.base import Count, Family, Layer
from catdog.proto.caffe_pb2 import EltwiseParameter, LayerParameter, ReductionParameter
from catdog.spec.shape import Shape


class Eltwise(Layer):
    """Sum (with `coeff`), product or maximum of bottoms of one shape, element by element.

    Where the first two are equal, the gradient of the maximum goes to the second; a later one
    gets it only where it is larger. Without stable_prod_grad the gradient of a product is the
    product divided by the bottom: nan at 0, as in Caffe.
    """

    messages = ("eltwise_param",)
    family = Family.SHAPING
    keeps_zeros = True
    bottoms = Count(2, None)
    top_may_be_overwritten = True

    def setup(self, *shapes: Shape) -> None:
        param = self.param.eltwise_param
        same_but_one(self, shapes)
        if param.coeff and param.operation != EltwiseParameter.SUM:
            raise self.error(
                "takes coeff only to sum up",
                field="eltwise_param.coeff",
                remedy="leave coeff out, or write operation: SUM",
            )
        if len(param.coeff) not in (0, len(shapes)):
            raise self.error(
                f"has {len(param.coeff)} coeff values for {len(shapes)} bottoms",
                field="eltwise_param.coeff",
                remedy="give one for each bottom",
            )

    def top_shapes(self, *shapes: Shape) -> list[Shape]:
        # found by running, torch would load a quarter of a second of Python for it
        return [shapes[0]]

    def per_example(self) -> bool:
        return True

    @classmethod
    def caption(cls, param: LayerParameter) -> str:
        return EltwiseParameter.EltwiseOp.Name(param.eltwise_param.operation)

    def forward(self, *bottoms: Tensor) -> Tensor:
        param = self.param.eltwise_param
        if param.operation == EltwiseParameter.SUM:
            return _sum(bottoms, list(param.coeff))
        if param.operation == EltwiseParameter.MAX:
            return _maximum(bottoms)
        if param.stable_prod_grad:
            return prod(bottoms[1:], start=bottoms[0])
        result: Tensor = _UnstableProduct.apply(*bottoms)
        return result


def _sum(bottoms: tuple[Tensor, ...], coeff: list[float]) -> Tensor:
    if not coeff:
        return sum(bottoms[1:], start=bottoms[0])
    total = bottoms[0] if coeff[0] == 1 else bottoms[0] * coeff[0]
    for bottom, factor in zip(bottoms[1:], coeff[1:], strict=True):
        total = torch.add(total, bottom, alpha=factor)
    return total


def _maximum(bottoms: tuple[Tensor, ...]) -> Tensor:
    first, second, *others = bottoms
    largest = torch.where(first > second, first, second)
    for bottom in others:
        largest = torch.where(bottom > largest, bottom, largest)
    return largest


class _UnstableProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *bottoms: Tensor) -> Tensor:
        ctx.save_for_backward(*bottoms)
        return prod(bottoms[1:], start=bottoms[0])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        # made anew, so that the next layer may write over the top
        product = prod(ctx.saved_tensors[1:], start=ctx.saved_tensors[0])
        return tuple(product / bottom * gradients[0] for bottom in ctx.saved_tensors)


class Reduction(Layer):
    """coeff times the sum, sum of absolute values, sum of squares or mean over all axes from
    `axis` on; the gradient of |x| at 0 is 0.
    """

    messages = ("reduction_param",)
    family = Family.SHAPING
    passes_statistics = True
    top_may_be_overwritten = True

    def setup(self, *shapes: Shape) -> None:
        given = self.param.reduction_param.axis
        self._axis = canonical_axis(self, given, shapes[0], "reduction_param.axis")

    def per_example(self) -> bool:
        return self._axis > 0

    @classmethod
    def caption(cls, param: LayerParameter) -> str:
        return ReductionParameter.ReductionOp.Name(param.reduction_param.operation)

    def forward(self, x: Tensor) -> Tensor:
        param = self.param.reduction_param
        axes = tuple(range(self._axis, x.dim()))
        if param.operation == ReductionParameter.MEAN:
            return x.mean(axes) * param.coeff
        if param.operation == ReductionParameter.ASUM:
            x = x.abs()
        elif param.operation == ReductionParameter.SUMSQ:
            x = x.square()
        return x.sum(axes) * param.coeff


class ArgMax(Layer):
    """The positions of the top_k largest numbers, largest first; of equal ones the last first.

    Without `axis`, over all axes but the first: top N x 1 x top_k, with out_max_val
    N x 2 x top_k, positions and then values, and ones up to the number of axes of the bottom.
    With `axis`, that axis becomes top_k, and out_max_val gives values instead of positions.
    """

    messages = ("argmax_param",)
    family = Family.SHAPING
    passes_statistics = True
    no_gradient = frozenset({0})
    top_may_be_overwritten = True

    def setup(self, *shapes: Shape) -> None:
        (shape,) = shapes
        param = self.param.argmax_param
        self._axis: int | None = None
        size = prod(shape[1:])
        if param.HasField("axis"):
            self._axis = canonical_axis(self, param.axis, shape, "argmax_param.axis")
            size = shape[self._axis]
        if not 1 <= param.top_k <= size:
            raise self.error(
                f"has top_k {param.top_k} for {size} numbers",
                field="argmax_param.top_k",
                remedy=f"give 1 to {size}",
            )

    def per_example(self) -> bool:
        return self._axis != 0

    def forward(self, x: Tensor) -> Tensor:
        param = self.param.argmax_param
        if self._axis is not None:
            values, positions = _largest(x, param.top_k, self._axis)
            return values if param.out_max_val else positions
        values, positions = _largest(x.reshape(len(x), -1), param.top_k, 1)
        both = [positions, values] if param.out_max_val else [positions]
        return torch.stack(both, 1).reshape(len(x), len(both), param.top_k, *[1] * (x.dim() - 3))


def _largest(x: Tensor, top_k: int, axis: int) -> tuple[Tensor, Tensor]:
    """Values and positions; reversed before a stable sort, so that the last of equals is first."""
    order = x.flip(axis).sort(dim=axis, descending=True, stable=True)
    positions = x.shape[axis] - 1 - order.indices.narrow(axis, 0, top_k)
    return order.values.narrow(axis, 0, top_k), positions.to(x.dtype)


class Softmax(Layer):
    """exp(x) / sum of exp(x) over `axis`.

    `engine` is accepted: all of Caffe's give the same numbers.
    """

    messages = ("softmax_param",)
    family = Family.ACTIVATION
    passes_statistics = True

    def setup(self, *shapes: Shape) -> None:
        given = self.param.softmax_param.axis
        self._axis = canonical_axis(self, given, shapes[0], "softmax_param.axis")

    def top_shapes(self, *shapes: Shape) -> list[Shape]:
        # as above
        return list(shapes)

    def per_example(self) -> bool:
        return self._axis > 0

    def forward(self, x: Tensor) -> Tensor:
        return F.softmax(x, self._axis)


TABLE: dict[str, type[Layer]] = {
    "Eltwise": Eltwise,
    "Reduction": Reduction,
    "ArgMax": ArgMax,
    "Softmax": Softmax,
}
