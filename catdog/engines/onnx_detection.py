"""Layers that find boxes, as a graph of ONNX has them: its own NonMaxSuppression, and everything
before and after it without a step that depends on numbers."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from catdog.engines.onnx_operators import region_maximum, unsuppressed
from catdog.layers.base import Layer
from catdog.layers.forks.boxes import LEAST_ADAPTED, decode
from catdog.layers.forks.detection import ROW, DetectionOutput
from catdog.layers.forks.priors import PriorBox, PriorBoxClustered
from catdog.layers.forks.proposal import Proposal
from catdog.layers.forks.rcnn import ROIPooling
from catdog.layers.forks.yolo import (
    FoundBoxes,
    YoloDetectionOutput,
    Yolov3DetectionOutput,
)


class _DetectionsOfGraph(DetectionOutput):
    """DetectionOutput with candidates in a block of images x labels x the top_k best.

    The block is in the order of the rows: by image, label and falling score.
    """

    def forward(self, *bottoms: Tensor) -> Tensor:
        param = self.param.detection_output_param
        nms = param.nms_param
        if nms.eta < 1 and nms.nms_threshold > LEAST_ADAPTED:
            raise self.error(
                f"has eta {nms.eta:g}, with which the threshold falls; ONNX has one that stays",
                field="detection_output_param.nms_param.eta",
                remedy="leave eta out",
            )
        loc, conf, prior = bottoms
        # not the net's own number: where the picture's size varies it does, too
        images, priors = loc.shape[0], prior.shape[2] // 4
        labels = torch.tensor(self._labels)
        scores = conf.reshape(images, priors, -1).transpose(1, 2).index_select(1, labels)
        count = priors if self._top_k < 0 else min(self._top_k, priors)
        best, places = scores.topk(count, dim=2)
        boxes = self._boxes_at(loc, prior, places)
        order = torch.where(best > self._least, torch.arange(count, 0, -1).to(best), 0)
        flat = boxes.reshape(-1, count, 4), order.reshape(-1, count)
        kept = unsuppressed(whole(flat[0]), flat[1], min(nms.nms_threshold, 1.0))
        kept = self._best_of(kept.reshape(images, -1), best.reshape(images, -1))
        numbers = torch.arange(images).to(best)
        image = numbers.view(-1, 1, 1).expand_as(best)
        label = labels.to(best).view(1, -1, 1).expand_as(best)
        rows = torch.cat([torch.stack([image, label, best], -1), boxes], -1)
        return _rows_or_none(rows.reshape(-1, ROW), kept.reshape(-1), numbers)

    def _boxes_at(self, loc: Tensor, prior: Tensor, places: Tensor) -> Tensor:
        """The boxes of candidates, images x labels x candidates x 4."""
        param = self.param.detection_output_param
        (images, labels, count), priors = places.shape, prior.shape[2] // 4
        offsets = loc.reshape(images, priors, self._sets, 4).transpose(1, 2)
        if self._sets > 1:
            offsets = offsets.index_select(1, torch.tensor(self._labels))
        corners = prior[0, 0].reshape(-1, 4)
        variances = None
        if not param.variance_encoded_in_target:
            variances = prior[0, 1].reshape(-1, 4)
        boxes = decode(param.code_type, corners, variances, offsets)
        boxes = boxes.expand(images, labels, priors, 4)
        return boxes.gather(2, places.unsqueeze(-1).expand(images, labels, count, 4))

    def _best_of(self, kept: Tensor, scores: Tensor) -> Tensor:
        """The mask without what is not among the keep_top_k best of its image."""
        most = self.param.detection_output_param.keep_top_k
        if most < 0 or most >= scores.shape[1]:
            return kept
        if not most:
            return torch.zeros_like(kept)
        _, places = torch.where(kept, scores, -torch.inf).topk(most, dim=1)
        among = torch.zeros_like(scores).scatter(1, places, torch.ones(places.shape))
        return kept & (among > 0.5)


def whole(boxes: Tensor) -> Tensor:
    """Boxes of which an end that lies before its beginning is put there: they overlap nothing.

    ONNX would take the ends for each other.
    """
    first = boxes[..., :2]
    return torch.cat([first, torch.maximum(first, boxes[..., 2:])], -1)


def _rows_or_none(rows: Tensor, kept: Tensor, images: Tensor) -> Tensor:
    """Those rows of a mask, 1 x 1 x rows x 7; without any one of each image, its number and -1."""
    count = images.shape[0]
    none = torch.cat([images.unsqueeze(1), torch.full((count, ROW - 1), -1.0)], 1)
    nothing = kept.to(torch.float32).sum(0, keepdim=True) < 0.5
    chosen = torch.cat([kept, nothing.expand(count)])
    found = torch.cat([rows, none]).index_select(0, chosen.nonzero().squeeze(1))
    return found.unsqueeze(0).unsqueeze(0)


def _yolo_rows(found: Sequence[FoundBoxes], pictures: int, threshold: float) -> Tensor:
    """The rows of all boxes whose score is not negative; they go through one suppression."""
    boxes, scores, classes = (torch.cat(each) for each in zip(*found, strict=True))
    # of equal ones ONNX takes the first, as a stable sort does
    scores, places = scores.topk(scores.shape[0])
    boxes, labels = boxes.index_select(0, places), classes.index_select(0, places) + 1
    centres, halves = boxes[:, :2], boxes[:, 2:] / 2
    corners = torch.cat((centres - halves, centres + halves), 1)
    order = torch.where(scores >= 0, torch.arange(scores.shape[0], 0, -1).to(scores), 0)
    # boxes that overlap by as much as the threshold go, too
    below = float(np.nextafter(np.float32(threshold), np.float32(-1)))
    kept = unsuppressed(corners.unsqueeze(0), order.unsqueeze(0), min(below, 1.0))
    head = torch.stack((torch.zeros_like(scores), labels.to(scores), scores), 1)
    rows = torch.cat((head, corners), 1)
    return _rows_or_none(rows, kept.squeeze(0), torch.arange(pictures).to(scores))


class _Yolo2OfGraph(YoloDetectionOutput):
    def _found(self, grid: Tensor) -> FoundBoxes:
        boxes, scores, classes = self.every(grid)
        least = self.param.yolo_detection_output_param.confidence_threshold
        marked = torch.where(scores >= least, scores, -1.0)
        return FoundBoxes(boxes.reshape(-1, 4), marked.reshape(-1), classes.reshape(-1))

    def _rows(self, found: Sequence[FoundBoxes], pictures: int, threshold: float) -> Tensor:
        return _yolo_rows(found, pictures, threshold)


class _Yolo3OfGraph(Yolov3DetectionOutput):
    def _found(self, index: int, grid: Tensor) -> FoundBoxes:
        boxes, scores = self.every(index, grid)
        least = self.param.yolov3_detection_output_param.confidence_threshold
        marked = torch.where(scores > least, scores, -1.0)
        kinds = torch.arange(scores.shape[-1]).expand(scores.shape)
        of_kinds = boxes.unsqueeze(-2).expand(*scores.shape, 4)
        return FoundBoxes(of_kinds.reshape(-1, 4), marked.reshape(-1), kinds.reshape(-1))

    def _rows(self, found: Sequence[FoundBoxes], pictures: int, threshold: float) -> Tensor:
        return _yolo_rows(found, pictures, threshold)


class _ProposalsOfGraph(Proposal):
    """Proposal by ONNX's NonMaxSuppression, in float32."""

    def forward(
        self, scores: Tensor, corrections: Tensor, picture: Tensor
    ) -> Tensor | tuple[Tensor, Tensor]:
        param = self.param.proposal_param
        objects, boxes = self.scored(scores, corrections, picture)
        count = min(param.pre_nms_topn, objects.shape[0])
        objects, order = objects.topk(count)
        boxes = boxes.index_select(0, order)
        reach = boxes + torch.tensor([0.0, 0.0, 1.0, 1.0])
        ranks = torch.arange(count, 0, -1).to(boxes)
        kept = unsuppressed(whole(reach).unsqueeze(0), ranks.unsqueeze(0), param.nms_thresh)[0]
        kept = kept & (kept.to(torch.float32).cumsum(0) < param.post_nms_topn + 0.5)
        places = kept.nonzero().squeeze(1)
        found = boxes.index_select(0, places)
        rois = torch.cat((torch.zeros_like(found[:, :1]), found), 1)
        return rois if self.top_count == 1 else (rois, objects.index_select(0, places))


