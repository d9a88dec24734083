"""Axes as Caffe counts them: -1 is the last one (caffe/blob.hpp, CanonicalAxisIndex)."""

from math import prod
from typing import NamedTuple

from catdog.layers.base import Layer
from catdog.spec.shape import Shape


class Extents(NamedTuple):
    """A shape around one axis: the product before it, its own size, the product after it."""

    outer: int
    size: int
    inner: int


def canonical_axis(layer: Layer, axis: int, shape: Shape, field: str) -> int:
    """The axis counted from 0; `field` names where it was given.

    Raises LayerError where the shape has no such axis.
    """
    axes = len(shape)
    if not -axes <= axis < axes:
        raise layer.error(
            f"has no axis {axis}: its bottom has {axes} axes {list(shape)}",
            field=field,
            remedy=f"give {field} from {-axes} to {axes - 1}" if axes else "",
        )
    return axis % axes


def extents(shape: Shape, axis: int) -> Extents:
    """Sizes before, on and after an axis that is counted from 0."""
    return Extents(prod(shape[:axis]), shape[axis], prod(shape[axis + 1 :]))


def same_but_one(layer: Layer, shapes: tuple[Shape, ...], axis: int | None = None) -> None:
    """Raise LayerError unless all bottoms have one shape, where `axis` may differ."""
    for index, shape in enumerate(shapes[1:], start=1):
        if _without(shape, axis) != _without(shapes[0], axis):
            except_axis = "" if axis is None else f" but for axis {axis}"
            raise layer.error(
                f"needs bottoms of one shape{except_axis}, but bottom 0 is {list(shapes[0])} and "
                f"bottom {index} is {list(shape)}",
                field="bottom",
                remedy="change the layers that make them",
            )


def _without(shape: Shape, axis: int | None) -> tuple[int, Shape]:
    rest = shape if axis is None else shape[:axis] + shape[axis + 1 :]
    return len(shape), rest
