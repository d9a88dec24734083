"""Losses: scalars that the solver makes smaller, in float32 or better whatever the scores are.

The labels may be floats, as Caffe's are, or integers.
"""

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from catdog.layers.base import TWO, Family, Layer, Setting
from catdog.layers.labels import class_axis, class_labels
from catdog.proto.caffe_pb2 import HingeLossParameter, LayerParameter, LossParameter
from catdog.spec.shape import Shape

#: Below it MultinomialLogisticLoss and InfogainLoss take no logarithm (kLOG_THRESHOLD).
LOG_THRESHOLD = 1e-20
#: Fields of loss_param that Caffe does not have.
_OURS = frozenset({"label_smoothing", "class_weight", "pos_weight"})
#: Fields of loss_param that SegNet's fork has.
_SEGNET = frozenset({"weight_by_label_freqs", "class_weighting"})


class _Floor(torch.autograd.Function):
    @staticmethod
    def forward(_ctx: Any, x: Tensor, least: float) -> Tensor:
        return x.clamp(min=least)

    @staticmethod
    def backward(_ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0], None


def floor(x: Tensor, least: float) -> Tensor:
    """max(x, least), with the gradient of x itself everywhere, as Caffe's losses have it."""
    floored: Tensor = _Floor.apply(x, least)
    return floored


