"""Boxes of objects on a picture, and how they follow what is done to it (SSD's bbox_util.cpp).

Objects are rows of seven numbers: label, instance, xmin, ymin, xmax, ymax, difficult. Corners, and
windows (xmin, ymin, xmax, ymax), are shares of the picture's width and height.
"""

from typing import cast

import numpy as np
from numpy.typing import NDArray

from catdog.proto.caffe_pb2 import EmitConstraint, ResizeParameter

Rows = NDArray[np.float32]
Window = tuple[float, float, float, float]

#: The numbers of a row, and where its corners are.
COLUMNS = 7
CORNERS = slice(2, 6)


def areas(corners: Rows) -> Rows:
    """Areas of corners (... x 4); 0 where they are the wrong way round."""
    sides = np.maximum(corners[..., 2:] - corners[..., :2], 0)
    return np.asarray(sides.prod(-1), np.float32)


def shared(one: Rows, other: Rows) -> Rows:
    """The areas that corners have in common; broadcast over all but the last axis."""
    low = np.maximum(one[..., :2], other[..., :2])
    high = np.minimum(one[..., 2:], other[..., 2:])
    return areas(np.concatenate((low, high), -1))


def overlaps(one: Rows, other: Rows) -> Rows:
    """Intersection over union, 0 for boxes of no area."""
    common = shared(one, other)
    union = areas(one) + areas(other) - common
    return _quotient(common, union)


def coverages(covered: Rows, cover: Rows) -> Rows:
    """The share of `covered` that `cover` has."""
    common, whole = shared(covered, cover), areas(covered)
    return _quotient(common, np.broadcast_to(whole, common.shape))


def _quotient(part: Rows, whole: Rows) -> Rows:
    found = np.zeros_like(part)
    np.divide(part, whole, out=found, where=whole > 0)
    return found


def project(rows: Rows, window: Window, constraint: EmitConstraint | None = None) -> Rows:
    """The objects that are seen in a window, clipped to it, in shares of the window.

    With an emit_constraint those stay whose centre is inside, or more than emit_overlap of them.
    """
    corners = rows[:, CORNERS]
    if constraint is not None:
        rows = rows[_emitted(corners, window, constraint)]
        corners = rows[:, CORNERS]
    low, high = np.array(window[:2], np.float32), np.array(window[2:], np.float32)
    offset, extent = np.tile(low, 2), np.tile(high - low, 2)
    inside = ((corners[:, :2] < high) & (corners[:, 2:] > low)).all(1)
    moved = np.clip((corners - offset) / extent, 0, 1).astype(np.float32)
    seen = inside & (areas(moved) > 0)
    found = rows[seen]
    found[:, CORNERS] = moved[seen]
    return found


def _emitted(corners: Rows, window: Window, constraint: EmitConstraint) -> NDArray[np.bool_]:
    around = np.array(window, np.float32)
    if constraint.emit_type == EmitConstraint.MIN_OVERLAP:
        return np.asarray(coverages(corners, around) > constraint.emit_overlap)
    middle = (corners[:, :2] + corners[:, 2:]) / 2
    return cast(NDArray[np.bool_], ((middle >= around[:2]) & (middle <= around[2:])).all(1))


def mirror(rows: Rows) -> Rows:
    """The objects of the mirror image."""
    turned = rows.copy()
    turned[:, 2], turned[:, 4] = 1 - rows[:, 4], 1 - rows[:, 2]
    return turned


def follow_resize(rows: Rows, size: tuple[int, int], param: ResizeParameter) -> Rows:
    """The objects of a picture of height x width `size` after resize_param.

    They move only where there is padding at two sides.
    """
    height, width = size
    if param.resize_mode != ResizeParameter.FIT_LARGE_SIZE_AND_PAD:
        return rows
    aspect = width / height
    axis = 1 if aspect > param.width / param.height else 0
    whole = (param.width, param.height)[axis]
    used = param.width / aspect if axis else param.height * aspect
    padding = (whole - used) / 2
    moved = rows.copy()
    for column in (2 + axis, 4 + axis):
        moved[:, column] = (padding + rows[:, column] * used) / whole
    return moved
