"""SSD's distort_param: changes of colours, drawn first, applied by OpenCV (im_transforms.cpp).

Pictures are height x width x 3 (BGR), uint8. Hue and saturation are those of OpenCV's eight-bit
HSV, whose hue has 180 steps.
"""

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from catdog.errors import Fault
from catdog.proto.caffe_pb2 import DistortionParameter

Pixels = NDArray[np.uint8]
#: Below this a contrast is none, as in the fork.
_NO_CONTRAST = 1e-3


class Distortion(NamedTuple):
    """What was drawn: a summand of brightness and of hue, factors of the others, the order of the
    channels; with `late_contrast` the contrast comes last.
    """

    brightness: float = 0.0
    contrast: float = 1.0
    saturation: float = 1.0
    hue: float = 0.0
    channels: tuple[int, ...] = (0, 1, 2)
    late_contrast: bool = False


def draw_distortion(param: DistortionParameter, rng: np.random.Generator) -> Distortion:
    """Draw each change by its probability."""
    late = not rng.random() > 0.5
    brightness, contrast, saturation, hue, order = rng.random(5)
    channels = rng.permutation(3) if order < param.random_order_prob else range(3)
    return Distortion(
        _within(param.brightness_delta, rng) if brightness < param.brightness_prob else 0.0,
        float(rng.uniform(param.contrast_lower, param.contrast_upper))
        if contrast < param.contrast_prob
        else 1.0,
        float(rng.uniform(param.saturation_lower, param.saturation_upper))
        if saturation < param.saturation_prob
        else 1.0,
        _within(param.hue_delta, rng) if hue < param.hue_prob else 0.0,
        tuple(map(int, channels)),
        late,
    )


def _within(most: float, rng: np.random.Generator) -> float:
    return float(rng.uniform(-most, most))


def distort(picture: Pixels, drawn: Distortion) -> Pixels:
    """A new picture with what was drawn; values are rounded and cut to 0..255 after each step."""
    picture = _scaled(picture, 1, drawn.brightness)
    contrast = drawn.contrast if abs(drawn.contrast - 1) > _NO_CONTRAST else 1
    if not drawn.late_contrast:
        picture = _scaled(picture, contrast, 0)
    picture = _in_hsv(picture, 1, drawn.saturation, 0)
    picture = _in_hsv(picture, 0, 1, drawn.hue)
    if drawn.late_contrast:
        picture = _scaled(picture, contrast, 0)
    ordered = drawn.channels == (0, 1, 2)
    return picture if ordered else np.ascontiguousarray(picture[..., list(drawn.channels)])


def _scaled(values: Pixels, factor: float, summand: float) -> Pixels:
    """OpenCV's convertTo: factor * x + summand, rounded half to even, cut to 0..255."""
    if factor == 1 and summand == 0:
        return values
    line = np.arange(256, dtype=np.float32) * np.float32(factor) + np.float32(summand)
    table = np.clip(np.rint(line), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(values, table), np.uint8)


def _in_hsv(picture: Pixels, channel: int, factor: float, summand: float) -> Pixels:
    if factor == 1 and summand == 0:
        # the way there and back would round
        return picture
    hsv = cv2.cvtColor(picture, cv2.COLOR_BGR2HSV)
    hsv[..., channel] = _scaled(np.ascontiguousarray(hsv[..., channel]), factor, summand)
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR), np.uint8)


def distortion_faults(param: DistortionParameter) -> Iterator[Fault]:
    """Ranges that are none."""
    for name in ("brightness_delta", "hue_delta"):
        if not 0 <= getattr(param, name) < np.inf:
            yield Fault(f"{name} must be 0 or more", field="distort_param")
    for name in ("contrast", "saturation"):
        lower, upper = getattr(param, f"{name}_lower"), getattr(param, f"{name}_upper")
        if not 0 <= lower <= upper < np.inf:
            what = f"has {name}_lower {lower:g} and {name}_upper {upper:g}"
            yield Fault(what, "give 0 <= lower <= upper", field="distort_param")
