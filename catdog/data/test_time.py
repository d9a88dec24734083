"""Several views of one photo, whose probabilities are averaged: mirrored, and corner crops.

Ten views, the four corners and the centre with their mirror images, are those of Krizhevsky,
Sutskever, Hinton, ImageNet Classification with Deep Convolutional Neural Networks, 2012.
"""

from collections.abc import Sequence

from catdog.data.transform import Cut
from catdog.errors import DataError

#: By the value of `--tta`: whether there are corner crops, and mirror images.
VIEWS = {
    "flip": (False, True),
    "2": (False, True),
    "5": (True, False),
    "10": (True, True),
}


def cuts(views: str, stored: Sequence[int], wanted: Sequence[int]) -> list[Cut]:
    """The cuts of a picture of shape `stored` to `wanted` (both C x H x W), the middle first.

    `views` is a key of VIEWS, or empty for the net's own view alone: no cuts. Raises
    DataError for another key, and for five or ten of a picture that is not larger than its cut.
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
    high, wide = stored[1] - wanted[1], stored[2] - wanted[2]
    if corners and not (high or wide):
        raise DataError(
            f"the net sees the whole photo: there are no {views} looks at it",
            where=f"--tta {views}",
            remedy="use --tta flip, or a net with a crop_size",
        )
    offsets = [(high // 2, wide // 2)]
    if corners:
        offsets += [(top, left) for top in (0, high) for left in (0, wide)]
    flips = (False, True) if mirrored else (False,)
    return [Cut(top, left, flip) for top, left in offsets for flip in flips]
