"""Class labels beside scores: numbers in a blob of floats, of which one value may be ignored."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from catdog.layers.axes import canonical_axis, extents
from catdog.layers.base import Layer
from catdog.spec.shape import Shape


@dataclass(frozen=True)
class Labels:
    """Labels made ready to gather with: 1 on the class axis, else the shape of the scores.

    `valid` is None where no label can be ignored; ignored ones have the index 0.
    """

    index: Tensor
    valid: Tensor | None

    def one_hot(self, classes: int, axis: int) -> Tensor:
        """True at the class of each label, ignored ones too, in the shape of the scores."""
        shape = list(self.index.shape)
        shape[axis] = classes
        hot = torch.zeros(shape, dtype=torch.bool, device=self.index.device)
        return hot.scatter_(axis, self.index, True)


def class_axis(layer: Layer, axis: int, shapes: Sequence[Shape], field: str = "bottom") -> int:
    """The axis of the classes in the scores, the first of the shapes, counted from 0.

    `field` names where it was given. Raises LayerError where there are none: for a blob of labels
    in place of the scores, and as `canonical_axis`.
    """
    scores = shapes[0]
    if len(scores) < 2 and not -len(scores) <= axis < len(scores):
        raise layer.error(
            f"needs a score for each class, but bottom 0 is {list(scores)}",
            field="bottom",
            remedy="name the scores first, then the labels",
        )
    return canonical_axis(layer, axis, scores, field)


def check_count(layer: Layer, scores: Shape, labels: Shape, axis: int) -> None:
    """Raise LayerError unless there is one label for each place around the class axis."""
    around = extents(scores, axis)
    wanted = around.outer * around.inner
    if prod(labels) != wanted:
        raise layer.error(
            f"has {prod(labels)} labels {list(labels)} for {wanted} predictions: scores "
            f"{list(scores)} with the classes on axis {axis}",
            field="bottom",
            remedy="give one label for each prediction, or another axis",
        )


def are_probabilities(labels: Shape, scores: Shape, axis: int) -> bool:
    """Whether labels are a probability for each score, as mixup makes them; Caffe has none."""
    return tuple(labels) == tuple(scores) and scores[axis] > 1


def class_labels(
    layer: Layer, labels: Tensor, scores: Tensor, axis: int, ignore: int | None
) -> Labels:
    """The labels of scores whose classes are on `axis`; floats lose their fraction, as in Caffe.

    Raises LayerError for a label that is no class. On a GPU that would cost a wait in every
    iteration, and torch.compile cannot; there the index error of the kernel itself stops the run.
    """
    index = labels.detach().reshape(*scores.shape[:axis], 1, *scores.shape[axis + 1 :]).long()
    valid = None if ignore is None else index != ignore
    if valid is not None:
        index = index.where(valid, 0)
    if index.device.type == "cpu" and index.numel() and not torch.compiler.is_compiling():
        _check_range(layer, index, scores.shape[axis], labels)
    return Labels(index, valid)


def _check_range(layer: Layer, index: Tensor, classes: int, labels: Tensor) -> None:
    low, high = (int(bound) for bound in index.aminmax())
    if low < 0 or high >= classes:
        if not labels.isfinite().all():
            raise layer.error(
                "has a label that is no number", field="bottom", remedy="correct the labels"
            )
        raise layer.error(
            f"has label {low if low < 0 else high}, but there are {classes} classes: "
            f"labels 0 to {classes - 1}",
            field="bottom",
            remedy="correct the labels, set ignore_label, or give the layer before it more outputs",
        )
