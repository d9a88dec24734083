"""The loss that SSD is trained with (Liu and others 2016; weiliu89/caffe, branch ssd)."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from catdog.layers.base import Count, Layer
from catdog.layers.forks.box_losses import BoxBatch, BoxLosses, Pairs
from catdog.layers.forks.boxes import count_priors
from catdog.layers.forks.matching import (
    UNMATCHED,
    crosses_edge,
    hardest,
    hardest_apart,
    match,
    negatives,
)
from catdog.layers.loss import Loss, precise
from catdog.proto.caffe_pb2 import LayerParameter, LossParameter, MultiBoxLossParameter
from catdog.spec.shape import Shape

NONE = MultiBoxLossParameter.NONE
HARD_EXAMPLE = MultiBoxLossParameter.HARD_EXAMPLE
#: Numbers of a true box: image, label, instance, box, difficult.
ROW = 8


class Truth(NamedTuple):
    """True boxes, a row of each tensor for each."""

    image: Tensor
    label: Tensor
    box: Tensor

    def taken(self, index: Tensor) -> "Truth":
        """Some of them, by index or mask."""
        return Truth(*(each[index] for each in self))


class MinedExamples(NamedTuple):
    """What counts: the positives, and of the background images and priors."""

    positives: Pairs
    image: Tensor
    prior: Tensor


class MultiBoxLoss(Loss):
    """(loc_weight * localisation + confidence) / divisor of offsets (bottom 0), scores (bottom 1)
    and priors (bottom 2), for true boxes in rows [image, label, instance, xmin, ymin, xmax, ymax,
    difficult] (bottom 3).

    Priors are matched with true boxes (`matching.match`); localisation compares the offsets of
    those with what would be right, confidence the scores of those and of the background that is
    mined with their labels. Both are sums; the divisor is the number of matches (VALID), of all
    priors (FULL), of images (BATCH_SIZE) or 1 (NONE), 1 or more. Sides that have variances divided
    out by encode_variance_in_target get the fork's gradient, which lacks that division.

    Raises LayerError for labels of the background and labels that are no classes.
    """

    messages = ("multibox_loss_param", "loss_param")
    bottoms = Count(4, 4)
    no_gradient = frozenset({2, 3})
    takes_loss_param = True

    def setup(self, *shapes: Shape) -> None:
        self._read_loss_param()
        self._check_absent("ignore_label")
        given = self.param.multibox_loss_param
        self._losses = BoxLosses(given)
        self._check_mode()
        self._mining = self._mining_type()
        self._check_numbers(given)
        sets = 1 if given.share_location else given.num_classes
        self._priors = count_priors(self, shapes[:3], given.num_classes, sets)
        if not shapes[3] or shapes[3][-1] != ROW:
            raise self.error(
                f"needs true boxes 1 x 1 x number x {ROW} in bottom 3, not {list(shapes[3])}",
                field="bottom",
                remedy="give the labels of an AnnotatedData layer",
            )
        passes = list(self.param.propagate_down) or [True, True]
        #: Whether localisation and confidence count at all.
        self._counts = passes[0], passes[1]

    def _check_mode(self) -> None:
        if self._mode == LossParameter.PRE_FIXED:
            raise self.error(
                "takes no normalization: PRE_FIXED",
                field="loss_param.normalization",
                remedy="give VALID, FULL, BATCH_SIZE or NONE",
            )

    def _mining_type(self) -> int:
        """mining_type, or what the older do_neg_mining says."""
        given = self.param.multibox_loss_param
        if not given.HasField("do_neg_mining"):
            return given.mining_type
        if not given.HasField("mining_type"):
            return given.mining_type if given.do_neg_mining else NONE
        if given.do_neg_mining != (given.mining_type != NONE):
            name = MultiBoxLossParameter.MiningType.Name(given.mining_type)
            raise self.error(
                f"has mining_type {name} and another do_neg_mining",
                field="multibox_loss_param.do_neg_mining",
                remedy="leave it out",
            )
        return given.mining_type

    def _check_numbers(self, given: MultiBoxLossParameter) -> None:
        softmax = given.conf_loss_type == MultiBoxLossParameter.SOFTMAX
        background, classes = given.background_label_id, given.num_classes
        needs_background = softmax or self._mining != NONE
        agnostic = given.map_object_to_agnostic
        for wrong, field, what, remedy in (
            (classes < 1, "num_classes", "has no num_classes", "give it, with the background"),
            (
                needs_background and background >= classes,
                "background_label_id",
                f"has background_label_id {background} for {classes} classes",
                "give one of them",
            ),
            (
                not given.share_location and self._mining != NONE,
                "mining_type",
                "mines examples without share_location",
                "give mining_type: NONE, or share_location: true",
            ),
            (
                not given.neg_pos_ratio >= 0,
                "neg_pos_ratio",
                f"has neg_pos_ratio {given.neg_pos_ratio:g}",
                "give 0 or more",
            ),
            (
                self._mining == HARD_EXAMPLE and given.sample_size < 1,
                "sample_size",
                f"has sample_size {given.sample_size}",
                "give 1 or more",
            ),
            (
                agnostic and (classes, background) != (2, 0),
                "map_object_to_agnostic",
                f"maps objects to one class, but has {classes} classes, background {background}",
                "give num_classes: 2 and background_label_id: 0",
            ),
        ):
            if wrong:
                raise self.error(what, field=f"multibox_loss_param.{field}", remedy=remedy)

    def top_shapes(self, *_: Shape) -> list[Shape]:
        return [()]

    def passes_gradient(self) -> bool:
        return all(self._counts)

    @classmethod
    def caption(cls, param: LayerParameter) -> str:
        return f"{param.multibox_loss_param.num_classes} classes"

    @classmethod
    def remark(cls, layer: LayerParameter) -> str:
        given = layer.multibox_loss_param
        apart = given.HasField("nms_param") and given.nms_param.nms_threshold > 0
        if not apart or given.nms_param.HasField("top_k") or given.mining_type == NONE:
            return ""
        return (
            f'layer "{layer.name}" ({layer.type}) mines nothing with an nms_param without top_k: '
            "it counts as 0"
        )

    def forward(self, *bottoms: Tensor) -> Tensor:
        loc, conf, prior, true = (precise(bottom) for bottom in bottoms)
        boxes, variances = prior.detach()[0].reshape(2, -1, 4).to(loc.dtype).unbind()
        batch = BoxBatch(
            loc.reshape(len(loc), self._priors, -1, 4),
            conf.reshape(len(conf), self._priors, -1),
            boxes,
            variances,
        )
        with torch.no_grad():
            examples = self._examples(batch.detached(), self._truth(true.detach()))
        total = loc.new_zeros(())
        if self._counts[0]:
            weight = self.param.multibox_loss_param.loc_weight
            total = total + weight * self._losses.misplaced(batch, examples.positives).sum()
        if self._counts[1]:
            total = total + self._mistaken(batch.scores, examples).sum()
        return total / self._divided_by(len(loc), len(examples.positives.image))

    def _divided_by(self, images: int, matches: int) -> int:
        count = {
            LossParameter.VALID: matches,
            LossParameter.FULL: images * self._priors,
            LossParameter.BATCH_SIZE: images,
        }
        return max(count.get(self._mode, 1), 1)

    def _truth(self, rows: Tensor) -> Truth:
        """The true boxes that count; raises LayerError for labels that are no objects."""
        given = self.param.multibox_loss_param
        rows = rows.reshape(-1, ROW)
        truth = Truth(rows[:, 0].long(), rows[:, 1].long(), rows[:, 3:7])
        counts = truth.image != -1
        if not given.use_difficult_gt:
            counts &= rows[:, 7] == 0
        truth = truth.taken(counts)
        wrong = truth.label == given.background_label_id
        if not given.map_object_to_agnostic:
            wrong |= (truth.label < 0) | (truth.label >= given.num_classes)
        if wrong.any():
            raise self.error(
                f"has a true box of label {int(truth.label[wrong][0])}, with {given.num_classes} "
                f"classes of which {given.background_label_id} is the background",
                field="bottom",
                remedy="give labels of objects, or another num_classes",
            )
        if given.map_object_to_agnostic:
            return truth._replace(label=torch.full_like(truth.label, 1))
        return truth

    def _examples(self, batch: BoxBatch, truth: Truth) -> MinedExamples:
        """The matches of all images, after mining."""
        found, images, priors = [], [truth.image[:0]], [truth.image[:0]]
        for image in range(len(batch.offsets)):
            mine = truth.taken(truth.image == image)
            for which, matched, most in self._matches(batch, image, mine):
                chosen = matched
                if self._mining != NONE:
                    chosen, background = self._mined(batch, image, matched, most, mine)
                    images.append(torch.full_like(background, image))
                    priors.append(background)
                (prior,) = (chosen > UNMATCHED).nonzero(as_tuple=True)
                label, box = mine.label[chosen[prior]], mine.box[chosen[prior]]
                same = torch.full_like(prior, image)
                # a set of offsets for each class
                taken = torch.zeros_like(prior) if which is None else torch.full_like(prior, which)
                found.append(Pairs(same, prior, taken, label, box.to(batch.offsets.dtype)))
        index, box = truth.image[:0], truth.box[:0].to(batch.offsets.dtype)
        none = Pairs(index, index, index, index, box)
        positives = Pairs(*(torch.cat(parts) for parts in zip(none, *found, strict=True)))
        return MinedExamples(positives, torch.cat(images), torch.cat(priors))

    def _matches(
        self, batch: BoxBatch, image: int, truth: Truth
    ) -> Iterator[tuple[int | None, Tensor, Tensor]]:
        """For each set of offsets of an image: its number if there are several, the matches of its
        priors, the largest overlaps."""
        given = self.param.multibox_loss_param
        if not len(truth.label):
            return
        if given.share_location or given.use_prior_for_matching:
            matched, most = self._match(self._placed(batch, image, 0), truth.box)
            if given.share_location:
                yield None, matched, most
                return
        for label in torch.unique(truth.label).tolist():
            (of_label,) = (truth.label == label).nonzero(as_tuple=True)
            if given.use_prior_for_matching:
                own = (matched > UNMATCHED) & (truth.label[matched.clamp(min=0)] == label)
                yield label, matched.where(own, UNMATCHED), most
            else:
                boxes = self._placed(batch, image, label)
                which, shares = self._match(boxes, truth.box[of_label])
                yield label, of_label[which.clamp(min=0)].where(which >= 0, which), shares

    def _placed(self, batch: BoxBatch, image: int, which: int) -> Tensor:
        """The boxes that are matched: the priors, or what a set of offsets makes of them."""
        if self.param.multibox_loss_param.use_prior_for_matching:
            return batch.priors
        return self._losses.decoded(batch, batch.offsets[image, :, which])

    def _match(self, boxes: Tensor, true: Tensor) -> tuple[Tensor, Tensor]:
        given = self.param.multibox_loss_param
        each = given.match_type == MultiBoxLossParameter.PER_PREDICTION
        ignored = crosses_edge(boxes) if given.ignore_cross_boundary_bbox else None
        return match(
            boxes, true.to(boxes.dtype), given.overlap_threshold if each else None, ignored
        )

    def _mined(
        self, batch: BoxBatch, image: int, matched: Tensor, most: Tensor, truth: Truth
    ) -> tuple[Tensor, Tensor]:
        """The matches that are left, and the priors that are examples of background."""
        given = self.param.multibox_loss_param
        positive = matched > UNMATCHED
        losses = self._loss_of_each(batch, image, matched, truth)
        if self._mining == HARD_EXAMPLE:
            eligible = torch.arange(len(matched), device=matched.device)
            number = given.sample_size
        else:
            free = (matched == UNMATCHED) & (most < given.neg_overlap)
            (eligible,) = free.nonzero(as_tuple=True)
            number = negatives(int(positive.sum()), given.neg_pos_ratio)
        nms = given.nms_param
        if given.HasField("nms_param") and nms.nms_threshold > 0:
            boxes = batch.priors
            if not given.use_prior_for_nms:
                boxes = self._losses.decoded(batch, batch.offsets[image, :, 0])
            apart = boxes[eligible]
            best = hardest_apart(losses[eligible], apart, number, nms.nms_threshold, nms.top_k)
        else:
            best = hardest(losses[eligible], number)
        chosen = torch.zeros_like(positive)
        chosen[eligible[best]] = True
        (background,) = (chosen & (matched == UNMATCHED)).nonzero(as_tuple=True)
        if self._mining == HARD_EXAMPLE:
            matched = matched.where(chosen | ~positive, UNMATCHED)
        return matched, background

    def _loss_of_each(self, batch: BoxBatch, image: int, matched: Tensor, truth: Truth) -> Tensor:
        """By how much each prior of an image is wrong, for mining."""
        given = self.param.multibox_loss_param
        positive = matched > UNMATCHED
        (prior,) = positive.nonzero(as_tuple=True)
        labels = torch.full_like(matched, given.background_label_id)
        labels[prior] = truth.label[matched[prior]]
        losses = self._losses.of_scores(batch.scores[image], labels)
        if self._mining == HARD_EXAMPLE:
            same, box = torch.full_like(prior, image), truth.box[matched[prior]]
            pairs = Pairs(same, prior, torch.zeros_like(prior), labels[prior], box)
            losses[prior] += self._losses.misplaced(batch, pairs).sum(1)
        return losses

    def _mistaken(self, scores: Tensor, examples: MinedExamples) -> Tensor:
        """The confidence losses of what counts."""
        given, pairs = self.param.multibox_loss_param, examples.positives
        if self._mining == NONE:
            return self._losses.of_all(scores, pairs)
        image = torch.cat([pairs.image, examples.image])
        prior = torch.cat([pairs.prior, examples.prior])
        background = torch.full_like(examples.prior, given.background_label_id)
        return self._losses.of_scores(scores[image, prior], torch.cat([pairs.label, background]))


TABLE: dict[str, type[Layer]] = {"MultiBoxLoss": MultiBoxLoss}
