"""Rotate, shift, zoom, shear and crop the pictures of a batch in one resampling."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from catdog.proto.caffe_pb2 import AugmentParameter

Floats = NDArray[np.float64]

FIELDS = ("rotate", "shift", "zoom", "shear", "crop_area")

#: Width to height of the part that crop_area takes, as in torchvision's RandomResizedCrop.
_ASPECT = 4 / 3


class CropWindow(NamedTuple):
    """The part of a picture that the net sees: its centre and its extents, in pixels."""

    x: float
    y: float
    width: float
    height: float
    mirrored: bool = False


class Motion(NamedTuple):
    """An affine transformation of each of N pictures.

    `angle` is in radians, `shift` in shares of width and height (N x 2), `zoom` a factor, `shear`
    a share.
    """

    angle: Floats
    shift: Floats
    zoom: Floats
    shear: Floats


def draw_motion(param: AugmentParameter, count: int, rng: np.random.Generator) -> Motion:
    """A motion for each picture, within the bounds of the fields."""
    return Motion(
        np.deg2rad(rng.uniform(-param.rotate, param.rotate, count)),
        rng.uniform(-param.shift, param.shift, (count, 2)),
        rng.uniform(1 - param.zoom, 1 + param.zoom, count),
        rng.uniform(-param.shear, param.shear, count),
    )


def draw_crop_window(
    least: float, height: int, width: int, rng: np.random.Generator, *, mirrored: bool
) -> CropWindow:
    """A part of at least this share of the area, at a random position; clipped to the picture."""
    area = rng.uniform(least, 1) * height * width
    aspect = np.exp(rng.uniform(-np.log(_ASPECT), np.log(_ASPECT))) * width / height
    wide, high = min(width, np.sqrt(area * aspect)), min(height, np.sqrt(area / aspect))
    x, y = rng.uniform((wide / 2, high / 2), (width - wide / 2, height - high / 2))
    return CropWindow(float(x), float(y), float(wide), float(high), mirrored)


def views(
    motion: Motion, windows: Sequence[CropWindow], whole: tuple[int, int], size: tuple[int, int]
) -> NDArray[np.float32]:
    """N x 2 x 3 matrices for `warp`, from pictures of height x width `whole` to those of `size`.

    The content of the window is rotated, sheared and zoomed about its centre, then shifted.
    """
    rows = np.array(windows, np.float64)
    extent = np.array((size[1], size[0]), np.float64)
    stretch = rows[:, 2:4] / extent
    stretch[:, 0] *= np.where(rows[:, 4], -1, 1)
    back = _inverse(motion) * stretch[:, None, :]
    middle = rows[:, :2] - np.einsum("nij,nj->ni", back, motion.shift * extent)
    # coordinates of grid_sample run from -1 to 1 over the whole picture
    picture = np.array((whole[1], whole[0]), np.float64)
    linear = back * extent / picture[:, None]
    return np.concatenate((linear, (2 * middle / picture - 1)[:, :, None]), 2).astype(np.float32)


def warp(batch: Tensor, matrices: Tensor, size: tuple[int, int], fill: Tensor | None) -> Tensor:
    """N x C x height x width from floats of any size, seen through N x 2 x 3 `views`, bilinear.

    Beyond the edges is `fill` (N or 1 x C x 1 x 1), or without one the picture's mirror image.
    """
    grid = F.affine_grid(matrices, [len(batch), batch.shape[1], *size], align_corners=False)
    if fill is None:
        return F.grid_sample(batch, grid, padding_mode="reflection", align_corners=False)
    return F.grid_sample(batch - fill, grid, padding_mode="zeros", align_corners=False).add_(fill)


def _inverse(motion: Motion) -> Floats:
    """The inverses of zoom * rotation * shear, N x 2 x 2."""
    cos, sin = np.cos(motion.angle), np.sin(motion.angle)
    rows = ((cos + motion.shear * sin, sin - motion.shear * cos), (-sin, cos))
    return np.moveaxis(np.array(rows), 2, 0) / motion.zoom[:, None, None]
