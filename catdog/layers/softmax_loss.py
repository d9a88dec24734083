"""Losses of scores that they make probabilities of by a softmax."""

import math
from typing import ClassVar

import torch
import torch.nn.functional as F
from google.protobuf.message import DecodeError
from torch import Tensor

from catdog.data.datum import blob_to_array
from catdog.errors import DataError
from catdog.layers.axes import extents
from catdog.layers.base import Count, Layer
from catdog.layers.labels import Labels, are_probabilities, check_count, class_axis, class_labels
from catdog.layers.loss import LOG_THRESHOLD, Loss, entropy, floor, precise, shares_of
from catdog.proto.caffe_pb2 import BlobProto, LayerParameter, LossParameter, SoftmaxParameter
from catdog.spec.shape import Shape

#: The smallest normal float, below which Caffe takes no logarithm of a softmax.
FLT_MIN = float(torch.finfo(torch.float32).tiny)


class SoftmaxWithLoss(Loss):
    """Mean of -log(softmax(scores)[label]), the classes on softmax_param.axis.

    A second top has the probabilities. The logarithm is floored at the smallest normal float
    (87.3), its gradient is not.

    Labels in the shape of the scores are probabilities p: the mean of -sum_k p_k *
    log(softmax(scores)[k]). In the TRAIN phase label_smoothing s makes of every p (1 - s) * p +
    s / classes.

    In the TRAIN phase class_weight w makes it -sum_k w_k * p_k * log(softmax(scores)[k]). Under
    VALID the sum over the labels is divided by the sum of their weights, w[label] or
    sum_k w_k * p_k: as in torch's cross_entropy, which divides by the number of labels where they
    are probabilities. Otherwise it is divided by the same as without weights.

    With weight_by_label_freqs class_weighting is SegNet's: a weight for each class, in both phases,
    and the sum divided by the same as without weights.
    """

    messages: ClassVar[tuple[str, ...]] = ("softmax_param", "loss_param")
    scores_classes = True
    largest_loss: ClassVar[float | None] = -math.log(FLT_MIN)
    tops = Count(1, 2)
    takes_loss_param = True
    reads = frozenset(
        {"label_smoothing", "class_weight", "weight_by_label_freqs", "class_weighting"}
    )

    def setup(self, *shapes: Shape) -> None:
        self._read_loss_param()
        scores, labels = shapes
        axis, field = self._given_axis()
        self._axis = class_axis(self, axis, shapes, field)
        self._inner = extents(scores, self._axis).inner
        self._check_smoothing()
        self._read_class_weights(scores[self._axis])
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

    def _read_class_weights(self, classes: int) -> None:
        param = self.param.loss_param
        self._segnet = param.weight_by_label_freqs
        if not self._segnet:
            if param.class_weighting and not param.HasField("weight_by_label_freqs"):
                raise self.error(
                    "has class_weighting without weight_by_label_freqs: true",
                    field="class_weighting",
                    remedy="give both, or class_weight",
                )
            self._read_weights("class_weight", classes, "classes")
            return
        self._check_absent("class_weight", "label_smoothing")
        if not param.class_weighting:
            raise self.error(
                "has weight_by_label_freqs without class_weighting",
                field="class_weighting",
                remedy="give one for each class",
            )
        self._read_weights("class_weighting", classes, "classes")

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
        smooth = torch.lerp(mean, even, self.param.loss_param.label_smoothing)
        if self.weights is None or not self._weighs():
            return entropy(smooth)
        weights = self.weights.to(mean)
        terms = smooth * weights
        # what is answered best, once all have been weighed
        whole = float(terms.sum())
        least = whole * entropy(terms / whole) if whole else 0.0
        by_weights = self._mode == LossParameter.VALID and not self._segnet
        return least / max(float(mean @ weights), FLT_MIN) if by_weights else least

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

    def forward(self, *bottoms: Tensor) -> Tensor | tuple[Tensor, ...]:
        loss, logs, _ = self._compare(*bottoms)
        return loss if self.top_count == 1 else (loss, logs.exp())

    def _compare(self, *bottoms: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The loss, the logarithms of the probabilities, and the loss of each label."""
        scores = precise(bottoms[0])
        logs = F.log_softmax(scores, self._axis)
        losses, valid, counts = self._each(logs, *bottoms[1:])
        if self.training and self.param.loss_param.label_smoothing:
            losses = self._smooth(losses, logs)
        if valid is not None:
            losses = losses.where(valid, 0)
        outer, _, inner = extents(tuple(scores.shape), self._axis)
        divisor = self._divisor(outer, inner, valid)
        if counts is not None and self._mode == LossParameter.VALID and not self._segnet:
            counts = counts if valid is None else counts.where(valid, 0)
            # all may be of classes that do not count
            divisor = counts.sum().clamp(min=FLT_MIN)
        return losses.sum() / divisor, logs, losses

    def _each(
        self, logs: Tensor, given: Tensor, *others: Tensor
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """The loss of each label, 1 on the class axis, which of them are valid, and what each
        counts, where classes have weights."""
        weights = self._weights(logs)
        if self._are_probabilities(given.shape, logs.shape):
            shares = given.to(logs) if weights is None else given.to(logs) * weights
            losses = -(shares * floor(logs, math.log(FLT_MIN))).sum(self._axis, keepdim=True)
            return losses, None, None if weights is None else shares.sum(self._axis, keepdim=True)
        labels = class_labels(self, given, logs, self._axis, self.ignored_label)
        losses = self._losses(logs, labels, *others)
        if weights is None:
            return losses, labels.valid, None
        counts = weights.expand_as(logs).gather(self._axis, labels.index)
        return losses * counts, labels.valid, counts

    def _smooth(self, losses: Tensor, logs: Tensor) -> Tensor:
        terms = floor(logs, math.log(FLT_MIN))
        if (weights := self._weights(logs)) is not None:
            terms = terms * weights
        even = -terms.mean(self._axis, keepdim=True)
        return torch.lerp(losses, even, self.param.loss_param.label_smoothing)

    def _weights(self, logs: Tensor) -> Tensor | None:
        """What the classes count in this phase, along their axis."""
        if self.weights is None or not self._weighs():
            return None
        return self.weights.to(logs).view(-1, *(1,) * (logs.ndim - 1 - self._axis))

    def _weighs(self) -> bool:
        """Whether weights of classes count in this phase."""
        return self.training or self._segnet

    def _losses(self, logs: Tensor, labels: Labels, *_: Tensor) -> Tensor:
        """The loss of each label, 1 on the class axis."""
        return -floor(logs.gather(self._axis, labels.index), math.log(FLT_MIN))


class InfogainLoss(SoftmaxWithLoss):
    """Mean of -sum_k H[label, k] * log(softmax(scores)[k]).

    The classes are on infogain_loss_param.axis. H comes from bottom 2 or from the BlobProto file
    infogain_loss_param.source. A second top has the probabilities. The logarithm is floored at
    1e-20, its gradient is not.

    Raises LayerError for a file that cannot be read and for an H that is not classes x classes.
    """

    messages = ("infogain_loss_param", "loss_param", "softmax_param")
    reads = frozenset()
    largest_loss = None
    bottoms = Count(2, 3)
    no_gradient = frozenset({1, 2})
    _matrix: Tensor

    def setup(self, *shapes: Shape) -> None:
        super().setup(*shapes[:2])
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
        floored = floor(logs, math.log(LOG_THRESHOLD))
        return -(rows * floored).sum(self._axis, keepdim=True)


TABLE: dict[str, type[Layer]] = {
    "SoftmaxWithLoss": SoftmaxWithLoss,
    "InfogainLoss": InfogainLoss,
}
