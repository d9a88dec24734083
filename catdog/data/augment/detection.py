"""What SSD's training does to a picture and its boxes: distort, expand, sample, resize."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from catdog.data.augment.canvas import (
    Expansion,
    crop,
    draw_expansion,
    draw_interpolation,
    expand,
    expansion_faults,
    resize,
    resize_faults,
    resized_shape,
)
from catdog.data.augment.distortion import Distortion, distort, distortion_faults, draw_distortion
from catdog.data.augment.objects import CORNERS, Rows, Window, follow_resize, project
from catdog.data.augment.samplers import draw_window, sampler_faults
from catdog.errors import DataError, Fault
from catdog.proto.caffe_pb2 import EmitConstraint, LayerParameter

Pixels = npt.NDArray[Any]
_COLOURS = 3


class Drawn(NamedTuple):
    """What was drawn for a picture; None for what is not done."""

    distortion: Distortion | None = None
    expansion: Expansion | None = None
    window: Window | None = None
    interpolation: int = 0


class BoxRecipe:
    """The steps between the store and the crop, in the fork's order, in every phase."""

    def __init__(self, layer: LayerParameter) -> None:
        self.param = layer.transform_param
        self.samplers = list(layer.annotated_data_param.batch_sampler)

    def faults(self) -> Iterator[Fault]:
        """What cannot work."""
        yield from sampler_faults(self.samplers)
        if self.param.HasField("distort_param"):
            yield from distortion_faults(self.param.distort_param)
        if self.param.HasField("expand_param"):
            yield from expansion_faults(self.param.expand_param)
            if self.param.HasField("mean_file"):
                what = "expand_param fills with mean_value, and there is a mean_file"
                yield Fault(what, "give mean_value instead", field="expand_param")
        if self.param.HasField("resize_param"):
            yield from resize_faults(self.param.resize_param)

    @property
    def constraint(self) -> EmitConstraint | None:
        """Which boxes stay where a picture is cut."""
        has = self.param.HasField("emit_constraint")
        return self.param.emit_constraint if has else None

    def shape(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of a picture of this size after all, where no window is drawn."""
        if not self.param.HasField("resize_param"):
            return height, width
        return resized_shape(self.param.resize_param, height, width)

    def draw(self, size: tuple[int, int], rows: Rows, rng: np.random.Generator) -> Drawn:
        """Draw for a picture of height x width `size` with these objects."""
        param, height, width = self.param, *size
        distorts, expands = param.HasField("distort_param"), param.HasField("expand_param")
        distortion = draw_distortion(param.distort_param, rng) if distorts else None
        expansion = draw_expansion(param.expand_param, height, width, rng) if expands else None
        if expansion:
            rows = project(rows, expansion.window(height, width), self.constraint)
        window = draw_window(self.samplers, rows[:, CORNERS], rng)
        return Drawn(distortion, expansion, window, draw_interpolation(param.resize_param, rng))

    def apply(self, picture: Pixels, rows: Rows, drawn: Drawn) -> tuple[Pixels, Rows]:
        """The changed picture (height x width x channels) and its objects.

        Raises DataError for a picture that is not of bytes in colour, where colours are distorted.
        """
        if drawn.distortion is not None:
            _check_colours(picture)
            picture = distort(np.ascontiguousarray(picture), drawn.distortion)
        if drawn.expansion is not None:
            rows = project(rows, drawn.expansion.window(*picture.shape[:2]), self.constraint)
            picture = expand(picture, drawn.expansion, self.param.mean_value)
        if drawn.window is not None:
            rows = project(rows, drawn.window, self.constraint)
            picture = crop(picture, drawn.window)
        if self.param.HasField("resize_param"):
            height, width = picture.shape[:2]
            rows = follow_resize(rows, (height, width), self.param.resize_param)
            picture = resize(picture, self.param.resize_param, drawn.interpolation)
        return picture, rows


def _check_colours(picture: Pixels) -> None:
    if picture.dtype != np.uint8 or picture.shape[2] != _COLOURS:
        raise DataError(
            f"distort_param changes bytes of {_COLOURS} channels, this picture has "
            f"{picture.shape[2]} of {picture.dtype}",
            remedy="set force_color where the pictures are encoded, or leave distort_param out",
        )
