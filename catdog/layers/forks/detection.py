"""From offsets, scores and priors to detections, and what of them is right (weiliu89/caffe, branch
ssd)."""

from typing import NamedTuple

import torch
from torch import Tensor

from catdog.layers.base import TWO, Count, Family, Layer
from catdog.layers.forks.boxes import count_priors, decode, overlaps, suppress
from catdog.layers.loss import precise
from catdog.proto.caffe_pb2 import DetectionOutputParameter, LayerParameter
from catdog.spec.shape import Shape

#: What a score has to be above where no confidence_threshold is given.
LOWEST = -float(torch.finfo(torch.float32).max)
#: Numbers of a detection: image, label, score, box.
ROW = 7


class Candidates(NamedTuple):
    """Boxes that may be detections, by image, by label, by falling score; a tensor of each."""

    image: Tensor
    label: Tensor
    prior: Tensor
    score: Tensor

    def taken(self, index: Tensor) -> "Candidates":
        """Some of them, in the order of an index or as a mask leaves them."""
        return Candidates(*(each[index] for each in self))


def best_of_each(groups: Tensor, scores: Tensor, most: int) -> Tensor:
    """The indices of the best scores of each group, `most` of them at most, or all where that is
    below 0; by group and falling score, equal ones in their order."""
    order = scores.argsort(descending=True, stable=True)
    order = order[groups[order].argsort(stable=True)]
    if most < 0:
        return order
    sizes = torch.bincount(groups)
    starts = sizes.cumsum(0) - sizes
    places = torch.arange(len(order), device=order.device) - starts[groups[order]]
    return order[places < most]


def nothing_found(images: int, like: Tensor) -> Tensor:
    """The top where no image has any detection: of each its number, then -1."""
    rows = like.new_full((images, ROW), -1)
    rows[:, 0] = torch.arange(images, device=like.device)
    return rows.view(1, 1, -1, ROW)


