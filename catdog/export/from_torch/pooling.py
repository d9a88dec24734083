"""Operators that pool, reduce and resize pictures."""

from collections.abc import Callable, Sequence
from math import prod

import torch
import torch.nn.functional as F
from torch import Tensor

from catdog.export.from_torch.arithmetic import maximum, minimum
from catdog.export.from_torch.blob import NetBlob, Refused
from catdog.export.from_torch.operator import Converter, Operator, Result
from catdog.layers.frame import Frame, Pair, average_pool
from catdog.spec.shape import Shape


def _max_pool(op: Operator) -> Result:
    if set(op.sizes("dilation", 2)) != {1}:
        raise Refused("it has a dilation")
    x, frame = _framed(op)
    return op.add("Pooling", x, pooling_param={"pool": "MAX", **_window(frame)})


def _average_pool(op: Operator) -> Result:
    x, frame = _framed(op)
    divisor = (
        None if op.arguments["divisor_override"] is None else int(op.number("divisor_override"))
    )
    ones = torch.ones(1, 1, *_size(x.shape), dtype=torch.float64)
    flags = bool(op.arguments["ceil_mode"]), bool(op.arguments["count_include_pad"])
    theirs = F.avg_pool2d(ones, *frame[:3], *flags, divisor)
    shares = (theirs / average_pool(ones, frame))[0, 0]
    param = {"pool": "AVE", **_window(frame)}
    if bool((shares == 1).all()):
        return op.add("Pooling", x, pooling_param=param)
    # another divisor: Caffe's is the area of the window in the padded picture
    top = op.add("Pooling", x, part="pool", pooling_param=param)
    if bool((shares == shares[0, 0]).all()):
        return op.power(top, scale=float(shares[0, 0]))
    by = {"axis": 2, "num_axes": 2}
    return op.add("Scale", top, in_place=True, blobs=[shares], scale_param=by)


def _framed(op: Operator) -> tuple[NetBlob, Frame]:
    """The bottom, and the windows over it. Raises Refused where Caffe cannot have the same ones."""
    x = _picture(op)
    kernel = _pair(op, "kernel_size")
    stride = _pair(op, "stride") if op.arguments["stride"] else kernel
    size, wanted = _size(x.shape), _size(op.shape)
    for rounds_up in (True, False):
        frame = Frame(kernel, stride, _pair(op, "padding"), rounds_up)
        if frame.outputs(size) == wanted:
            return x, frame
    raise Refused(f"Caffe has no windows that make {list(wanted)} of {list(size)}")


def _picture(op: Operator) -> NetBlob:
    x = op.blob("self")
    if len(x.shape) != 4:
        raise Refused("its input is no picture with four axes")
    return x


def _pair(op: Operator, name: str) -> Pair:
    first, second = op.sizes(name, 2)
    return first, second


def _size(shape: Shape) -> Pair:
    return shape[-2], shape[-1]


def _window(frame: Frame) -> dict[str, object]:
    """The fields of a pooling_param; how sizes are rounded only where Caffe's way is not meant."""
    fields: dict[str, object] = {}
    for field, pair, usual in (
        ("kernel_size", frame.kernel, 0),
        ("stride", frame.stride, 1),
        ("pad", frame.pad, 0),
    ):
        stem = field.removesuffix("_size")
        if pair[0] != pair[1]:
            fields |= {f"{stem}_h": pair[0], f"{stem}_w": pair[1]}
        elif pair[0] != usual:
            fields[field] = pair[0]
    return fields if frame.rounds_up else {**fields, "round_mode": "FLOOR"}


def _adaptive(method: str) -> Converter:
    def convert(op: Operator) -> Result:
        x = _picture(op)
        size, wanted = _size(x.shape), _size(op.shape)
        if wanted == (1, 1):
            return _pooled(op, x, method, op.shape)
        if size == wanted:
            return x
        if any(have % want for have, want in zip(size, wanted, strict=True)):
            raise Refused(f"windows for {list(wanted)} of {list(size)} would not be alike")
        step = size[0] // wanted[0], size[1] // wanted[1]
        param = {"pool": method, **_window(Frame(step, step))}
        return op.add("Pooling", x, pooling_param=param)

    return convert


