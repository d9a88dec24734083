"""Losses that compare two blobs by their distance."""

import math
from typing import Any

import torch
from torch import Tensor

from catdog.layers.base import Count, Layer
from catdog.layers.loss import Loss, check_equal_counts, check_one_label_each, precise
from catdog.spec.shape import Shape


class EuclideanLoss(Loss):
    """Sum of (a - b)^2 over everything, divided by twice the batch size; both get gradients."""

    no_gradient = frozenset()

    def setup(self, *shapes: Shape) -> None:
        super().setup(*shapes)
        check_equal_counts(self, *shapes)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        a = precise(a)
        return (a - b.reshape(a.shape)).square().sum() / (2 * len(a))


class ContrastiveLoss(Loss):
    """Sum of d^2 of similar pairs and max(margin - d, 0)^2 of the others, divided by twice the
    batch size, d the distance of a pair; bottom 2 is not 0 where a pair is similar. With
    legacy_version max(margin - d^2, 0).
    """

    messages = ("contrastive_loss_param",)
    bottoms = Count(3, 3)
    no_gradient = frozenset({2})

    def setup(self, *shapes: Shape) -> None:
        super().setup(*shapes)
        a, b, similar = shapes
        check_equal_counts(self, a, b)
        if len(a) < 2 or math.prod(a[2:]) != 1:
            raise self.error(
                f"compares rows of numbers, but bottom 0 is {list(a)}",
                field="bottom",
                remedy="put a Flatten layer before it",
            )
        check_one_label_each(self, a, similar)

    def forward(self, a: Tensor, b: Tensor, similar: Tensor) -> Tensor:
        difference = (precise(a) - precise(b).reshape(a.shape)).flatten(1)
        param = self.param.contrastive_loss_param
        together = similar.detach().reshape(-1, 1).long() != 0
        total: Tensor = _Contrast.apply(difference, together, param.margin, param.legacy_version)
        return total / (2 * len(a))


class _Contrast(torch.autograd.Function):
    """The sum over pairs; Caffe's gradient divides by d + 1e-4, where the formula has d."""

    @staticmethod
    def forward(
        ctx: Any, difference: Tensor, together: Tensor, margin: float, legacy: bool
    ) -> Tensor:
        square = difference.square().sum(1, keepdim=True)
        distance = square.sqrt()
        room = (margin - (square if legacy else distance)).clamp(min=0)
        slope = -(room > 0).to(room.dtype) if legacy else -room / (distance + 1e-4)
        ctx.save_for_backward(difference * 2 * torch.where(together, 1.0, slope))
        return torch.where(together, square, room if legacy else room.square()).sum()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        (slopes,) = ctx.saved_tensors
        return slopes * gradients[0], None, None, None


TABLE: dict[str, type[Layer]] = {
    "EuclideanLoss": EuclideanLoss,
    "ContrastiveLoss": ContrastiveLoss,
}
