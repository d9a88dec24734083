"""Picture files to pixels: decoded, equalised, resized; the same for training and prediction.

A picture is height x width x 3 (BGR) or height x width (grey), uint8; planes are channels x
height x width.
"""

import threading
from pathlib import Path
from typing import NamedTuple, Protocol, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from catdog.data.headers import Kind, format_name, jpeg_kinds, png_kinds
from catdog.data.imdecode import TooLarge, check_size, imdecode
from catdog.errors import DataError
from catdog.proto.caffe_pb2 import DatasetParameter
from catdog.runtime.files import read_regular

Pixels = NDArray[np.uint8]

_INTERPOLATION = {
    DatasetParameter.NEAREST: cv2.INTER_NEAREST,
    DatasetParameter.LINEAR: cv2.INTER_LINEAR,
    DatasetParameter.CUBIC: cv2.INTER_CUBIC,
    DatasetParameter.AREA: cv2.INTER_AREA,
}


class Readable(Protocol):
    """A file by its path, or one in an archive; its text is where it is."""

    def read_bytes(self) -> bytes:
        """All of it; OSError where it cannot be had."""


class Unreadable(DataError):
    """A file that is no picture or only half of one; `what` is the reason."""


class Picture(NamedTuple):
    """Decoded pixels, and what had to be converted to get them."""

    pixels: Pixels
    kinds: frozenset[Kind]


def read_file(path: str | Readable) -> bytes:
    """The bytes of a file; Unreadable when it cannot be read or has none."""
    try:
        data = read_regular(Path(path)) if isinstance(path, str | Path) else path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a zero byte in its name
        reason = getattr(error, "strerror", None) or "cannot be read"
        raise Unreadable(reason.lower(), where=str(path)) from error
    if not data:
        raise Unreadable("empty file", where=str(path))
    return data


def decode(data: bytes, *, gray: bool = False) -> Picture:
    """A picture file as eight-bit BGR (or grey), turned as its EXIF orientation says.

    Grey, CMYK, palette, 16-bit and transparent pictures are converted. Raises Unreadable with the
    reason; so too for a JPEG whose end is missing, of which OpenCV would show a part.
    """
    form = format_name(data)
    kinds: frozenset[Kind] = png_kinds(data) if form == "PNG" else frozenset()
    if form == "JPEG":
        kinds, whole = jpeg_kinds(data)
        if not whole:
            raise Unreadable("truncated JPEG: its end is missing")
    try:
        pixels = imdecode(data, cv2.IMREAD_GRAYSCALE if gray else cv2.IMREAD_COLOR)
    except TooLarge as error:
        raise Unreadable(error.what, remedy=error.remedy) from error
    if pixels is None:
        raise Unreadable(f"damaged {form}" if form else "not a picture that can be decoded")
    return Picture(cast(Pixels, pixels), kinds if form else _kinds_as_decoded(data))


def _kinds_as_decoded(data: bytes) -> frozenset[Kind]:
    """What a picture of the rarer formats is, from decoding it as it is stored."""
    pixels = imdecode(data, cv2.IMREAD_UNCHANGED)
    kinds: set[Kind] = set()
    if pixels is not None:
        if pixels.ndim == 2:
            kinds.add("gray")
        elif pixels.shape[2] == 4:
            kinds.add("alpha")
        if pixels.dtype != np.uint8:
            kinds.add("sixteen_bit")
    return frozenset(kinds)


class _Scratch(threading.local):
    """Memory of each thread in which a picture is taken apart.

    Fresh pages from the system for every picture would cost as much as a sixth of its decoding.
    """

    def __init__(self) -> None:
        self._bytes = np.empty(0, np.uint8)

    def channels(self, picture: Pixels) -> list[Pixels]:
        """Planes for the channels of a picture, with any content, until the next call."""
        if self._bytes.size < picture.size:
            self._bytes = np.empty(picture.size, np.uint8)
        height, width, count = picture.shape
        return list(self._bytes[: picture.size].reshape(count, height, width))


_SCRATCH = _Scratch()


