"""Boxes [xmin, ymin, xmax, ymax] in shares of a picture: overlaps, the codes of their offsets from
priors, non-maximum suppression (SSD's layers, Liu and others 2016).

A side is as long as the difference of its ends, nothing more; other families add a pixel.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from catdog.layers.base import Layer
from catdog.proto.caffe_pb2 import PriorBoxParameter
from catdog.spec.shape import Shape

#: Where the threshold of a suppression with eta has come down to this, it stays.
LEAST_ADAPTED = 0.5
CORNER, CENTER_SIZE = PriorBoxParameter.CORNER, PriorBoxParameter.CENTER_SIZE


def count_priors(
    layer: Layer, shapes: Sequence[Shape], classes: int, sets: int, variances: bool = True
) -> int:
    """How many priors there are, for the shapes of offsets (images, priors * sets * 4), scores
    (images, priors * classes) and priors (1, 2, priors * 4), bottoms 0 to 2.

    Raises LayerError where they do not agree; only without variances one channel of priors will do.
    """
    loc, conf, prior = shapes
    if len(prior) < 3 or prior[0] != 1 or math.prod(prior[2:]) % 4 or prior[1] not in (1, 2):
        raise layer.error(
            f"needs priors 1 x 2 x 4 * number in bottom 2, not {list(prior)}",
            field="bottom",
            remedy="give the top of a PriorBox layer, or of a Concat layer of several, axis 2",
        )
    if prior[1] == 1 and variances:
        raise layer.error(
            f"needs the priors' variances, but bottom 2 is {list(prior)}",
            field="bottom",
            remedy="give 1 x 2 x 4 * number",
        )
    number = math.prod(prior[2:]) // 4
    wanted = (("offsets", loc, number * sets * 4), ("scores", conf, number * classes))
    for index, (what, shape, width) in enumerate(wanted):
        if math.prod(shape[1:]) != width or shape[:1] != loc[:1] or not shape:
            raise layer.error(
                f"has {what} {list(shape)} in bottom {index} for {number} priors",
                field="bottom",
                remedy=f"give {loc[0] if loc else 1} x {width}",
            )
    return number


def areas(boxes: Tensor) -> Tensor:
    """The areas (...) of boxes (..., 4); 0 where an end lies before its beginning."""
    return (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(-1)


def overlaps(first: Tensor, second: Tensor) -> Tensor:
    """Intersection over union (M, N) of boxes (M, 4) and (N, 4); 0 where they only touch."""
    least = torch.maximum(first[:, None, :2], second[None, :, :2])
    most = torch.minimum(first[:, None, 2:], second[None, :, 2:])
    common = (most - least).clamp(min=0).prod(-1)
    union = areas(first)[:, None] + areas(second) - common
    return torch.where(common > 0, common / union, 0)


def decode(code: int, priors: Tensor, variances: Tensor | None, offsets: Tensor) -> Tensor:
    """The boxes that offsets (..., 4) from priors mean, by a code_type; not clipped.

    CORNER: prior + v * offset; CORNER_SIZE: the offset also times width or height of the prior;
    CENTER_SIZE: two for the centre, in widths and heights, and two logarithms of the sides.
    """
    scaled = offsets if variances is None else variances * offsets
    if code == CORNER:
        return priors + scaled
    sides = priors[..., 2:] - priors[..., :2]
    if code != CENTER_SIZE:
        return priors + scaled * torch.cat([sides, sides], -1)
    centres = (priors[..., :2] + priors[..., 2:]) / 2
    centres = scaled[..., :2] * sides + centres
    half = scaled[..., 2:].exp() * sides / 2
    return torch.cat([centres - half, centres + half], -1)


def encode(code: int, priors: Tensor, variances: Tensor | None, boxes: Tensor) -> Tensor:
    """The offsets of boxes (..., 4) from priors: the inverse of `decode`."""
    if code == CORNER:
        offsets = boxes - priors
    else:
        sides = priors[..., 2:] - priors[..., :2]
        if code == CENTER_SIZE:
            moved = (boxes[..., :2] + boxes[..., 2:] - priors[..., :2] - priors[..., 2:]) / 2
            grown = ((boxes[..., 2:] - boxes[..., :2]) / sides).log()
            offsets = torch.cat([moved / sides, grown], -1)
        else:
            offsets = (boxes - priors) / torch.cat([sides, sides], -1)
    return offsets if variances is None else offsets / variances


def suppress(boxes: Tensor, threshold: float, eta: float = 1.0) -> Tensor:
    """The indices of those of boxes (N, 4), in their order, that overlap none kept before by more
    than a threshold.

    With eta below 1 the threshold is multiplied by it after each kept box, while it is above 0.5.
    """
    if len(boxes) < 2:
        return torch.arange(len(boxes), device=boxes.device)
    if eta < 1 and threshold > LEAST_ADAPTED:
        return _suppress_adapted(boxes, threshold, eta)
    return first_of_overlapping(boxes, threshold)


def first_of_overlapping(boxes: Tensor, threshold: float) -> Tensor:
    """The indices of those of boxes (N, 4), in their order, whose intersection over union with
    every one kept before is at most a threshold."""
    # loaded late: it takes as long as torch itself
    from torchvision.ops import nms

    falling = torch.arange(len(boxes), 0, -1, dtype=boxes.dtype, device=boxes.device)
    kept: Tensor = nms(boxes, falling, threshold)
    return kept


def _suppress_adapted(boxes: Tensor, threshold: float, eta: float) -> Tensor:
    """`suppress` with a threshold that falls: box by box, as each decides on the next."""
    corners = boxes.cpu().numpy()
    sizes = areas(boxes).cpu().numpy()
    bound, factor = corners.dtype.type(threshold), corners.dtype.type(eta)
    kept: list[int] = []
    for index, box in enumerate(corners):
        others = corners[kept]
        common = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
        common = common.clip(min=0).prod(1)
        # without division, which boxes of no area do not survive, but rounded as a quotient is
        union = np.where(common > 0, sizes[index] + sizes[kept] - common, 1)
        if (common / union <= bound).all():
            kept.append(index)
            bound = bound * factor if bound > LEAST_ADAPTED else bound
    return torch.tensor(kept, device=boxes.device)