class DetectionOutput(Layer):
    """Rows [image, label, score, xmin, ymin, xmax, ymax], 1 x 1 x detections x 7, of offsets
    (bottom 0), scores (bottom 1) and priors with their variances (bottom 2).

    The offsets are images x priors x 4, without share_location images x priors x classes x 4, the
    scores images x priors x classes. Of each class but the background those above
    confidence_threshold, the best top_k of them, pass a non-maximum suppression, and of an image's
    the best keep_top_k are left; rows come by image, label and falling score, equal scores in the
    order of the priors. Where no image has any, there is a row of each: its number, then -1.

    How many rows there are depends on the numbers; the promised shape has one.
    """

    messages = ("detection_output_param",)
    family = Family.RESULT
    bottoms = Count(3, 3)
    no_gradient = frozenset({0, 1, 2})
    one_for_batch = True

    def setup(self, *shapes: Shape) -> None:
        given = self.param.detection_output_param
        self._check_numbers(given)
        self._sets = 1 if given.share_location else given.num_classes
        variances = not given.variance_encoded_in_target
        self._priors = count_priors(self, shapes, given.num_classes, self._sets, variances)
        self._classes = given.num_classes
        without = given.background_label_id
        self._labels = [label for label in range(given.num_classes) if label != without]
        self._least = LOWEST
        if given.HasField("confidence_threshold"):
            self._least = given.confidence_threshold
        nms = given.nms_param
        self._top_k = nms.top_k if nms.HasField("top_k") else -1

    def _check_numbers(self, given: DetectionOutputParameter) -> None:
        field = "detection_output_param"
        if given.num_classes < 1:
            raise self.error(
                "has no num_classes", field=field, remedy="give it, with the background"
            )
        if given.share_location and given.background_label_id == -1:
            raise self.error(
                "has background_label_id -1, which is not possible with share_location",
                field=f"{field}.background_label_id",
                remedy="give a number that is no class, such as num_classes, where there is none",
            )
        nms = given.nms_param
        if not nms.nms_threshold >= 0:
            raise self.error(
                f"has nms_threshold {nms.nms_threshold:g}",
                field=f"{field}.nms_param.nms_threshold",
                remedy="give 0 or more",
            )
        if not 0 < nms.eta <= 1:
            raise self.error(
                f"has eta {nms.eta:g}",
                field=f"{field}.nms_param.eta",
                remedy="give more than 0, at most 1",
            )

    def top_shapes(self, *_: Shape) -> list[Shape]:
        # as Caffe has it, before there are numbers
        return [(1, 1, 1, ROW)]

    @classmethod
    def caption(cls, param: LayerParameter) -> str:
        return f"{param.detection_output_param.num_classes} classes"

    @classmethod
    def remark(cls, layer: LayerParameter) -> str:
        given = layer.detection_output_param
        vain = [name for name in ("visualize", "save_file") if getattr(given, name)]
        if given.save_output_param.output_directory:
            vain.append("save_output_param")
        if not vain:
            return ""
        return (
            f'layer "{layer.name}" ({layer.type}) writes and shows nothing for {", ".join(vain)}: '
            "its top has the detections"
        )

    def forward(self, *bottoms: Tensor) -> Tensor:
        loc, conf, prior = (precise(bottom.detach()) for bottom in bottoms)
        found = self._candidates(conf.reshape(len(conf), self._priors, self._classes))
        boxes = self._boxes(found, loc, prior.to(loc.dtype))
        kept = self._best(found, self._without_overlaps(found, boxes))
        if not len(kept):
            return nothing_found(len(conf), loc)
        found, boxes = found.taken(kept), boxes[kept]
        first = torch.stack([each.to(loc.dtype) for each in (found.image, found.label)], 1)
        rows = torch.cat([first, found.score.to(loc.dtype).unsqueeze(1), boxes], 1)
        return rows.view(1, 1, -1, ROW)

    def _candidates(self, scores: Tensor) -> Candidates:
        """The best scores above the threshold, of (images, priors, classes)."""
        labels = torch.tensor(self._labels, dtype=torch.long, device=scores.device)
        by_label = scores.transpose(1, 2)[:, labels]
        image, place, prior = (by_label > self._least).nonzero().unbind(1)
        score = by_label[image, place, prior]
        best = best_of_each(image * len(self._labels) + place, score, self._top_k)
        return Candidates(image, labels[place], prior, score).taken(best)

    def _boxes(self, found: Candidates, loc: Tensor, prior: Tensor) -> Tensor:
        """The boxes (candidates, 4)."""
        param = self.param.detection_output_param
        offsets = loc.reshape(len(loc), self._priors, self._sets, 4)
        which = found.label if self._sets > 1 else torch.zeros_like(found.label)
        corners = prior[0, 0].reshape(-1, 4)[found.prior]
        encoded = param.variance_encoded_in_target
        variances = None if encoded else prior[0, 1].reshape(-1, 4)[found.prior]
        taken = offsets[found.image, found.prior, which]
        return decode(param.code_type, corners, variances, taken)

    def _without_overlaps(self, found: Candidates, boxes: Tensor) -> Tensor:
        """The indices of the candidates that none of their image and label suppresses."""
        nms = self.param.detection_output_param.nms_param
        sizes = torch.bincount(found.image * (len(self._labels) + 1) + found.label)
        kept, start = [], 0
        for size in filter(None, sizes.tolist()):
            group = boxes[start : start + size]
            kept.append(suppress(group, nms.nms_threshold, nms.eta) + start)
            start += size
        return torch.cat(kept) if kept else found.image.new_empty(0)

    def _best(self, found: Candidates, kept: Tensor) -> Tensor:
        """Of the indices that are kept, those of the keep_top_k best of each image, in order."""
        most = self.param.detection_output_param.keep_top_k
        if most < 0:
            return kept
        return kept[best_of_each(found.image[kept], found.score[kept], most).sort().values]


