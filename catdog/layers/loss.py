"""Losses: scalars that the solver makes smaller, in float32 or better whatever the scores are.

The labels may be floats, as Caffe's are, or integers.
"""

import math
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from google.protobuf.message import DecodeError
from torch import Tensor

from catdog.data.datum import blob_to_array
from catdog.errors import DataError
from catdog.layers.axes import canonical_axis, extents
from catdog.layers.base import TWO, Count, Family, Layer
from catdog.layers.labels import Labels, are_probabilities, check_count, class_labels
from catdog.proto.caffe_pb2 import (
    BlobProto,
    HingeLossParameter,
    LayerParameter,
    LossParameter,
    SoftmaxParameter,
)
from catdog.spec.shape import Shape

#: The smallest normal float, below which Caffe takes no logarithm of a softmax.
FLT_MIN = float(torch.finfo(torch.float32).tiny)
#: The same for MultinomialLogisticLoss and InfogainLoss (kLOG_THRESHOLD).
LOG_THRESHOLD = 1e-20


class _Floor(torch.autograd.Function):
    """max(x, least), with the gradient of x itself everywhere, as Caffe's losses have it."""

    @staticmethod
    def forward(_ctx: Any, x: Tensor, least: float) -> Tensor:
        return x.clamp(min=least)

    @staticmethod
    def backward(_ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0], None


def _floor(x: Tensor, least: float) -> Tensor:
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

    #: What the sum is divided by, unless the spec says otherwise.
    normalization = LossParameter.VALID

    def setup(self, *shapes: Shape) -> None:
        if self.param.HasField("loss_param") and not self.takes_loss_param:
            raise self.error(
                "takes no loss_param: it always divides by the batch size",
                field="loss_param",
                remedy="leave it out; loss_weight scales the loss",
            )
        self._check_absent("label_smoothing")
        if shapes[0][:1] != shapes[1][:1]:
            raise self.error(
                f"has batches of different sizes: bottoms {list(shapes[0])} and {list(shapes[1])}",
                field="bottom",
                remedy="give as many labels as examples",
            )

    def top_shapes(self, *shapes: Shape) -> list[Shape]:
        return [(), shapes[0]][: len(self.param.top)]

    def _check_absent(self, field: str) -> None:
        """Raise LayerError where a field of loss_param is given that this layer has no use for."""
        if self.param.loss_param.HasField(field):
            raise self.error(f"takes no {field}", field=field, remedy="leave it out")

    def _read_loss_param(self) -> None:
        """The label that is left out, and what the sum is divided by: `normalization`, or the
        older `normalize`."""
        param = self.param.loss_param
        self.ignored_label = param.ignore_label if param.HasField("ignore_label") else None
        self._mode = self.normalization
        if param.HasField("normalization"):
            self._mode = param.normalization
        elif param.HasField("normalize"):
            self._mode = LossParameter.VALID if param.normalize else LossParameter.BATCH_SIZE

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


