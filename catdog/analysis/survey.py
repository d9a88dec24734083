"""What is known of each labelled photo: size, kind, hashes, or why it cannot be read."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import NamedTuple, cast

import cv2
import numpy as np

from catdog.analysis.duplicates import perceptual_hash
from catdog.data.build.listing import Photo
from catdog.data.headers import Kind
from catdog.data.images import Pixels, Unreadable, decode, read_file
from catdog.runtime.parallel import in_order

#: Levels by which the channels of a grey photo differ at most, as compression leaves them.
_COLORLESS = 6
_SMALL = 64


class PhotoInfo(NamedTuple):
    """Facts about a photo; width and height in pixels, after its EXIF orientation.

    `hash` is perceptual, `digest` that of the file's bytes; `measures` are what `survey` was asked
    to measure.
    """

    photo: Photo
    width: int
    height: int
    kinds: frozenset[Kind]
    gray: bool
    hash: int | None
    digest: bytes
    measures: Mapping[str, float] = {}

    @property
    def aspect(self) -> float:
        """Width divided by height."""
        return self.width / self.height

    @property
    def skew(self) -> float:
        """The longer side divided by the shorter one."""
        return max(self.aspect, 1 / self.aspect)


class UnreadablePhoto(NamedTuple):
    """A photo that cannot be read, and why."""

    photo: Photo
    reason: str


def survey(
    photos: Iterable[Photo], measure: Callable[[Pixels], Mapping[str, float]] = lambda _: {}
) -> Iterator[PhotoInfo | UnreadablePhoto]:
    """Facts about each photo, in their order; decoded on all cores, pixels are not kept.

    `measure` tells more of a picture.
    """
    return in_order(partial(_inspect, measure), photos)


def _inspect(
    measure: Callable[[Pixels], Mapping[str, float]], photo: Photo
) -> PhotoInfo | UnreadablePhoto:
    try:
        data = read_file(photo.file)
        picture = decode(data)
    except Unreadable as error:
        return UnreadablePhoto(photo, error.what)
    height, width = picture.pixels.shape[:2]
    small = _shrunk(picture.pixels)
    return PhotoInfo(
        photo,
        width,
        height,
        picture.kinds,
        "gray" in picture.kinds or _is_colorless(small),
        perceptual_hash(small),
        hashlib.blake2b(data, digest_size=16).digest(),
        measure(picture.pixels),
    )


def _shrunk(picture: Pixels) -> Pixels:
    return cast(Pixels, cv2.resize(picture, (_SMALL, _SMALL), interpolation=cv2.INTER_AREA))


def _is_colorless(picture: Pixels) -> bool:
    """Whether a picture stored in colour has none."""
    spread = picture.max(axis=2).astype(np.int16) - picture.min(axis=2)
    return bool(np.quantile(spread, 0.99) <= _COLORLESS)
