"""The boxes that a region proposal network finds (sanghoon/caffe, PVANet's proposal_layer.cpp)."""

from math import inf, sqrt

import torch
from torch import Tensor

from catdog.layers.base import Count, Family, Layer
from catdog.layers.forks.regions import suppress
from catdog.layers.loss import precise
from catdog.proto.caffe_pb2 import LayerParameter, ProposalParameter
from catdog.spec.shape import Shape


class Proposal(Layer):
    """The best boxes of a picture, of which none covers another too far.

    Bottoms: probabilities 1 x 2A x H x W, those of objects in the second A channels, of A anchors,
    one for each ratio and scale; corrections of the anchors 1 x 4A x H x W, as shares of their
    size and logarithms of factors; the height and width of the picture and the scales by which it
    was made so high and wide. Tops: regions R x 5 with image 0, in pixels, and perhaps their
    scores, R. Boxes are cut at the edges; one smaller than min_size times the scale gets score 0.
    The pre_nms_topn best, of equal ones the first, go through the suppression of those whose
    intersection over union with a better one is larger than nms_thresh; post_nms_topn of them at
    most are proposed. No gradients.

    Raises LayerError for a batch of more than one.
    """

    messages = ("proposal_param",)
    family = Family.RESULT
    bottoms = Count(3, 3)
    tops = Count(1, 2)
    no_gradient = frozenset({0, 1, 2})

    def setup(self, *shapes: Shape) -> None:
        param = self.param.proposal_param
        for field in ("ratio", "scale"):
            given: list[float] = list(getattr(param, field))
            if not given or not all(0 < each < inf for each in given):
                what = f"has {field} {', '.join(f'{each:g}' for each in given)}"
                remedy = "give one or more, larger than 0"
                raise self.error(what if given else f"has no {field}", field=field, remedy=remedy)
        for field in ("feat_stride", "base_size", "pre_nms_topn", "post_nms_topn"):
            if not getattr(param, field):
                raise self.error(f"has {field} 0", field=field, remedy="give 1 or more")
        if not param.nms_thresh >= 0:
            what = f"has nms_thresh {param.nms_thresh:g}"
            raise self.error(what, field="nms_thresh", remedy="give 0 or more")
        self._check_bottoms(*shapes)
        # no buffer, which a net in half precision would round
        self._anchors = _anchors(param)

    def _check_bottoms(self, scores: Shape, boxes: Shape, picture: Shape) -> None:
        param = self.param.proposal_param
        number = len(param.ratio) * len(param.scale)
        for index, (shape, each) in enumerate(((scores, 2), (boxes, 4))):
            if len(shape) != 4 or shape[1] != each * number or shape[2:] != scores[2:]:
                raise self.error(
                    f"needs {each * number} channels in bottom {index} for {number} anchors, of "
                    f"one height and width with the other, but it is {list(shape)}",
                    field="bottom",
                    remedy="change ratio and scale, or num_output of the layer that makes it",
                )
        if scores[0] != 1 or boxes[0] != 1:
            raise self.error(
                f"proposes for one picture, but its batch is of {max(scores[0], boxes[0])}",
                field="bottom",
                remedy="give batches of one",
            )
        if picture[-1:] != (4,) or any(size != 1 for size in picture[:-1]):
            raise self.error(
                f"needs height, width, scale_h and scale_w of the picture in bottom 2, not "
                f"{list(picture)}",
                field="bottom",
                remedy="give four numbers; where py-faster-rcnn has three, its scale twice",
            )

    def top_shapes(self, *shapes: Shape) -> list[Shape]:
        # as many as there can be
        param = self.param.proposal_param
        boxes = len(param.ratio) * len(param.scale) * shapes[0][2] * shapes[0][3]
        most = min(boxes, param.pre_nms_topn, param.post_nms_topn)
        return [(most, 5), (most,)][: len(self.param.top)]

    @classmethod
    def caption(cls, param: LayerParameter) -> str:
        return f"{param.proposal_param.post_nms_topn} boxes"

    def forward(
        self, scores: Tensor, corrections: Tensor, picture: Tensor
    ) -> Tensor | tuple[Tensor, Tensor]:
        param = self.param.proposal_param
        objects, boxes = self.scored(scores, corrections, picture)
        objects, order = objects.sort(descending=True, stable=True)
        order = order[: param.pre_nms_topn]
        # pixels have a size: a box reaches to the end of its last one
        reach = boxes[order].double() + boxes.new_tensor((0, 0, 1, 1))
        kept = suppress(reach, param.nms_thresh, most=param.post_nms_topn)
        found = boxes[order[kept]]
        rois = torch.cat((torch.zeros_like(found[:, :1]), found), 1)
        return rois if self.top_count == 1 else (rois, objects[kept])

    def scored(self, scores: Tensor, corrections: Tensor, picture: Tensor) -> tuple[Tensor, Tensor]:
        """The scores of all boxes, 0 of those that are too small, and the boxes (number, 4)."""
        param = self.param.proposal_param
        objects = precise(scores.detach())[0].chunk(2)[1].permute(1, 2, 0).flatten()
        height, width, *scales = precise(picture.detach()).flatten()
        boxes = self._moved(precise(corrections.detach())[0])
        last = torch.stack((width, height, width, height)) - 1
        boxes = torch.minimum(boxes.clamp(min=0), last.clamp(min=0))
        wide, tall = boxes[:, 2] - boxes[:, 0] + 1, boxes[:, 3] - boxes[:, 1] + 1
        large = (tall >= param.min_size * scales[0]) & (wide >= param.min_size * scales[1])
        return objects.where(large, 0), boxes

    def _moved(self, corrections: Tensor) -> Tensor:
        """The anchors at all places with their corrections: rows by row, column and anchor."""
        stride = self.param.proposal_param.feat_stride
        _, height, width = corrections.shape
        by_place = corrections.view(len(self._anchors), 4, height, width).permute(2, 3, 0, 1)
        rows, columns = (
            torch.arange(size, device=corrections.device, dtype=corrections.dtype) * stride
            for size in (height, width)
        )
        places = torch.cartesian_prod(rows, columns).flip(1).view(height, width, 1, 2)
        anchors = corrections.new_tensor(self._anchors)
        first, last = anchors[:, :2] + places, anchors[:, 2:] + places
        sizes = last - first + 1
        centres = first + 0.5 * sizes + by_place[..., :2] * sizes
        halves = 0.5 * sizes * by_place[..., 2:].exp()
        return torch.cat((centres - halves, centres + halves), -1).view(-1, 4)


def _anchors(param: ProposalParameter) -> list[tuple[float, ...]]:
    """xmin, ymin, xmax, ymax of the anchors around the first place, ratio by ratio."""
    base = param.base_size
    anchors: list[tuple[float, ...]] = []
    for ratio in param.ratio:
        width = int(sqrt(base * base / ratio) + 0.5)
        height = int(width * ratio + 0.5)
        for scale in param.scale:
            x, y = (width * scale - 1) / 2, (height * scale - 1) / 2
            middle = (base - 1) / 2
            anchors.append((middle - x, middle - y, middle + x, middle + y))
    return anchors


TABLE: dict[str, type[Layer]] = {"Proposal": Proposal}
