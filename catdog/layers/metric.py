"""Layers that measure and send no gradient."""

from math import prod

import torch
from torch import Tensor

from catdog.layers.axes import extents
from catdog.layers.base import TWO, Count, Family, Layer
from catdog.layers.labels import Labels, are_probabilities, check_count, class_axis, class_labels
from catdog.proto.caffe_pb2 import LayerParameter
from catdog.spec.shape import Shape


class Accuracy(Layer):
    """The share of labels among the top_k scores; a second top has it for each class.

    A label is right where fewer than top_k other classes have a score as high as its own, so
    ties count against it. Ignored labels do not count; where none is left, the share is 0. A
    score that is not a number is never right (Caffe counts it as right). Of labels that are
    probabilities, in the shape of the scores, the likeliest class counts.

    With `threshold` every score is a binary decision, positive above it, and labels are 1 or 0;
    the second top has the share for each index behind the first axis.
    """

    messages = ("accuracy_param",)
    family = Family.RESULT
    higher_is_better = True
    scores_classes = True
    bottoms = TWO
    tops = Count(1, 2)
    no_gradient = frozenset({0, 1})

    def setup(self, *shapes: Shape) -> None:
        scores, labels = shapes
        param = self.param.accuracy_param
        self.ignored_label = param.ignore_label if param.HasField("ignore_label") else None
        if param.HasField("threshold"):
            self._check_binary(scores, labels)
            return
        self._axis = class_axis(self, param.axis, shapes, "accuracy_param.axis")
        if not are_probabilities(labels, scores, self._axis):
            check_count(self, scores, labels, self._axis)
        classes = extents(scores, self._axis).size
        if not 1 <= param.top_k <= classes:
            raise self.error(
                f"has top_k {param.top_k} for {classes} classes",
                field="accuracy_param.top_k",
                remedy=f"give 1 to {classes}",
            )

    def _check_binary(self, scores: Shape, labels: Shape) -> None:
        if self.param.accuracy_param.HasField("top_k"):
            raise self.error("has threshold and top_k", field="top_k", remedy="leave one out")
        if scores[:1] != labels[:1] or prod(scores) != prod(labels):
            raise self.error(
                f"has labels {list(labels)} for scores {list(scores)}",
                field="bottom",
                remedy="with threshold give one label, 1 or 0, for each score",
            )

    def classes(self, scores: Shape, labels: Shape) -> int | None:
        if self.param.accuracy_param.HasField("threshold"):
            return None
        return None if are_probabilities(labels, scores, self._axis) else scores[self._axis]

    @classmethod
    def caption(cls, param: LayerParameter) -> str:
        return f"top {param.accuracy_param.top_k}"

    def forward(self, scores: Tensor, given: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        if self.param.accuracy_param.HasField("threshold"):
            return self._binary(scores.detach(), given.detach().reshape(scores.shape))
        labels = self._labels(scores, given)
        right, counts = self._right(scores.detach(), labels), _counts(labels)
        accuracy = right.sum() / counts.sum().clamp(min=1)
        if self.top_count == 1:
            return accuracy
        hits, counted = (self._per_class(each, labels, scores) for each in (right, counts))
        return accuracy, hits / counted.clamp(min=1)

    def counts_labels(self) -> bool:
        return self.ignored_label is not None or self.top_count == 2

    def counted(self, *bottoms: Tensor) -> tuple[Tensor | None, ...]:
        scores, given = bottoms
        if self.param.accuracy_param.HasField("threshold"):
            binary = self._binary_counts(given.reshape(scores.shape))
            return (binary.sum(), binary.sum(0))[: self.top_count]
        labels = self._labels(scores, given)
        counts = _counts(labels)
        return (counts.sum(), self._per_class(counts, labels, scores))[: self.top_count]

    def _labels(self, scores: Tensor, given: Tensor) -> Labels:
        if are_probabilities(given.shape, scores.shape, self._axis):
            given = given.argmax(self._axis)
        return class_labels(self, given, scores, self._axis, self.ignored_label)

    def _binary(self, scores: Tensor, labels: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        predicted = scores > self.param.accuracy_param.threshold
        counted = self._binary_counts(labels)
        right = ((predicted == (labels > 0.5)) & counted & ~scores.isnan()).float()
        accuracy = right.sum() / counted.sum().clamp(min=1)
        if self.top_count == 1:
            return accuracy
        return accuracy, right.sum(0) / counted.sum(0).clamp(min=1)

    def _binary_counts(self, labels: Tensor) -> Tensor:
        """Which of the labels count."""
        if self.ignored_label is None:
            return torch.ones_like(labels, dtype=torch.bool)
        return labels != self.ignored_label

    def _right(self, scores: Tensor, labels: Labels) -> Tensor:
        """1 or 0 for each label: whether it counts and is right."""
        own = scores.gather(self._axis, labels.index)
        others = (scores >= own).sum(self._axis, keepdim=True) - 1
        right = (others >= 0) & (others < self.param.accuracy_param.top_k)
        return right.float() if labels.valid is None else (right & labels.valid).float()

    def _per_class(self, each: Tensor, labels: Labels, scores: Tensor) -> Tensor:
        """The sum for each class over its labels."""
        zeros = each.new_zeros(scores.shape[self._axis])
        return zeros.scatter_add(0, labels.index.reshape(-1), each.reshape(-1))


def _counts(labels: Labels) -> Tensor:
    """1 for each label that counts, else 0."""
    ones = torch.ones_like(labels.index)
    return ones if labels.valid is None else ones.where(labels.valid, 0)


TABLE: dict[str, type[Layer]] = {"Accuracy": Accuracy}
