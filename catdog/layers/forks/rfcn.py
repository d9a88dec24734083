"""Layers of R-FCN (daijifeng001/caffe-rfcn): position-sensitive pooling, and the online mining of
hard regions."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from catdog.layers.base import TWO, Count, Family, Layer
from catdog.layers.forks import Choice
from catdog.layers.forks.rcnn import smooth_l1
from catdog.layers.forks.regions import RegionPooling, images_of, round_away
from catdog.layers.loss import Loss, check_equal_counts, precise
from catdog.layers.softmax_loss import SoftmaxWithLoss
from catdog.proto.caffe_pb2 import LayerParameter
from catdog.spec.shape import Shape


class PSROIPooling(RegionPooling):
    """The mean of each of g x g bins of each region, every bin from a channel of its own.

    Bottoms: features N x (output_dim * g * g) x H x W, g the group_size, and regions R x 5; top
    R x output_dim x g x g, with bin (i, j) of channel c from channel (c * g + i) * g + j. The
    corners are rounded, then scaled; the region ends a pixel of the picture after its second
    corner and is 0.1 wide at least. Pixels outside of the features are left out; an empty bin is
    0. The bounds are found in float32, in the order in which R-FCN finds them.
    (caffe-rfcn, psroi_pooling_layer.cu.)

    Raises LayerError for a region of an image that is not in the batch.
    """

    messages = ("psroi_pooling_param",)

    def setup(self, *shapes: Shape) -> None:
        super().setup(*shapes)
        param = self.param.psroi_pooling_param
        for field in ("spatial_scale", "output_dim", "group_size"):
            if not getattr(param, field) > 0:
                raise self.error(
                    f"has {field} {getattr(param, field):g}", field=field, remedy="give more than 0"
                )
        self._outputs, self._side = param.output_dim, param.group_size
        wanted = self._outputs * self._side**2
        if shapes[0][1] != wanted:
            raise self.error(
                f"needs {wanted} channels for output_dim {self._outputs} and group_size "
                f"{self._side}, but bottom 0 is {list(shapes[0])}",
                field="bottom",
                remedy=f"give the layer before it num_output: {wanted}",
            )

    def top_shapes(self, *shapes: Shape) -> list[Shape]:
        return [(shapes[1][0], self._outputs, self._side, self._side)]

    @classmethod
    def caption(cls, param: LayerParameter) -> str:
        side = param.psroi_pooling_param.group_size
        return f"{side}×{side}"

    def forward(self, x: Tensor, rois: Tensor) -> Tensor:
        regions = rois.detach().reshape(-1, 5).float()
        images = images_of(self, regions, len(x))
        height, width = x.shape[2:]
        rows = self._bounds(regions[:, 2], regions[:, 4], height)
        columns = self._bounds(regions[:, 1], regions[:, 3], width)
        sums = self._sums(_heaped(x, self._outputs, self._side), images, rows, columns)
        tall, wide = (last - first for first, last in (rows, columns))
        areas = tall[:, :, None] * wide[:, None, :]
        means = sums / areas.clamp(min=1)[..., None]
        return means.permute(0, 3, 1, 2).to(x.dtype)

    def _bounds(self, first: Tensor, last: Tensor, limit: int) -> tuple[Tensor, Tensor]:
        """Where the bins of each region begin and end on an axis, each R x g."""
        scale = self.param.psroi_pooling_param.spatial_scale
        start = (round_away(first) * scale)[:, None]
        end = ((round_away(last) + 1) * scale)[:, None]
        size = (end - start).clamp(min=0.1) / self._side
        bins = torch.arange(self._side, device=first.device, dtype=first.dtype)
        begins, ends = (bins * size + start).floor(), ((bins + 1) * size + start).ceil()
        # corners that are no numbers make empty bins
        first, last = (each.nan_to_num(0).clamp(0, limit).long() for each in (begins, ends))
        return first, last

    def _sums(
        self,
        heaped: Tensor,
        images: Tensor,
        rows: tuple[Tensor, Tensor],
        columns: tuple[Tensor, Tensor],
    ) -> Tensor:
        """The sums over all bins, R x g x g x outputs."""
        bins = torch.arange(self._side, device=images.device)
        image = images[:, None, None]

        def upto(row: Tensor, column: Tensor) -> Tensor:
            at = (image, bins[:, None], bins, row[:, :, None], column[:, None, :])
            return heaped[at]

        (top, bottom), (left, right) = rows, columns
        return upto(bottom, right) - upto(top, right) - upto(bottom, left) + upto(top, left)


def _heaped(x: Tensor, outputs: int, side: int) -> Tensor:
    """The sums of all pixels above and left of each corner, in float64, in which their
    differences are exact enough: N x g x g x (H + 1) x (W + 1) x outputs."""
    number, _, height, width = x.shape
    apart = x.reshape(number, outputs, side, side, height, width).permute(0, 2, 3, 4, 5, 1)
    return F.pad(apart.double().cumsum(3).cumsum(4), (0, 0, 1, 0, 1, 0))


class _Unscaled(torch.autograd.Function):
    """weights * x, with the gradient of x itself, as the mining losses have it."""

    @staticmethod
    def forward(_ctx: object, x: Tensor, weights: Tensor) -> Tensor:
        return weights * x

    @staticmethod
    def backward(_ctx: object, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0], None


class SmoothL1LossOHEM(Loss):
    """Sum of f(weights * (a - b)), by what loss_param says; f as `rcnn.smooth_l1` with sigma 1.

    Bottoms: a, b, which both get gradients, and perhaps the weights, which are left out of the
    gradient as R-FCN leaves them out. A second top has the sum of each place, N x 1 x H x W, not
    divided; it sends no gradient. (caffe-rfcn, smooth_L1_loss_ohem_layer.cpp, .cu.)
    """

    messages = ("loss_param",)
    bottoms = Count(2, 3)
    tops = Count(1, 2)
    no_gradient = frozenset({2})
    takes_loss_param = True

    def setup(self, *shapes: Shape) -> None:
        super().setup(*shapes)
        self._read_loss_param()
        self._check_absent("ignore_label")
        for shape in shapes[1:]:
            check_equal_counts(self, shapes[0], shape)
        if not 1 <= len(shapes[0]) <= 4:
            raise self.error(
                f"needs bottoms of 4 axes at most, not {list(shapes[0])}",
                field="bottom",
                remedy="put a Reshape layer before it",
            )

    def top_shapes(self, *shapes: Shape) -> list[Shape]:
        return [(), _places(shapes[0])][: len(self.param.top)]

    def passes_gradient(self) -> bool:
        # the second top has none
        return self.top_count == 1

    def forward(self, a: Tensor, b: Tensor, *weights: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        a = precise(a)
        difference = a - b.reshape(a.shape)
        if weights:
            difference = _Unscaled.apply(difference, weights[0].detach().reshape(a.shape))
        losses = smooth_l1(difference, 1)
        places = _places(tuple(a.shape))
        loss = losses.sum() / self._divisor(places[0], places[2] * places[3], None)
        if self.top_count == 1:
            return loss
        return loss, losses.detach().reshape(_four(tuple(a.shape))).sum(1, keepdim=True)


def _places(shape: Shape) -> Shape:
    """N x 1 x H x W of a blob of up to 4 axes."""
    number, _, height, width = _four(shape)
    return number, 1, height, width


class SoftmaxWithLossOHEM(SoftmaxWithLoss):
    """SoftmaxWithLoss whose third top has the loss of each label, in the shape of the labels, 0
    where it is ignored; the second and third top send no gradient.
    (caffe-rfcn, softmax_loss_ohem_layer.cpp, .cu.)"""

    tops = Count(1, 3)
    reads = frozenset()

    def _are_probabilities(self, _labels: Shape, _scores: Shape) -> bool:
        return False

    def top_shapes(self, *shapes: Shape) -> list[Shape]:
        return [(), *shapes][: len(self.param.top)]

    def passes_gradient(self) -> bool:
        return self.top_count == 1

    def counted(self, *bottoms: Tensor) -> tuple[Tensor | None, ...]:
        return (*super().counted(*bottoms), None)[: self.top_count]

    def forward(self, *bottoms: Tensor) -> Tensor | tuple[Tensor, ...]:
        loss, logs, losses = self._compare(*bottoms)
        if self.top_count == 1:
            return loss
        each = losses.detach().reshape(bottoms[1].shape)
        return (loss, logs.detach().exp(), each)[: self.top_count]


class BoxAnnotatorOHEM(Layer):
    """The labels and box weights of the roi_per_img regions of each image with the largest loss;
    of the others ignore_label and 0.

    Bottoms: regions R x 5 x H x W, of which only the image counts, losses and labels with one
    number for each, weights R x K x H x W (H = W = 1 where there are no such axes); tops: labels
    R x 1 x H x W, weights R x K x H x W. Of equal losses the first counts. No gradients.
    (caffe-rfcn, box_annotator_ohem_layer.cu.)
    """

    messages = ("box_annotator_ohem_param",)
    family = Family.RESULT
    bottoms = Count(4, 4)
    tops = TWO
    no_gradient = frozenset({0, 1, 2, 3})

    def setup(self, *shapes: Shape) -> None:
        if not self.param.box_annotator_ohem_param.roi_per_img:
            raise self.error("has roi_per_img 0", field="roi_per_img", remedy="give 1 or more")
        wanted = ("5 numbers", "a loss", "a label", "weights")
        fours = [_four(shape) for shape in shapes]
        for index, (four, what) in enumerate(zip(fours, wanted, strict=True)):
            channels = (5, 1, 1, four[1])[index]
            if len(shapes[index]) > 4 or four != (fours[0][0], channels, *fours[0][2:]):
                raise self.error(
                    f"needs {what} for each region in bottom {index}, but the shapes of its "
                    f"bottoms are {[list(shape) for shape in shapes]}",
                    field="bottom",
                    remedy="give regions, losses, labels and weights, in this order",
                )

    def top_shapes(self, *shapes: Shape) -> list[Shape]:
        return [_four(shapes[2]), _four(shapes[3])]

    @classmethod
    def caption(cls, param: LayerParameter) -> str:
        return f"{param.box_annotator_ohem_param.roi_per_img} of each image"

    def forward(
        self, rois: Tensor, losses: Tensor, labels: Tensor, weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        param = self.param.box_annotator_ohem_param
        labels = labels.detach().reshape(_four(tuple(labels.shape)))
        weights = weights.detach().reshape(_four(tuple(weights.shape)))
        images = rois.detach().reshape(_four(tuple(rois.shape)))[:, 0].flatten().long()
        kept = _hardest(images, losses.detach().flatten(), param.roi_per_img).view(labels.shape)
        return labels.where(kept, param.ignore_label), weights.where(kept, 0)


def _four(shape: Shape) -> Shape:
    """A shape of 4 axes, those that are missing of size 1."""
    return (*shape, *(1,) * (4 - len(shape)))


def _hardest(images: Tensor, losses: Tensor, count: int) -> Tensor:
    """Whether each loss is among the `count` largest of its image."""
    order = losses.argsort(descending=True, stable=True)
    order = order[images[order].argsort(stable=True)]
    by_image = images[order]
    ranks = torch.arange(len(order), device=order.device) - torch.searchsorted(by_image, by_image)
    return torch.zeros_like(images, dtype=torch.bool).scatter_(0, order, ranks < count)


def _smooth_l1_of_rfcn(param: LayerParameter, shapes: Sequence[Shape]) -> type[Layer] | None:
    """Three bottoms, two tops and loss_param are R-FCN's; four bottoms are Fast R-CNN's."""
    marked = len(shapes) == 3 or len(param.top) == 2 or param.HasField("loss_param")
    return SmoothL1LossOHEM if marked and len(shapes) < 4 else None


TABLE: dict[str, type[Layer]] = {
    "PSROIPooling": PSROIPooling,
    "SmoothL1LossOHEM": SmoothL1LossOHEM,
    "SoftmaxWithLossOHEM": SoftmaxWithLossOHEM,
    "BoxAnnotatorOHEM": BoxAnnotatorOHEM,
}
VARIANTS: dict[str, Choice] = {"SmoothL1Loss": _smooth_l1_of_rfcn}
