"""Layers of Fast and Faster R-CNN (rbgirshick/caffe-fast-rcnn), and the loss of NVIDIA's
DetectNet."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from catdog.layers.base import Count, Layer
from catdog.layers.forks.regions import RegionPooling, images_of, round_away
from catdog.layers.loss import Loss, check_equal_counts, precise
from catdog.proto.caffe_pb2 import LayerParameter
from catdog.spec.shape import Shape


class ROIPooling(RegionPooling):
    """The largest number of each of pooled_h x pooled_w bins of each region, channel by channel.

    Bottoms: features N x C x H x W and regions R x 5 in pixels of the picture, which spatial_scale
    makes pixels of the features; top R x C x pooled_h x pooled_w. The corners are rounded and
    belong to the region; a bin begins at the rounded down and ends at the rounded up fraction of
    it, so that bins may share pixels. What lies outside of the features is left out; a bin without
    any pixel is 0. The gradient goes to the first maximum where that lies between the corners.
    (caffe-fast-rcnn, roi_pooling_layer.cpp, .cu.)

    Raises LayerError for a region of an image that is not in the batch.
    """

    messages = ("roi_pooling_param",)

    def setup(self, *shapes: Shape) -> None:
        super().setup(*shapes)
        param = self.param.roi_pooling_param
        for field in ("pooled_h", "pooled_w"):
            if not getattr(param, field):
                raise self.error(f"has no {field}", field=field, remedy="give 1 or more")
        if not param.spatial_scale > 0:
            raise self.error(
                f"has spatial_scale {param.spatial_scale:g}",
                field="spatial_scale",
                remedy="give 1 / the stride of the features",
            )
        self._pooled = param.pooled_h, param.pooled_w

    def top_shapes(self, *shapes: Shape) -> list[Shape]:
        return [(shapes[1][0], shapes[0][1], *self._pooled)]

    @classmethod
    def caption(cls, param: LayerParameter) -> str:
        return f"{param.roi_pooling_param.pooled_h}×{param.roi_pooling_param.pooled_w}"

    def forward(self, x: Tensor, rois: Tensor) -> Tensor:
        features = precise(x)
        regions = rois.detach().reshape(-1, 5).to(features.dtype)
        images_of(self, regions, len(x))
        scale = self.param.roi_pooling_param.spatial_scale
        top: Tensor = _RegionMaximum.apply(features, regions, scale, self._pooled)
        return top.to(x.dtype)


class _RegionMaximum(torch.autograd.Function):
    """torchvision's maximum with the gradient of Fast R-CNN, which has none beyond a corner."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, regions: Tensor, scale: float, pooled: tuple[int, int]
    ) -> Tensor:
        # registers the operator, late: it costs a second
        import torchvision.ops  # noqa: F401

        top, places = torch.ops.torchvision.roi_pool(x, regions, scale, *pooled)
        ctx.shape, ctx.scale = x.shape, scale
        ctx.save_for_backward(regions, places)
        return top  # type: ignore[no-any-return]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        regions, places = ctx.saved_tensors
        rows = places // ctx.shape[3]
        columns = places - rows * ctx.shape[3]
        corners = round_away(regions[:, 1:] * ctx.scale).to(places.dtype)
        left, top, right, bottom = corners.view(-1, 4, 1, 1, 1).unbind(1)
        beyond = (rows < top) | (rows > bottom) | (columns < left) | (columns > right)
        # -1 is the place of an empty bin
        places = places.masked_fill(beyond, -1)
        # what its own autograd calls; it has no public name
        gradient = torch.ops.torchvision._roi_pool_backward(  # noqa: SLF001
            gradients[0], regions, places, ctx.scale, *places.shape[2:], *ctx.shape
        )
        return gradient, None, None, None


def smooth_l1(difference: Tensor, sigma: float) -> Tensor:
    """0.5 * (sigma * d)^2 where |d| < 1 / sigma^2, else |d| - 0.5 / sigma^2."""
    zeros = torch.zeros_like(difference)
    return F.smooth_l1_loss(difference, zeros, reduction="none", beta=1 / sigma**2)


class SmoothL1Loss(Loss):
    """Sum of outside * f(inside * (a - b)), by the size of axis 0; f as `smooth_l1` with sigma.

    Bottoms: a, b, which both get gradients, and perhaps the weights inside and outside (Fast and
    Faster R-CNN); without weights also the loss of SSD. (caffe-fast-rcnn,
    smooth_L1_loss_layer.cpp, .cu.)

    R-FCN gives this name to another layer, see `rfcn.SmoothL1LossOHEM`.
    """

    messages = ("smooth_l1_loss_param", "loss_param")
    bottoms = Count(2, 4)
    tops = Count(1, 2)
    no_gradient = frozenset({2, 3})
    #: For the sake of R-FCN's; here it is refused.
    takes_loss_param = True

    def setup(self, *shapes: Shape) -> None:
        super().setup(*shapes)
        self._read_loss_param()
        if len(self.param.top) != 1 or self.param.HasField("loss_param"):
            raise self.error(
                "has 4 bottoms, with which it takes neither loss_param nor a second top",
                field="bottom",
                remedy="leave those out, or take SmoothL1LossOHEM with 2 or 3 bottoms",
            )
        for shape in shapes[1:]:
            check_equal_counts(self, shapes[0], shape)
        self._sigma = self.param.smooth_l1_loss_param.sigma
        if not self._sigma > 0:
            raise self.error(f"has sigma {self._sigma:g}", field="sigma", remedy="give more than 0")

    def forward(self, a: Tensor, b: Tensor, *weights: Tensor) -> Tensor:
        a = precise(a)
        difference = a - b.reshape(a.shape)
        if not weights:
            return smooth_l1(difference, self._sigma).sum() / max(len(a), 1)
        inside, outside = (each.detach().reshape(a.shape) for each in weights)
        return (outside * smooth_l1(inside * difference, self._sigma)).sum() / max(len(a), 1)


class L1Loss(Loss):
    """Sum of |a - b| over everything, divided by the batch size; both get gradients, 0 for equal
    numbers. (NVIDIA/caffe, l1_loss_layer.cpp.)"""

    no_gradient = frozenset()

    def setup(self, *shapes: Shape) -> None:
        super().setup(*shapes)
        check_equal_counts(self, *shapes)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        a = precise(a)
        return (a - b.reshape(a.shape)).abs().sum() / max(len(a), 1)


TABLE: dict[str, type[Layer]] = {
    "ROIPooling": ROIPooling,
    "SmoothL1Loss": SmoothL1Loss,
    "L1Loss": L1Loss,
}
