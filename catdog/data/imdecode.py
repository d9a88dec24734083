"""Pictures that nobody vouches for: their size is looked at before memory is taken for it."""

import os
import re
import warnings
from io import BytesIO
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from catdog.data.headers import format_name, jpeg_pixels, png_is_whole, png_pixels
from catdog.errors import CatdogError, DataError

SETTING = "CATDOG_MAX_PIXELS"
USUAL_MOST = 178_956_970
"""Pixels of a picture: Pillow's limit, a quarter of a gibibyte in three bytes each."""


class TooLarge(DataError):
    """A picture of more pixels than are taken."""


def imdecode(data: bytes, flags: int) -> NDArray[np.generic] | None:
    """`cv2.imdecode`; None where OpenCV cannot, TooLarge before it would."""
    if not data:
        return None
    check_pixels(data)
    if format_name(data) == "PNG" and not png_is_whole(data):
        # OpenCV takes as much memory as the chunk that is cut off says it has
        return None
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:  # a header that OpenCV does not believe
        return None
    return cast(NDArray[np.generic] | None, picture)


def check_pixels(data: bytes) -> None:
    """Raise TooLarge for a picture whose header speaks of more pixels than `CATDOG_MAX_PIXELS`."""
    check_size(header_pixels(data))


def check_size(width: int, height: int = 1, where: str = "") -> None:
    """Raise TooLarge for pixels that are more than `CATDOG_MAX_PIXELS`."""
    pixels, most = width * height, most_pixels()
    if pixels > most:
        raise TooLarge(
            f"{pixels:,} pixels, more than {most:,}",
            where=where,
            remedy=f"set {SETTING} to a larger number if it is meant",
        )


def most_pixels() -> int:
    """The limit that is set in the environment, or the usual one."""
    text = os.environ.get(SETTING, "")
    if text and not (text.isascii() and text.isdecimal()):
        raise CatdogError(f'"{text}" is no number of pixels', where=SETTING)
    return int(text) if text else USUAL_MOST


def header_pixels(data: bytes) -> int:
    """Width times height by the header, without decoding; 0 where nobody can tell."""
    form = format_name(data)
    if form:
        return png_pixels(data) if form == "PNG" else jpeg_pixels(data)
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(BytesIO(data)) as picture:
            return picture.width * picture.height
    except Image.DecompressionBombError as error:
        # Pillow's own limit, which is the usual one here too; it tells the number
        numbers = re.findall(r"\d+", str(error))
        return int(numbers[0]) if numbers else USUAL_MOST + 1
    except Exception:  # Pillow's readers raise what they like
        return 0