class _RegionsOfGraph(ROIPooling):
    """ROIPooling as MaxRoiPool."""

    def forward(self, x: Tensor, rois: Tensor) -> Tensor:
        scale = self.param.roi_pooling_param.spatial_scale
        top: Tensor = region_maximum(x, rois.reshape(-1, 5), scale, *self._pooled)
        return top


class _PriorsOfAnySize(PriorBox):
    """PriorBox whose feature map and picture may have any size."""

    def forward(self, x: Tensor, image: Tensor) -> Tensor:
        size, (height, width) = x.shape[2:], map(_alone, self._picture or image.shape[2:])
        steps = self._step or (height / _alone(size[0]), width / _alone(size[1]))
        return self.placed(size, steps, torch.cat([width, height])).float()


def _alone(number: float) -> Tensor:
    """A number that may stand for a size that varies."""
    return torch.full((1,), number, dtype=torch.float64)


class _ClusteredOfAnySize(PriorBoxClustered):
    forward = _PriorsOfAnySize.forward


#: The same where the sizes of pictures vary.
DETECTION_OF_ANY_SIZE: dict[type[Layer], type[Layer]] = {
    PriorBox: _PriorsOfAnySize,
    PriorBoxClustered: _ClusteredOfAnySize,
}
#: What stands for a layer in a graph of ONNX.
DETECTION: dict[type[Layer], type[Layer]] = {
    DetectionOutput: _DetectionsOfGraph,
    Proposal: _ProposalsOfGraph,
    ROIPooling: _RegionsOfGraph,
    YoloDetectionOutput: _Yolo2OfGraph,
    Yolov3DetectionOutput: _Yolo3OfGraph,
}
