"""Pictures placed on a larger canvas, cut, and resized, as SSD does (data_transformer.cpp).

Pictures are height x width x channels.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from catdog.data.augment.objects import Window
from catdog.errors import Fault
from catdog.proto.caffe_pb2 import ExpansionParameter, ResizeParameter

Pixels = npt.NDArray[Any]

_INTERPOLATION = {
    ResizeParameter.LINEAR: cv2.INTER_LINEAR,
    ResizeParameter.AREA: cv2.INTER_AREA,
    ResizeParameter.NEAREST: cv2.INTER_NEAREST,
    ResizeParameter.CUBIC: cv2.INTER_CUBIC,
    ResizeParameter.LANCZOS4: cv2.INTER_LANCZOS4,
}
_BORDER = {
    ResizeParameter.CONSTANT: cv2.BORDER_CONSTANT,
    ResizeParameter.MIRRORED: cv2.BORDER_REFLECT101,
    ResizeParameter.REPEAT_NEAREST: cv2.BORDER_REPLICATE,
}
#: A ratio this close to 1 expands nothing, as in the fork.
_NO_EXPANSION = 1e-2
#: Beyond this OpenCV has no picture, and nobody the memory.
_LARGEST = 1 << 15


class Expansion(NamedTuple):
    """A canvas of height x width, and where the picture lies on it."""

    height: int
    width: int
    top: int
    left: int

    def window(self, height: int, width: int) -> Window:
        """The canvas in shares of a picture of this size."""
        right, bottom = self.width - self.left, self.height - self.top
        return -self.left / width, -self.top / height, right / width, bottom / height


def draw_expansion(
    param: ExpansionParameter, height: int, width: int, rng: np.random.Generator
) -> Expansion | None:
    """A canvas for a picture of this size, up to max_expand_ratio as large; None for no change."""
    at_all, drawn, row, column = rng.random(4)
    most = param.max_expand_ratio
    if at_all > param.prob or abs(most - 1) < _NO_EXPANSION:
        return None
    ratio = 1 + drawn * (most - 1)
    high, wide = int(height * ratio), int(width * ratio)
    return Expansion(high, wide, int(row * (high - height)), int(column * (wide - width)))


def expand(picture: Pixels, drawn: Expansion, fill: Sequence[float]) -> Pixels:
    """The picture on its canvas, which has the colour `fill`, of one value or one per channel."""
    height, width, channels = picture.shape
    colour = np.broadcast_to(np.array(fill or (0,), np.float32), (channels,))
    if picture.dtype == np.uint8:
        colour = np.clip(np.rint(colour), 0, 255)
    canvas = np.empty((drawn.height, drawn.width, channels), picture.dtype)
    canvas[:] = colour.astype(picture.dtype)
    canvas[drawn.top : drawn.top + height, drawn.left : drawn.left + width] = picture
    return canvas


def crop(picture: Pixels, window: Window) -> Pixels:
    """The pixels of a window, its corner and its size cut down to whole pixels."""
    height, width = picture.shape[:2]
    left, top = int(window[0] * width), int(window[1] * height)
    wide = max(1, int(window[2] * width - window[0] * width))
    high = max(1, int(window[3] * height - window[1] * height))
    return picture[top : top + high, left : left + wide]


def resized_shape(param: ResizeParameter, height: int, width: int) -> tuple[int, int]:
    """Height and width of a picture of this size after resize_param."""
    if param.resize_mode != ResizeParameter.FIT_SMALL_SIZE:
        return param.height, param.width
    aspect = np.float32(width) / np.float32(height)
    if aspect < np.float32(param.width) / np.float32(param.height):
        return max(1, math.floor(np.float32(param.width) / aspect)), param.width
    return param.height, max(1, math.floor(aspect * np.float32(param.height)))


def draw_interpolation(param: ResizeParameter, rng: np.random.Generator) -> int:
    """OpenCV's number of one of interp_mode; LINEAR without any."""
    modes = param.interp_mode
    return _INTERPOLATION[modes[rng.integers(len(modes))]] if modes else cv2.INTER_LINEAR


def resize(picture: Pixels, param: ResizeParameter, interpolation: int) -> Pixels:
    """The picture in the size that resize_param says, stretched, padded, or by its small side."""
    height, width = picture.shape[:2]
    if param.resize_mode != ResizeParameter.FIT_LARGE_SIZE_AND_PAD:
        high, wide = resized_shape(param, height, width)
        return _stretched(picture, high, wide, interpolation)
    aspect = np.float32(width) / np.float32(height)
    high, wide = param.height, param.width
    if aspect > np.float32(wide) / np.float32(high):
        high = max(1, math.floor(np.float32(wide) / aspect))
    else:
        wide = max(1, math.floor(aspect * np.float32(high)))
    fitted = _stretched(picture, high, wide, interpolation)
    top, left = (param.height - high) // 2, (param.width - wide) // 2
    margins = top, param.height - high - top, left, param.width - wide - left
    return padded(fitted, margins, param.pad_value, _BORDER[param.pad_mode])


def padded(
    picture: Pixels,
    margins: tuple[int, int, int, int],
    fill: Sequence[float],
    border: int = cv2.BORDER_CONSTANT,
) -> Pixels:
    """The picture with margins above, below, left and right; of one colour, this is `fill`, one
    value or one per channel, or 0."""
    channels = picture.shape[2:]
    colour = [float(value) for value in fill] or [0.0]
    colour = colour * channels[0] if channels and len(colour) == 1 else colour
    done = cv2.copyMakeBorder(np.ascontiguousarray(picture), *margins, border, value=colour)
    return done.reshape(*done.shape[:2], *channels)


def _stretched(picture: Pixels, height: int, width: int, interpolation: int) -> Pixels:
    stretched = cv2.resize(
        np.ascontiguousarray(picture), (width, height), interpolation=interpolation
    )
    return stretched.reshape(height, width, picture.shape[2])


def resize_faults(param: ResizeParameter) -> Iterator[Fault]:
    """Fields of resize_param that cannot work, or that nobody applies here."""
    if not (0 < param.height <= _LARGEST and 0 < param.width <= _LARGEST):
        what = f"needs a height and a width from 1 to {_LARGEST}"
        yield Fault(what, field="resize_param")
    if len(param.pad_value) not in (0, 1, 3):
        what = f"has {len(param.pad_value)} values of pad_value"
        yield Fault(what, "give one, or one for each channel", field="resize_param")
    for name in ("height_scale", "width_scale"):
        if getattr(param, name):
            yield Fault(f"{name} is not supported", "leave it out", field="resize_param")
    if param.prob != 1:
        yield Fault(
            "prob is not supported", "leave it out: every picture is resized", field="resize_param"
        )


def expansion_faults(param: ExpansionParameter) -> Iterator[Fault]:
    """Fields of expand_param that cannot work."""
    if not 1 <= param.max_expand_ratio <= _LARGEST:
        yield Fault("max_expand_ratio must be 1 or more", field="expand_param")