class SoftmaxWithLoss(Loss):
    """Mean of -log(softmax(scores)[label]), the classes on softmax_param.axis.

    A second top has the probabilities. The logarithm is floored at the smallest normal float
    (87.3), its gradient is not.

    Labels in the shape of the scores are probabilities p: the mean of -sum_k p_k *
    log(softmax(scores)[k]). In the TRAIN phase label_smoothing s makes of every p (1 - s) * p +
    s / classes.
    """

    messages: ClassVar[tuple[str, ...]] = ("softmax_param", "loss_param")
    scores_classes = True
    largest_loss: ClassVar[float | None] = -math.log(FLT_MIN)
    tops = Count(1, 2)
    takes_loss_param = True

    def setup(self, *shapes: Shape) -> None:
        self._read_loss_param()
        scores, labels = shapes
        axis, field = self._given_axis()
        self._axis = canonical_axis(self, axis, scores, field)
        self._inner = extents(scores, self._axis).inner
        self._check_smoothing()
        if self._are_probabilities(labels, scores):
            self._check_absent("ignore_label")
        else:
            check_count(self, scores, labels, self._axis)

    def _check_smoothing(self) -> None:
        smoothing = self.param.loss_param.label_smoothing
        if not 0 <= smoothing < 1:
            raise self.error(
                f"has label_smoothing {smoothing:g}",
                field="label_smoothing",
                remedy="give 0 or more, less than 1",
            )

    def _are_probabilities(self, labels: Shape, scores: Shape) -> bool:
        return are_probabilities(labels, scores, self._axis)

    def _given_axis(self) -> tuple[int, str]:
        return self.param.softmax_param.axis, "softmax_param.axis"

    def classes(self, scores: Shape, labels: Shape) -> int | None:
        return None if self._are_probabilities(labels, scores) else scores[self._axis]

    def even_label(self, scores: Shape) -> Tensor | None:
        classes = scores[self._axis]
        return torch.full((classes,), 1 / classes)

    def mean_label(self, labels: Tensor, scores: Shape) -> Tensor | None:
        if self._are_probabilities(labels.shape, (len(labels), *scores[1:])):
            return labels.float().movedim(self._axis, -1).flatten(0, -2).mean(0)
        return shares_of(labels, scores[self._axis], self.ignored_label)

    def guessing_loss(self, mean: Tensor) -> float | None:
        of_all = LossParameter.FULL, *([LossParameter.BATCH_SIZE] if self._inner == 1 else [])
        all_count = self.ignored_label is None and self._mode in of_all
        if self._mode != LossParameter.VALID and not all_count:
            return None
        even = torch.full_like(mean, 1 / len(mean))
        return entropy(torch.lerp(mean, even, self.param.loss_param.label_smoothing))

    def share_at_floor(self, *bottoms: Tensor) -> float:
        logs = F.log_softmax(precise(bottoms[0]), self._axis)
        given = bottoms[1]
        if self._are_probabilities(given.shape, logs.shape):
            given = given.argmax(self._axis)
        labels = class_labels(self, given, logs, self._axis, self.ignored_label)
        floored = logs.gather(self._axis, labels.index) <= math.log(FLT_MIN)
        if labels.valid is None:
            return floored.float().mean().item()
        return ((floored & labels.valid).sum() / labels.valid.sum().clamp(min=1)).item()

    @classmethod
    def probability_layer(cls, param: LayerParameter) -> LayerParameter | None:
        given = param.softmax_param if param.HasField("softmax_param") else None
        return LayerParameter(type="Softmax", softmax_param=given)

    def forward(self, *bottoms: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        scores = precise(bottoms[0])
        logs = F.log_softmax(scores, self._axis)
        losses, valid = self._each(logs, *bottoms[1:])
        if self.training and self.param.loss_param.label_smoothing:
            losses = self._smooth(losses, logs)
        if valid is not None:
            losses = losses.where(valid, 0)
        outer, _, inner = extents(tuple(scores.shape), self._axis)
        loss = losses.sum() / self._divisor(outer, inner, valid)
        return loss if self.top_count == 1 else (loss, logs.exp())

    def _each(self, logs: Tensor, given: Tensor, *others: Tensor) -> tuple[Tensor, Tensor | None]:
        """The loss of each label, 1 on the class axis, and which of them count."""
        if self._are_probabilities(given.shape, logs.shape):
            floored = _floor(logs, math.log(FLT_MIN))
            return -(given.to(logs) * floored).sum(self._axis, keepdim=True), None
        labels = class_labels(self, given, logs, self._axis, self.ignored_label)
        return self._losses(logs, labels, *others), labels.valid

    def _smooth(self, losses: Tensor, logs: Tensor) -> Tensor:
        even = -_floor(logs, math.log(FLT_MIN)).mean(self._axis, keepdim=True)
        return torch.lerp(losses, even, self.param.loss_param.label_smoothing)

    def _losses(self, logs: Tensor, labels: Labels, *_: Tensor) -> Tensor:
        """The loss of each label, 1 on the class axis."""
        return -_floor(logs.gather(self._axis, labels.index), math.log(FLT_MIN))


class InfogainLoss(SoftmaxWithLoss):
    """Mean of -sum_k H[label, k] * log(softmax(scores)[k]).

    The classes are on infogain_loss_param.axis. H comes from bottom 2 or from the BlobProto file
    infogain_loss_param.source. A second top has the probabilities. The logarithm is floored at
    1e-20, its gradient is not.

    Raises LayerError for a file that cannot be read and for an H that is not classes x classes.
    """

    messages = ("infogain_loss_param", "loss_param", "softmax_param")
    largest_loss = None
    bottoms = Count(2, 3)
    no_gradient = frozenset({1, 2})
    _matrix: Tensor

    def setup(self, *shapes: Shape) -> None:
        super().setup(*shapes[:2])
        self._check_absent("label_smoothing")
        if self.param.softmax_param.HasField("axis"):
            raise self.error(
                "takes its axis from infogain_loss_param",
                field="softmax_param.axis",
                remedy="write infogain_loss_param.axis instead",
            )
        self._classes = shapes[0][self._axis]
        if len(shapes) == 3:
            self._check_matrix(math.prod(shapes[2]), "bottom")
        else:
            self.register_buffer("_matrix", self._read(), persistent=False)

    def _given_axis(self) -> tuple[int, str]:
        return self.param.infogain_loss_param.axis, "infogain_loss_param.axis"

    def _are_probabilities(self, _labels: Shape, _scores: Shape) -> bool:
        return False

    def guessing_loss(self, _: Tensor) -> float | None:
        return None

    @classmethod
    def probability_layer(cls, param: LayerParameter) -> LayerParameter | None:
        axis = param.infogain_loss_param.axis
        return LayerParameter(type="Softmax", softmax_param=SoftmaxParameter(axis=axis))

    def _check_matrix(self, count: int, field: str) -> None:
        if count != self._classes**2:
            raise self.error(
                f"has an infogain matrix of {count} numbers for {self._classes} classes",
                field=field,
                remedy=f"give {self._classes} x {self._classes}",
            )

    def _read(self) -> Tensor:
        source = self.param.infogain_loss_param.source
        field = "infogain_loss_param.source"
        if not source:
            raise self.error(
                "has no infogain matrix", field=field, remedy="give a source or a third bottom"
            )
        try:
            matrix = blob_to_array(BlobProto.FromString(self.setting.locate(source).read_bytes()))
        except (OSError, DecodeError, DataError) as error:
            raise self.error(
                f"cannot read {source}: {getattr(error, 'strerror', None) or error}",
                field=field,
                remedy="give a .binaryproto file",
            ) from error
        self._check_matrix(matrix.size, field)
        return torch.from_numpy(matrix)

    def _losses(self, logs: Tensor, labels: Labels, *others: Tensor) -> Tensor:
        given = others[0] if others else self._matrix
        matrix = given.reshape(self._classes, self._classes).to(logs.dtype)
        rows = matrix[labels.index.squeeze(self._axis)].movedim(-1, self._axis)
        floored = _floor(logs, math.log(LOG_THRESHOLD))
        return -(rows * floored).sum(self._axis, keepdim=True)


class SigmoidCrossEntropyLoss(Loss):
    """Sum of the cross-entropies of sigmoid(scores) and targets from 0 to 1, by the batch size
    unless loss_param says otherwise.
    """

    messages = ("loss_param", "sigmoid_param")
    takes_loss_param = True
    normalization = LossParameter.BATCH_SIZE

    def setup(self, *shapes: Shape) -> None:
        super().setup(*shapes)
        self._read_loss_param()
        check_equal_counts(self, *shapes)

    @classmethod
    def probability_layer(cls, param: LayerParameter) -> LayerParameter | None:
        given = param.sigmoid_param if param.HasField("sigmoid_param") else None
        return LayerParameter(type="Sigmoid", sigmoid_param=given)

    def even_label(self, scores: Shape) -> Tensor | None:
        return torch.full((math.prod(scores[1:]),), 0.5)

    def mean_label(self, labels: Tensor, _: Shape) -> Tensor | None:
        return labels.float().flatten(1).mean(0) if labels.ndim > 1 else labels.float().mean()[None]

    def guessing_loss(self, mean: Tensor) -> float | None:
        if self.ignored_label is not None or self._mode == LossParameter.NONE:
            return None
        total = entropy(mean) + entropy(1 - mean)
        return total if self._mode == LossParameter.BATCH_SIZE else total / len(mean)

    def forward(self, scores: Tensor, targets: Tensor) -> Tensor:
        scores = precise(scores)
        targets = targets.reshape(scores.shape).to(scores.dtype)
        losses = F.binary_cross_entropy_with_logits(scores, targets, reduction="none")
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
        return -_floor(flat.gather(1, labels.index), LOG_THRESHOLD).log().sum() / len(flat)


class HingeLoss(Loss):
    """Mean over the batch of sum_k max(0, 1 + s_k * scores_k), s = -1 for the label and 1 for
    the rest; with norm L2 each term is squared.
    """

    messages = ("hinge_loss_param",)
    scores_classes = True

    def setup(self, *shapes: Shape) -> None:
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
    "SoftmaxWithLoss": SoftmaxWithLoss,
    "InfogainLoss": InfogainLoss,
    "SigmoidCrossEntropyLoss": SigmoidCrossEntropyLoss,
    "MultinomialLogisticLoss": MultinomialLogisticLoss,
    "HingeLoss": HingeLoss,
}