def _pooled(op: Operator, x: NetBlob, method: str, shape: Shape, part: str = "") -> NetBlob:
    param = {"pool": method, "global_pooling": True}
    return op.add("Pooling", x, shape, part=part, pooling_param=param)


def _reduced(operation: str) -> Converter:
    """A mean or a sum over pictures, or over the last axes."""

    def convert(op: Operator) -> Result:
        x = op.blob("self")
        axes = _axes(op, len(x.shape))
        if len(x.shape) == 4 and axes == (2, 3):
            return _over_pictures(op, x, operation)
        if axes == (1,) and len(x.shape) == 4:
            return _over_channels(op, x, 1 / x.shape[1] if operation == "MEAN" else 1)
        return _over_last(op, x, axes, operation)

    return convert


def _axes(op: Operator, count: int) -> tuple[int, ...]:
    given = op.arguments.get("dim")
    if given is None or given == []:
        return tuple(range(count))
    axes: Sequence[int] = given if isinstance(given, Sequence) else [given]  # type: ignore[list-item]
    return tuple(sorted(axis % count for axis in axes))


def _over_pictures(op: Operator, x: NetBlob, operation: str) -> NetBlob:
    pooled, numbers = (*x.shape[:2], 1, 1), prod(x.shape[2:])
    parts = ["pool", *(["sum"] if operation == "SUM" else []), ""]
    flat = op.shape != pooled
    top = _pooled(op, x, "AVE", pooled, parts[0] if flat or operation == "SUM" else "")
    if operation == "SUM":
        top = op.power(top, "sum" if flat else "", scale=numbers)
    return op.reshape(top, op.shape)


def _over_channels(op: Operator, x: NetBlob, factor: float) -> NetBlob:
    """By a convolution with one output."""
    weight = torch.full((1, x.shape[1], 1, 1), factor)
    shape = (x.shape[0], 1, *x.shape[2:])
    param = {"num_output": 1, "kernel_size": [1], "bias_term": False}
    part = "sum" if op.shape != shape else ""
    top = op.add("Convolution", x, shape, part=part, blobs=[weight], convolution_param=param)
    return op.reshape(top, op.shape)


def _over_last(op: Operator, x: NetBlob, axes: tuple[int, ...], operation: str) -> NetBlob:
    first = len(x.shape) - len(axes)
    if axes != tuple(range(first, len(x.shape))) or not first:
        raise Refused(f"it goes over axes {list(axes)} of {len(x.shape)}, not over the last ones")
    param = {"operation": operation, "axis": first}
    shape = x.shape[:first]
    part = "reduced" if op.shape != shape else ""
    top = op.add("Reduction", x, shape, part=part, reduction_param=param)
    return op.reshape(top, op.shape)


def _largest(op: Operator) -> Result:
    """The largest along an axis, which ArgMax gives."""
    if "other" in op.arguments:
        return maximum(op)
    x = op.blob("self")
    axes = _axes(op, len(x.shape))
    if len(x.shape) == 4 and axes == (2, 3):
        pooled = (*x.shape[:2], 1, 1)
        top = _pooled(op, x, "MAX", pooled, "pool" if op.shape != pooled else "")
        return op.reshape(top, op.shape)
    if True in op.read[1:]:
        raise Refused("somebody reads where the largest are")
    if len(axes) != 1 or not axes[0]:
        raise Refused("it goes over several axes, or over that of the examples")
    shape = (*x.shape[: axes[0]], 1, *x.shape[axes[0] + 1 :])
    param = {"out_max_val": True, "axis": axes[0]}
    part = "largest" if op.shape != shape else ""
    return op.reshape(op.add("ArgMax", x, shape, part=part, argmax_param=param), op.shape)


