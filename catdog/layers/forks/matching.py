"""Which boxes answer for which true boxes, and which of the others are examples of background
(Liu and others 2016; weiliu89/caffe, branch ssd)."""

import numpy as np
import torch
from torch import Tensor

from catdog.layers.forks.boxes import areas, overlaps, suppress

#: Instead of the index of a true box: none, and not to be looked at.
UNMATCHED, IGNORED = -1, -2
#: Overlaps up to this do not count.
LEAST_OVERLAP = 1e-6
#: Boxes with less area do not survive a suppression of examples.
LEAST_AREA = 1e-5


def match(
    boxes: Tensor, true: Tensor, threshold: float | None, ignored: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The index of a true box (M, 4), or a number below 0, for each of boxes (N, 4), and its
    largest overlap.

    First pairs, again and again those that overlap most of the boxes that are left on both sides;
    then every other box takes the one that it overlaps most, by at least a threshold; None: none.
    Boxes that a mask says to be ignored are not matched.
    """
    matched = torch.full((len(boxes),), UNMATCHED, device=boxes.device)
    if ignored is not None:
        matched[ignored] = IGNORED
    if not len(true):
        return matched, boxes.new_zeros(len(boxes))
    shares = overlaps(boxes, true)
    shares = shares.where(shares > LEAST_OVERLAP, 0)
    if ignored is not None:
        shares[ignored] = 0
    most, best = shares.max(1)
    left = shares.clone()
    for _ in range(len(true)):
        box, other = divmod(int(left.argmax()), len(true))
        if left[box, other] <= 0:
            break
        matched[box] = other
        left[box], left[:, other] = 0, 0
    if threshold is not None:
        near = (matched == UNMATCHED) & (most >= threshold) & (most > 0)
        matched = best.where(near, matched)
    return matched, most


def crosses_edge(boxes: Tensor) -> Tensor:
    """Which boxes reach out of the picture."""
    return ((boxes < 0) | (boxes > 1)).any(-1)


def hardest(losses: Tensor, number: int) -> Tensor:
    """The indices of the largest losses, at most so many; equal ones in their order."""
    return losses.argsort(descending=True, stable=True)[:number]


def hardest_apart(
    losses: Tensor, boxes: Tensor, number: int, threshold: float, top_k: int
) -> Tensor:
    """`hardest` of what a suppression by loss leaves of the top_k largest; below 0: of all."""
    order = hardest(losses, len(losses) if top_k < 0 else top_k)
    order = order[areas(boxes[order]) >= LEAST_AREA]
    return order[suppress(boxes[order], threshold)][:number]


def negatives(positives: int, ratio: float) -> int:
    """How many there are for so many positives: cut to a whole number, in float32."""
    return int(np.float32(positives) * np.float32(ratio))
