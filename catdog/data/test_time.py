"""Several views of one photo, whose probabilities are averaged: mirrored, and from the corners.

Ten views, the four corners and the centre with their mirror images, are those of Krizhevsky,
Sutskever, Hinton, ImageNet Classification with Deep Convolutional Neural Networks, 2012.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from catdog.data.transform import Cut, Picture
from catdog.errors import DataError

#: By the value of `--tta`: whether there are views from the corners, and mirror images.
VIEWS = {
    "flip": (False, True),
    "2": (False, True),
    "5": (True, False),
    "10": (True, True),
}
#: By this share of its side a photo is moved where there is nothing to cut off.
MOVED = 1 / 16


class View(NamedTuple):
    """How a photo is seen: it is moved so many pixels down and to the right, then cut."""

    cut: Cut
    down: int = 0
    right: int = 0

    def of(self, picture: Picture) -> Picture:
        """The photo, channels x height x width, moved; its mirror image goes on at its edges."""
        if not (self.down or self.right):
            return picture
        high, wide = abs(self.down), abs(self.right)
        _, height, width = picture.shape
        larger = np.pad(picture, ((0, 0), (high, high), (wide, wide)), mode="reflect")
        top, left = high - self.down, wide - self.right
        return larger[:, top : top + height, left : left + width]


def views_of(views: str, stored: Sequence[int], wanted: Sequence[int]) -> list[View]:
    """The views of a photo of shape `stored` by a net of `wanted` (both C x H x W), the middle
    first.

    `views` is a key of VIEWS, or empty for the net's own view alone: none. Corners are cut out
    where the photo is larger than what the net sees; else the photo is moved. Raises DataError for
    another key.
    """
    if not views:
        return []
    if views not in VIEWS:
        raise DataError(
            f'"{views}" is no way to look at a photo',
            where="--tta",
            remedy=f"one of {', '.join(VIEWS)}",
        )
    corners, mirrored = VIEWS[views]
    flips = (False, True) if mirrored else (False,)
    high, wide = stored[1] - wanted[1], stored[2] - wanted[2]
    if corners and not (high or wide):
        down, right = (max(1, round(MOVED * side)) for side in wanted[1:])
        moves = [(0, 0), *((y, x) for y in (down, -down) for x in (right, -right))]
        return [View(Cut(0, 0, flip), *move) for move in moves for flip in flips]
    offsets = [(high // 2, wide // 2)]
    if corners:
        offsets += [(top, left) for top in (0, high) for left in (0, wide)]
    return [View(Cut(top, left, flip)) for top, left in offsets for flip in flips]