def precise(x: Tensor) -> Tensor:
    """As float32 if it is less."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


class Loss(Layer):
    """What losses share: a scalar top of weight 1, and no gradient for the labels."""

    bottoms = TWO
    family = Family.RESULT
    no_gradient = frozenset({1})
    is_loss = True
    higher_is_better = False
    #: Whether ignore_label and normalization mean something to it.
    takes_loss_param = False
    #: The fields of ours in loss_param that mean something to it.
    reads: ClassVar[frozenset[str]] = frozenset()
    #: What each class or output counts in the TRAIN phase, where loss_param says so.
    weights: Tensor | None

    #: What the sum is divided by, unless the spec says otherwise.
    normalization = LossParameter.VALID

    def __init__(
        self, param: LayerParameter, shapes: Sequence[Shape], setting: Setting | None = None
    ) -> None:
        super().__init__(param, shapes, setting)
        if not hasattr(self, "weights"):
            self.register_buffer("weights", None)

    def setup(self, *shapes: Shape) -> None:
        if self.param.HasField("loss_param") and not self.takes_loss_param:
            raise self.error(
                "takes no loss_param: it always divides by the batch size",
                field="loss_param",
                remedy="leave it out; loss_weight scales the loss",
            )
        if shapes[0][:1] != shapes[1][:1]:
            raise self.error(
                f"has batches of different sizes: bottoms {list(shapes[0])} and {list(shapes[1])}",
                field="bottom",
                remedy="give as many labels as examples",
            )

    def top_shapes(self, *shapes: Shape) -> list[Shape]:
        return [(), shapes[0]][: len(self.param.top)]

    def _check_absent(self, *fields: str) -> None:
        """Raise LayerError where a field of loss_param is given that this layer has no use for."""
        for given, _ in self.param.loss_param.ListFields():
            if given.name in fields:
                what = f"takes no {given.name}"
                raise self.error(what, field=given.name, remedy="leave it out")

    def _read_weights(self, field: str, count: int, of: str) -> None:
        """A repeated field of loss_param as the buffer `weights`, a number for each of `count`."""
        given: list[float] = list(getattr(self.param.loss_param, field))
        if len(given) not in (0, count):
            what = f"has {len(given)} number(s) in {field} for {count} {of}"
            raise self.error(what, field=field, remedy="give one for each")
        if given and (min(given) < 0 or not any(given)):
            what = f"has {field} {', '.join(f'{number:g}' for number in given)}"
            raise self.error(what, field=field, remedy="give numbers from 0 on, not all of them 0")
        self.register_buffer("weights", torch.tensor(given) if given else None, persistent=False)

    def _read_loss_param(self) -> None:
        """The label that is left out, and what the sum is divided by: `normalization`, or the
        older `normalize`."""
        self._check_absent(*(_OURS | _SEGNET) - self.reads)
        param = self.param.loss_param
        self.ignored_label = param.ignore_label if param.HasField("ignore_label") else None
        self._mode = self.normalization
        if param.HasField("normalization"):
            self._mode = param.normalization
        elif param.HasField("normalize"):
            self._mode = LossParameter.VALID if param.normalize else LossParameter.BATCH_SIZE
        self._check_normalizer()

    def _check_normalizer(self) -> None:
        param = self.param.loss_param
        field = "pre_fixed_normalizer"
        if self._mode != LossParameter.PRE_FIXED:
            if param.HasField(field):
                raise self.error(
                    f"has {field} without normalization: PRE_FIXED",
                    field=field,
                    remedy="give normalization: PRE_FIXED, or leave it out",
                )
        elif not 0 < param.pre_fixed_normalizer < math.inf:
            raise self.error(
                f"has {field} {param.pre_fixed_normalizer:g}",
                field=field,
                remedy="give more than 0",
            )

    def counts_labels(self) -> bool:
        valid = self.takes_loss_param and self._mode == LossParameter.VALID
        return valid and self.ignored_label is not None

    def counted(self, *bottoms: Tensor) -> tuple[Tensor | None, ...]:
        if not self.counts_labels() or self.ignored_label is None:
            return super().counted(*bottoms)
        return (bottoms[1].long().ne(self.ignored_label).sum(), None)[: self.top_count]

    def _divisor(self, outer: int, inner: int, valid: Tensor | None) -> float | Tensor:
        """What the sum is divided by, 1 or more."""
        if self._mode == LossParameter.VALID and valid is not None:
            return valid.sum().clamp(min=1)
        if self._mode == LossParameter.NONE:
            return 1
        if self._mode == LossParameter.PRE_FIXED:
            return max(self.param.loss_param.pre_fixed_normalizer, 1)
        return max(outer if self._mode == LossParameter.BATCH_SIZE else outer * inner, 1)


def check_equal_counts(layer: Layer, first: Shape, second: Shape) -> None:
    """Raise LayerError unless two blobs have as many examples and numbers."""
    if first[:1] != second[:1] or math.prod(first) != math.prod(second):
        raise layer.error(
            f"compares bottoms of different sizes: {list(first)} and {list(second)}",
            field="bottom",
            remedy="give blobs of one shape",
        )


def check_one_label_each(layer: Layer, scores: Shape, labels: Shape) -> None:
    """Raise LayerError unless there is one label for each example."""
    if math.prod(labels) != scores[0]:
        raise layer.error(
            f"has {math.prod(labels)} labels {list(labels)} for {scores[0]} examples",
            field="bottom",
            remedy="give one label for each example",
        )


def shares_of(labels: Tensor, classes: int, ignored: int | None) -> Tensor:
    """The share of each class in labels, without the ignored ones."""
    index = labels.detach().flatten().long()
    counts = torch.ones_like(index) if ignored is None else index != ignored
    zeros = torch.zeros(classes, device=index.device)
    sums = zeros.scatter_add(0, index.clamp(0, classes - 1), counts.float())
    return sums / sums.sum().clamp(min=1)


def entropy(shares: Tensor) -> float:
    """-sum_k p_k log(p_k)."""
    return -float(torch.xlogy(shares, shares).sum())


def _binary_entropy(p: Tensor) -> Tensor:
    return -torch.xlogy(p, p) - torch.xlogy(1 - p, 1 - p)


class SigmoidCrossEntropyLoss(Loss):
    """Sum of the cross-entropies of sigmoid(scores) and targets from 0 to 1, by the batch size
    unless loss_param says otherwise.

    In the TRAIN phase pos_weight w, one for each output or for all, makes of the cross-entropy of a
    target t: -w * t * log(sigmoid(score)) - (1 - t) * log(1 - sigmoid(score)).
    """

    messages = ("loss_param", "sigmoid_param")
    takes_loss_param = True
    reads = frozenset({"pos_weight"})
    normalization = LossParameter.BATCH_SIZE

    def setup(self, *shapes: Shape) -> None:
        super().setup(*shapes)
        self._read_loss_param()
        check_equal_counts(self, *shapes)
        outputs = 1 if len(self.param.loss_param.pos_weight) == 1 else math.prod(shapes[0][1:2])
        self._read_weights("pos_weight", outputs, "outputs")

    @classmethod
    def probability_layer(cls, param: LayerParameter) -> LayerParameter | None:
        given = param.sigmoid_param if param.HasField("sigmoid_param") else None
        return LayerParameter(type="Sigmoid", sigmoid_param=given)

    def even_label(self, scores: Shape) -> Tensor | None:
        return torch.full((math.prod(scores[1:]),), 0.5)

    def mean_label(self, labels: Tensor, _: Shape) -> Tensor | None:
        return labels.float().flatten(1).mean(0) if labels.ndim > 1 else labels.float().mean()[None]

    def guessing_loss(self, mean: Tensor) -> float | None:
        by_number = LossParameter.NONE, LossParameter.PRE_FIXED
        if self.ignored_label is not None or self._mode in by_number:
            return None
        if self.training and self.weights is not None:
            each = len(mean) // len(self.weights)
            weighted = mean * self.weights.to(mean).repeat_interleave(each)
            whole = weighted + 1 - mean
            total = float((whole * _binary_entropy(weighted / whole)).sum())
        else:
            total = float(_binary_entropy(mean).sum())
        return total if self._mode == LossParameter.BATCH_SIZE else total / len(mean)

    def forward(self, scores: Tensor, targets: Tensor) -> Tensor:
        scores = precise(scores)
        targets = targets.reshape(scores.shape).to(scores.dtype)
        weights = self.weights if self.training else None
        if weights is not None:
            weights = weights.to(scores).view(-1, *(1,) * (scores.ndim - 2))
        losses = F.binary_cross_entropy_with_logits(
            scores, targets, reduction="none", pos_weight=weights
        )
        ignored, valid = self.ignored_label, None
        if ignored is not None:
            valid = targets.trunc() != ignored
            losses = losses.where(valid, 0)
        outer = len(scores)
        inner = scores.numel() // max(outer, 1)
        return losses.sum() / self._divisor(outer, inner, valid)


class MultinomialLogisticLoss(Loss):
    """Mean of -log(max(probabilities[label], 1e-20)), of probabilities from a Softmax layer."""

    scores_classes = True
    takes_probabilities = True

    def setup(self, *shapes: Shape) -> None:
        class_axis(self, 1, shapes)
        super().setup(*shapes)
        check_one_label_each(self, *shapes)

    def classes(self, scores: Shape, _labels: Shape) -> int | None:
        return math.prod(scores[1:])

    def even_label(self, scores: Shape) -> Tensor | None:
        classes = math.prod(scores[1:])
        return torch.full((classes,), 1 / classes)

    def mean_label(self, labels: Tensor, scores: Shape) -> Tensor | None:
        return shares_of(labels, math.prod(scores[1:]), None)

    def guessing_loss(self, mean: Tensor) -> float | None:
        return entropy(mean)

    def forward(self, probabilities: Tensor, given: Tensor) -> Tensor:
        flat = precise(probabilities).flatten(1)
        labels = class_labels(self, given, flat, 1, None)
        # the gradient is -1/1e-20 where the probability was floored
        return -floor(flat.gather(1, labels.index), LOG_THRESHOLD).log().sum() / len(flat)


class HingeLoss(Loss):
    """Mean over the batch of sum_k max(0, 1 + s_k * scores_k), s = -1 for the label and 1 for
    the rest; with norm L2 each term is squared.
    """

    messages = ("hinge_loss_param",)
    scores_classes = True

    def setup(self, *shapes: Shape) -> None:
        class_axis(self, 1, shapes)
        super().setup(*shapes)
        check_one_label_each(self, *shapes)

    def classes(self, scores: Shape, _labels: Shape) -> int | None:
        return math.prod(scores[1:])

    def mean_label(self, labels: Tensor, scores: Shape) -> Tensor | None:
        return shares_of(labels, math.prod(scores[1:]), None)

    def forward(self, scores: Tensor, given: Tensor) -> Tensor:
        flat = precise(scores).flatten(1)
        labels = class_labels(self, given, flat, 1, None)
        margins = F.relu(1 + flat.where(~labels.one_hot(flat.shape[1], 1), -flat))
        if self.param.hinge_loss_param.norm == HingeLossParameter.L2:
            margins = margins.square()
        return margins.sum() / len(flat)


TABLE: dict[str, type[Layer]] = {
    "SigmoidCrossEntropyLoss": SigmoidCrossEntropyLoss,
    "MultinomialLogisticLoss": MultinomialLogisticLoss,
    "HingeLoss": HingeLoss,
}