class DetectionEvaluate(Layer):
    """What of detections (bottom 0) is right, held against true boxes (bottom 1), rows of 5.

    A row of each class but the background: -1, the class, its true boxes, -1, -1. Then, by image,
    class and falling score, of each detection: image, class, score, and whether it is right, and
    wrong. Right is the first that overlaps a box of its class by overlap_threshold; one of a box
    that is difficult is neither, unless evaluate_difficult_gt.

    Raises LayerError for detections and boxes of the background, and for true boxes of no class.
    The promised shape has as many rows as there can be.
    """

    messages = ("detection_evaluate_param",)
    family = Family.RESULT
    compares = True
    higher_is_better = True
    bottoms = TWO
    no_gradient = frozenset({0, 1})

    def setup(self, *shapes: Shape) -> None:
        param = self.param.detection_evaluate_param
        if param.num_classes < 1:
            raise self.error(
                "has no num_classes",
                field="detection_evaluate_param",
                remedy="give it, with the background",
            )
        if not param.overlap_threshold > 0:
            raise self.error(
                f"has overlap_threshold {param.overlap_threshold:g}",
                field="detection_evaluate_param.overlap_threshold",
                remedy="give more than 0",
            )
        for index, (shape, width) in enumerate(zip(shapes, (ROW, 8), strict=True)):
            if len(shape) != 4 or shape[3] != width or shape[:2] != (1, 1):
                raise self.error(
                    f"needs rows 1 x 1 x number x {width} in bottom {index}, not {list(shape)}",
                    field="bottom",
                    remedy="give detections of DetectionOutput and true boxes of AnnotatedData",
                )
        without = param.background_label_id
        self._labels = [label for label in range(param.num_classes) if label != without]

    def top_shapes(self, *shapes: Shape) -> list[Shape]:
        return [(1, 1, len(self._labels) + shapes[0][2], 5)]

    @classmethod
    def caption(cls, param: LayerParameter) -> str:
        return f"{param.detection_evaluate_param.num_classes} classes"

    @classmethod
    def remark(cls, layer: LayerParameter) -> str:
        if not layer.detection_evaluate_param.name_size_file:
            return ""
        return (
            f'layer "{layer.name}" ({layer.type}) does not read name_size_file: it compares boxes '
            "as shares of their picture, not in pixels"
        )

    def forward(self, *bottoms: Tensor) -> Tensor:
        found, true = (precise(bottom.detach()).reshape(-1, bottom.shape[-1]) for bottom in bottoms)
        # the true boxes end with the first row that is none
        true = true[(true[:, 0].long() == -1).cumsum(0) == 0]
        found = found[(found[:, 0].long() != -1) & (found[:, 1].long() != -1)]
        background = self.param.detection_evaluate_param.background_label_id
        for rows, what in ((found, "a detection"), (true, "a true box")):
            if (rows[:, 1].long() == background).any():
                raise self.error(
                    f"has {what} of the background, label {background}",
                    field="bottom",
                    remedy="give another background_label_id, or other labels",
                )
        self._check_classes(true)
        return torch.cat([self._totals(true), self._judged(found, true)]).view(1, 1, -1, 5)

    def _check_classes(self, true: Tensor) -> None:
        """SSD's own layer leaves such boxes out, as if nothing had been missed."""
        labels, classes = true[:, 1].long(), self.param.detection_evaluate_param.num_classes
        wrong = labels[(labels < 0) | (labels >= classes)]
        if len(wrong):
            raise self.error(
                f"has a true box of label {int(wrong[0])}, with {classes} classes",
                field="bottom",
                remedy="give labels of these classes, or another num_classes",
            )

    def _counts(self, true: Tensor) -> Tensor:
        """Which of the true boxes count."""
        if self.param.detection_evaluate_param.evaluate_difficult_gt:
            return torch.ones_like(true[:, 7], dtype=torch.bool)
        return true[:, 7] == 0

    def _totals(self, true: Tensor) -> Tensor:
        labels = torch.tensor(self._labels, dtype=torch.long, device=true.device)
        counted = true[self._counts(true), 1].long()
        rows = true.new_full((len(labels), 5), -1)
        rows[:, 1] = labels
        rows[:, 2] = (counted == labels[:, None]).sum(1)
        return rows

    def _judged(self, found: Tensor, true: Tensor) -> Tensor:
        """The rows of the detections."""
        pairs, where = torch.unique(found[:, :2].long(), dim=0, return_inverse=True)
        rows = [found.new_empty(0, 5)]
        for index, (image, label) in enumerate(pairs.tolist()):
            mine = found[where == index]
            theirs = true[(true[:, 0].long() == image) & (true[:, 1].long() == label)]
            rows.append(self._of_class(mine, theirs))
        return torch.cat(rows)

    def _of_class(self, found: Tensor, true: Tensor) -> Tensor:
        """The rows of the detections of one image and class."""
        if len(true):
            found = found[found[:, 2].argsort(descending=True, stable=True)]
        right = found.new_zeros(len(found), dtype=torch.bool)
        wrong = torch.ones_like(right)
        if len(true):
            best, which = overlaps(found[:, 3:], true[:, 3:7]).max(1)
            near = best >= self.param.detection_evaluate_param.overlap_threshold
            counts = self._counts(true)[which]
            hit = near & counts
            # of those that hit one box only the first is right
            before = (which[:, None] == which[None]) & hit[None]
            right = hit & ~before.tril(-1).any(1)
            wrong = ~right & ~(near & ~counts)
        marks = torch.stack([right, wrong], 1).to(found.dtype)
        return torch.cat([found[:, :2].trunc(), found[:, 2:3], marks], 1)


TABLE: dict[str, type[Layer]] = {
    "DetectionOutput": DetectionOutput,
    "DetectionEvaluate": DetectionEvaluate,
}
