"""What SSD puts between convolutions and detections: Permute, Normalize, and the prior boxes in a
module of their own (Liu and others 2016; weiliu89/caffe, branch ssd)."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from catdog.layers.base import Family, Layer
from catdog.layers.loss import precise
from catdog.layers.shape import check_not_in_place
from catdog.proto.caffe_pb2 import FillerParameter, LayerParameter
from catdog.spec.shape import Shape


class Permute(Layer):
    """Axis i of the top is axis order[i] of the bottom; axes that are not in `order` follow.

    Raises LayerError for an axis that the bottom has not and for one that stands there twice.
    """

    messages = ("permute_param",)
    family = Family.SHAPING
    keeps_zeros = True
    passes_statistics = True

    def setup(self, *shapes: Shape) -> None:
        check_not_in_place(self)
        order, axes = list(self.param.permute_param.order), len(shapes[0])
        for axis in order:
            if axis >= axes:
                raise self.error(
                    f"has axis {axis} in its order for a bottom {list(shapes[0])}",
                    field="permute_param.order",
                    remedy=f"give axes from 0 to {axes - 1}",
                )
            if order.count(axis) > 1:
                raise self.error(
                    f"has axis {axis} more than once in its order",
                    field="permute_param.order",
                    remedy="give each axis once",
                )
        #: Of all axes.
        self.order = [*order, *(axis for axis in range(axes) if axis not in order)]

    def top_shapes(self, *shapes: Shape) -> list[Shape]:
        return [tuple(shapes[0][axis] for axis in self.order)]

    def per_example(self) -> bool:
        return self.order[:1] == [0]

    @classmethod
    def caption(cls, param: LayerParameter) -> str:
        order = ", ".join(map(str, param.permute_param.order))
        return f"order {order}" if order else ""

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(self.order)


class Normalize(Layer):
    """scale * x / n, n = sqrt(sum of x^2 + eps), over the channels at each place or, with
    across_spatial, over all that an example has (Liu and others 2015, ParseNet).

    Blob: the scale, of shape () with channel_shared, else (channels). The gradient is the fork's,
    which applies the scale after the projection: dx = scale * (dy - x * (x . dy) / n^2) / n; where
    the channels have different scales it is not that of the top.
    """

    messages = ("norm_param",)
    family = Family.NORMALIZATION
    top_may_be_overwritten = True

    def setup(self, *shapes: Shape) -> None:
        param, (shape,) = self.param.norm_param, shapes
        if len(shape) < 2:
            raise self.error(
                f"needs a bottom of at least 2 axes, not {list(shape)}",
                field="bottom",
                remedy="put a Reshape layer before it",
            )
        if param.eps < 0:
            raise self.error(
                f"has eps {param.eps:g}", field="norm_param.eps", remedy="give 0 or more"
            )
        #: Over which the sum goes.
        self.axes = tuple(range(1, len(shape))) if param.across_spatial else (1,)
        self.keeps_zeros = param.eps > 0
        given = param.scale_filler if param.HasField("scale_filler") else None
        filler = given or FillerParameter(type="constant", value=1)
        self.add_blob(() if param.channel_shared else (shape[1],), filler)

    def top_shapes(self, *shapes: Shape) -> list[Shape]:
        return list(shapes)

    def per_example(self) -> bool:
        return True

    def forward(self, x: Tensor) -> Tensor:
        wide, (scale,) = precise(x), self.blobs
        scale = scale.to(wide.dtype).view(-1, *[1] * (x.dim() - 2))
        top: Tensor = _Normalized.apply(wide, scale, self.axes, self.param.norm_param.eps)
        return top.to(x.dtype)


class _Normalized(torch.autograd.Function):
    """scale * x / n with the fork's gradients; that of a scale of 0 is not a number."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, axes: tuple[int, ...], eps: float) -> Tensor:
        inverse = x.square().sum(axes, keepdim=True).add_(eps).rsqrt_()
        ctx.save_for_backward(x, inverse, scale)
        ctx.axes = axes
        return (x * inverse).mul_(scale)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, diff: Tensor) -> tuple[Tensor, Tensor, None, None]:
        x, inverse, scale = ctx.saved_tensors
        unit = x * inverse
        product = diff * unit
        along = product.sum(ctx.axes, keepdim=True)
        of_x = (diff - unit * along).mul_(inverse).mul_(scale)
        of_scale = (product * scale).sum_to_size(scale.shape) / scale
        return of_x, of_scale, None, None


TABLE: dict[str, type[Layer]] = {"Permute": Permute, "Normalize": Normalize}
