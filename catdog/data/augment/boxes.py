"""Rectangles in the pictures of a batch: N x 4, top, left, bottom and right (exclusive)."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Boxes = NDArray[np.int64]

#: Share of the picture, and height to width, of what is erased (Zhong et al., 2017).
_ERASED, _RATIO = (0.02, 1 / 3), 10 / 3


def draw_erased(
    probability: float, count: int, size: tuple[int, int], rng: np.random.Generator
) -> Boxes:
    """The box to erase of each picture of height x width `size`, empty if it is not erased."""
    area = rng.uniform(*_ERASED, count) * size[0] * size[1]
    ratio = np.exp(rng.uniform(-np.log(_RATIO), np.log(_RATIO), count))
    sides = np.stack((np.sqrt(area * ratio), np.sqrt(area / ratio)), 1)
    sides = np.minimum(np.rint(sides), size).astype(np.int64)
    corners = rng.integers(0, np.array(size) - sides + 1)
    return np.hstack((corners, corners + sides)) * (rng.random(count) < probability)[:, None]


def draw_pasted(
    share: NDArray[np.float64], size: tuple[int, int], rng: np.random.Generator
) -> Boxes:
    """Boxes of these shares of the picture around random centres, clipped to it (CutMix)."""
    sides = np.sqrt(share)[:, None] * size
    middle = rng.uniform(0, size, sides.shape)
    corners = (middle - sides / 2, middle + sides / 2)
    return np.hstack([np.clip(np.rint(corner), 0, size) for corner in corners]).astype(np.int64)


def share_of(boxes: Boxes, size: tuple[int, int]) -> NDArray[np.float64]:
    """The share of the picture that each box covers."""
    sides = boxes[:, 2:] - boxes[:, :2]
    return np.asarray(sides.prod(1) / (size[0] * size[1]), np.float64)


def inside(boxes: Boxes, size: tuple[int, int], device: torch.device) -> Tensor:
    """Masks, N x 1 x height x width, True inside the box."""
    top, left, bottom, right = torch.from_numpy(boxes).to(device).T[:, :, None]
    rows, columns = (torch.arange(extent, device=device) for extent in size)
    high, wide = (top <= rows) & (rows < bottom), (left <= columns) & (columns < right)
    mask: Tensor = high[:, None, :, None] & wide[:, None, None, :]
    return mask
