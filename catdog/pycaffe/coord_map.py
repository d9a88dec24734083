"""caffe.coord_map: where the pixels of one blob lie in another, to crop one to the other.

A map is (axis, a, b): from `axis` on, coordinate x of the one is a * x + b of the other; the axis
is None where all maps are the identity.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from catdog.errors import CatdogError
from catdog.pycaffe.net_spec import Function, Top, layers

Map = tuple[int | None, Any, Any]

IDENTITY: Map = (None, 1, 0)

#: Layers of which every pixel comes from the one at the same place.
PASS_THROUGH_LAYERS = (
    *("AbsVal", "BatchNorm", "Bias", "BNLL", "Clip", "Dropout", "Eltwise", "ELU", "Exp", "Log"),
    *("LRN", "MVN", "Power", "PReLU", "ReLU", "Scale", "Sigmoid", "Split", "Swish", "TanH"),
    *("Threshold", "ReLU6", "BN", "ShuffleChannel"),
)
DEPTHWISE = ("DepthwiseConvolution", "ConvolutionDepthwise")
_SEPARATE = {f"{field}_{side}" for field in ("pad", "kernel", "stride") for side in "hw"}


class UndefinedMapException(CatdogError):
    """A layer type that moves pixels in no way that is known."""


class AxisMismatchException(CatdogError):
    """Two maps of different axes."""


class CropError(CatdogError, AssertionError):
    """A crop that cannot be made of one blob to another."""


def conv_params(fn: Function) -> tuple[int, Any, Any, Any]:
    """Axis, stride, extent of the kernel with its dilation, and pad of a layer."""
    field = "pooling_param" if fn.type_name == "Pooling" else "convolution_param"
    params = fn.params.get(field, fn.params)
    if _SEPARATE & {*fn.params, *params}:
        raise CropError("cropping knows no _h and _w fields", remedy="write lists: [h, w]")
    kernel = np.array(params["kernel_size"], ndmin=1)
    dilation = np.array(params.get("dilation", 1), ndmin=1)
    return (
        params.get("axis", 1),
        np.array(params.get("stride", 1), ndmin=1),
        (kernel - 1) * dilation + 1,
        np.array(params.get("pad", 0), ndmin=1),
    )


def crop_params(fn: Function) -> tuple[int, Any]:
    """Axis and offset of a Crop layer."""
    params = fn.params.get("crop_param", fn.params)
    return params.get("axis", 2), np.array(params.get("offset", 0), ndmin=1)


def coord_map(fn: Function) -> Map:
    """The map from a layer's top to its bottoms; raises UndefinedMapException for no known one."""
    if fn.type_name in ("Convolution", "Pooling", "Im2col", *DEPTHWISE):
        axis, stride, kernel, pad = conv_params(fn)
        return axis, 1 / stride, (pad - (kernel - 1) / 2) / stride
    if fn.type_name == "Deconvolution":
        axis, stride, kernel, pad = conv_params(fn)
        return axis, stride, (kernel - 1) / 2 - pad
    if fn.type_name in PASS_THROUGH_LAYERS:
        return IDENTITY
    if fn.type_name == "Crop":
        axis, offset = crop_params(fn)
        # the axis of maps is the last that is no coordinate
        return axis - 1, 1, -offset
    raise UndefinedMapException(f"nothing is known of how {fn.type_name} moves pixels")


def compose(base_map: Map, next_map: Map) -> Map:
    """First one map, then the next."""
    (axis, a, b), (next_axis, next_a, next_b) = base_map, next_map
    if axis is not None and next_axis is not None and axis != next_axis:
        raise AxisMismatchException(f"maps of axis {axis} and of axis {next_axis} do not compose")
    return next_axis if axis is None else axis, a * next_a, a * next_b + b


def inverse(coord_map: Map) -> Map:
    """The way back."""
    axis, a, b = coord_map
    return axis, 1 / a, -b / a


def _ways_down(top: Top) -> Iterator[tuple[Top, Map]]:
    """A top itself and the blobs below it, each with the map to it."""
    open_tops: list[tuple[Top, Map]] = [(top, IDENTITY)]
    while open_tops:
        above, way = open_tops.pop()
        yield above, way
        # the second bottom of Crop only says how large
        bottoms = above.fn.inputs[:1] if above.fn.type_name == "Crop" else above.fn.inputs
        try:
            open_tops += [(bottom, compose(way, coord_map(above.fn))) for bottom in bottoms]
        except UndefinedMapException:
            continue


def coord_map_from_to(top_from: Top, top_to: Top) -> Map:
    """The map between two tops, over a blob that both come from.

    Raises RuntimeError where there is none.
    """
    start = dict(_ways_down(top_from))
    for top, way in _ways_down(top_to):
        if top in start:
            return compose(way, inverse(start[top]))
    raise RuntimeError("the tops are not connected by layers that map pixels")


def crop(top_from: Top, top_to: Top) -> Top:
    """A Crop layer that cuts `top_from` to what lies on `top_to`.

    Raises CropError for another scale, or an offset that is negative or no whole number.
    """
    axis, a, b = coord_map_from_to(top_from, top_to)
    a, b = np.asarray(a), np.asarray(b)
    if not (a == 1).all():
        raise CropError(f"the scales differ (a = {a})")
    if not (b <= 0).all():
        raise CropError(f"the offset is negative (b = {b})")
    if not (np.round(b) == b).all():
        raise CropError(f"the offset is no whole number (b = {b})")
    offsets = [int(-value) for value in np.atleast_1d(b)]
    # from the last axis that is no coordinate to the first that is
    first = 2 if axis is None else axis + 1
    cropped: Top = layers.Crop(top_from, top_to, crop_param={"axis": first, "offset": offsets})
    return cropped
