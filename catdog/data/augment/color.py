"""Colour jitter, each picture of a batch by its own factor.

Batches are N x 1 or 3 (BGR) x H x W floats from 0 to 255, factors are N x 1 x 1 x 1. The
formulas are those of torchvision.transforms.v2.functional.adjust_*.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from catdog.proto.caffe_pb2 import AugmentParameter

FIELDS = ("brightness", "contrast", "saturation", "hue")

#: Weights of blue, green and red in the luma of ITU-R BT.601.
_LUMA = (0.1140, 0.5870, 0.2989)


def draw_factors(
    param: AugmentParameter, count: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """A factor of each field for each picture, N x 4; the last is a shift of the hue in turns."""
    columns = [
        rng.uniform(max(0.0, 1 - bound), 1 + bound, count)
        for bound in (param.brightness, param.contrast, param.saturation)
    ]
    columns.append(rng.uniform(-param.hue, param.hue, count))
    return np.stack(columns, 1).astype(np.float32)


def adjust(batch: Tensor, factors: Tensor, param: AugmentParameter) -> Tensor:
    """Change brightness, contrast, saturation and hue in this order, where their field is set."""
    steps = (brightness, contrast, saturation, turn_hue)
    for step, field, factor in zip(steps, FIELDS, factors.T[:, :, None, None, None], strict=True):
        if getattr(param, field):
            batch = step(batch, factor)
    return batch


def brightness(batch: Tensor, factor: Tensor) -> Tensor:
    """Multiply every value by the factor."""
    return (batch * factor).clamp_(0, 255)


def contrast(batch: Tensor, factor: Tensor) -> Tensor:
    """Scale the distances from the picture's mean luma by the factor."""
    return _blend(batch, _luma(batch).mean((1, 2, 3), keepdim=True), factor)


def saturation(batch: Tensor, factor: Tensor) -> Tensor:
    """Scale the distances from each pixel's luma by the factor."""
    return _blend(batch, _luma(batch), factor)


def turn_hue(batch: Tensor, turn: Tensor) -> Tensor:
    """Shift the hue by a share of a full turn, leaving saturation and value (of HSV)."""
    value, lowest = batch.amax(1), batch.amin(1)
    chroma = value - lowest
    blue, green, red = batch.unbind(1)
    part = torch.where(chroma > 0, chroma, 1)
    hue = torch.where(value == green, 2 + (blue - red) / part, 4 + (red - green) / part)
    hue = torch.where(value == red, (green - blue) / part, hue) + 6 * turn[:, 0]
    # a channel falls from value by all of chroma in the two sextants opposite to it
    channels = (((offset + hue) % 6) for offset in (1, 3, 5))
    return torch.stack(
        [value - chroma * torch.minimum(at, 4 - at).clamp_(0, 1) for at in channels], 1
    )


def _luma(batch: Tensor) -> Tensor:
    """N x 1 x H x W."""
    if batch.shape[1] == 1:
        return batch
    blue, green, red = (batch[:, index] * weight for index, weight in enumerate(_LUMA))
    return blue.add_(green).add_(red)[:, None]


def _blend(batch: Tensor, other: Tensor, factor: Tensor) -> Tensor:
    return torch.lerp(other.expand_as(batch), batch, factor).clamp_(0, 255)