def _smallest(op: Operator) -> Result:
    if "other" not in op.arguments:
        raise Refused("Caffe has no layer for it")
    return minimum(op)


def _nearest(op: Operator) -> Result:
    x = op.blob("self" if "self" in op.arguments else "input")
    scale = _scale_of(op, x)
    if scale == (1, 1):
        return x
    if scale[0] == scale[1]:
        return op.add("Upsample", x, upsample_param={"scale": scale[0]})
    channels = x.shape[1]
    param = {
        "num_output": channels,
        "group": channels,
        "bias_term": False,
        "kernel_h": scale[0],
        "kernel_w": scale[1],
        "stride_h": scale[0],
        "stride_w": scale[1],
    }
    ones = torch.ones(channels, 1, *scale)
    return op.add("Deconvolution", x, blobs=[ones], convolution_param=param)


def _scale_of(op: Operator, x: NetBlob) -> Pair:
    size, wanted = _size(x.shape), _size(op.shape)
    if len(x.shape) != 4 or any(b % a for a, b in zip(size, wanted, strict=True)):
        raise Refused(f"{list(wanted)} is no multiple of {list(size)}")
    return wanted[0] // size[0], wanted[1] // size[1]


def _bilinear(op: Operator) -> Result:
    x = op.blob("self" if "self" in op.arguments else "input")
    if _size(x.shape) == _size(op.shape):
        return x
    if not op.arguments["align_corners"]:
        raise Refused("only align_corners=True is what Interp does")
    height, width = _size(op.shape)
    return op.add("Interp", x, interp_param={"height": height, "width": width})


def _pixel_shuffle(op: Operator) -> Result:
    """By a deconvolution of each channel, every kernel of which has a single one."""
    x, factor = _picture(op), int(op.number("upscale_factor"))
    return _moved(op, x, op.shape[1], factor, "Deconvolution", op.shape[1])


def _pixel_unshuffle(op: Operator) -> Result:
    x, factor = _picture(op), int(op.number("downscale_factor"))
    return _moved(op, x, x.shape[1], factor, "Convolution", op.shape[1])


def _moved(op: Operator, x: NetBlob, groups: int, factor: int, kind: str, outputs: int) -> NetBlob:
    kernel: Tensor = torch.eye(factor**2).reshape(factor**2, 1, factor, factor)
    param = {
        "num_output": outputs,
        "group": groups,
        "bias_term": False,
        "kernel_size": [factor],
        "stride": [factor],
    }
    return op.add(kind, x, blobs=[kernel.repeat(groups, 1, 1, 1)], convolution_param=param)


def _local_response_norm(op: Operator) -> Result:
    size = int(op.number("size"))
    if size % 2 == 0:
        raise Refused("it goes over an even number of channels")
    param = {"local_size": size, "alpha": op.number("alpha"), "beta": op.number("beta")}
    return op.add("LRN", op.blob("input"), lrn_param={**param, "k": op.number("k")})


TABLE: dict[str, Callable[[Operator], Result]] = {
    "max_pool2d": _max_pool,
    "max_pool2d_with_indices": _max_pool,
    "avg_pool2d": _average_pool,
    "adaptive_avg_pool2d": _adaptive("AVE"),
    "_adaptive_avg_pool2d": _adaptive("AVE"),
    "adaptive_max_pool2d": _adaptive("MAX"),
    "mean": _reduced("MEAN"),
    "sum": _reduced("SUM"),
    "amax": _largest,
    "max": _largest,
    "min": _smallest,
    "upsample_nearest2d": _nearest,
    "upsample_bilinear2d": _bilinear,
    "pixel_shuffle": _pixel_shuffle,
    "pixel_unshuffle": _pixel_unshuffle,
    "local_response_norm": _local_response_norm,
}