def equalize(picture: Pixels) -> Pixels:
    """The picture with the histogram of each channel made even (cv2.equalizeHist), in place."""
    if picture.ndim == 2:
        cv2.equalizeHist(picture, picture)
        return picture
    channels = _SCRATCH.channels(picture)
    cv2.split(picture, channels)
    for channel in channels:
        cv2.equalizeHist(channel, channel)
    cv2.merge(channels, picture)
    return picture


def resize(
    picture: Pixels, width: int, height: int, interpolation: DatasetParameter.Interpolation
) -> Pixels:
    """The picture stretched to width x height."""
    method = _INTERPOLATION[interpolation]
    return cast(Pixels, cv2.resize(picture, (width, height), interpolation=method))


def pad(
    picture: Pixels, width: int, height: int, interpolation: DatasetParameter.Interpolation
) -> Pixels:
    """The picture in its own proportions in the middle of width x height, around it its mean."""
    scale = min(width / picture.shape[1], height / picture.shape[0])
    inner = [max(1, round(side * scale)) for side in (picture.shape[1], picture.shape[0])]
    fitted = resize(picture, inner[0], inner[1], interpolation)
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    padded = np.empty((height, width, *picture.shape[2:]), np.uint8)
    padded[:] = picture.mean((0, 1)).round()
    padded[top : top + inner[1], left : left + inner[0]] = fitted
    return padded


def crop(
    picture: Pixels, width: int, height: int, interpolation: DatasetParameter.Interpolation
) -> Pixels:
    """The largest middle part of the proportions of width x height, stretched to that."""
    full_height, full_width = picture.shape[:2]
    inner_width = max(1, min(full_width, round(full_height * width / height)))
    inner_height = max(1, min(full_height, round(full_width * height / width)))
    left, top = (full_width - inner_width) // 2, (full_height - inner_height) // 2
    part = picture[top : top + inner_height, left : left + inner_width]
    return resize(part, width, height, interpolation)


_FIT = {
    DatasetParameter.STRETCH: resize,
    DatasetParameter.PAD: pad,
    DatasetParameter.CROP: crop,
}


def planes(picture: Pixels) -> Pixels:
    """A picture as channels x height x width, contiguous."""
    if picture.ndim == 2:
        return picture[None]
    channels = np.empty((picture.shape[2], *picture.shape[:2]), np.uint8)
    cv2.split(picture, list(channels))
    return channels


def prepare(pixels: Pixels, dataset: DatasetParameter) -> Pixels:
    """Decoded pixels (their content is used up) as the planes that a data set stores.

    First equalised, at full size, then stretched to its width and height if it has them (or
    padded or cropped, as `resize` says), made a JPEG and decoded where it stores JPEGs, then put in
    its order of channels. Raises TooLarge where they would have more pixels than a photo may have.
    """
    pixels = fitted(pixels, dataset)
    if dataset.encoding == DatasetParameter.JPEG:
        pixels = decode(jpeg(pixels, dataset.quality), gray=pixels.ndim == 2).pixels
    channels = planes(pixels)
    return channels[::-1] if dataset.channel_order == DatasetParameter.RGB else channels


def fitted(pixels: Pixels, dataset: DatasetParameter) -> Pixels:
    """Decoded pixels, which are used up, equalised and in the width and height of a data set."""
    if dataset.equalize:
        pixels = equalize(pixels)
    if dataset.width and dataset.height:
        check_size(dataset.width, dataset.height, "width and height of the data set")
        fit = _FIT[dataset.resize]
        pixels = fit(pixels, dataset.width, dataset.height, dataset.interpolation)
    return pixels


def jpeg(pixels: Pixels, quality: int) -> bytes:
    """A picture as a JPEG file of a quality from 1 to 100."""
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def load(path: str | Readable, dataset: DatasetParameter) -> Pixels:
    """The planes of a picture file, prepared exactly as those of the data set were.

    Raises Unreadable, with the file's path.
    """
    try:
        picture = decode(read_file(path), gray=dataset.channel_order == DatasetParameter.GRAY)
    except Unreadable as error:
        raise Unreadable(error.what, where=str(path)) from error
    return prepare(picture.pixels, dataset)
