"""Operators that move, join, cut and name numbers anew."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from catdog.export.from_torch.activation import as_it_is
from catdog.export.from_torch.blob import NetBlob, Refused
from catdog.export.from_torch.operator import Operator, Result


def _to_shape(op: Operator) -> Result:
    """view, flatten, squeeze and the like: the shape says all."""
    x = op.blob("self")
    if x.shape and op.shape and x.shape[0] != op.shape[0]:
        raise Refused(f"it mixes the examples of a batch: {list(x.shape)} to {list(op.shape)}")
    return op.reshape(x, op.shape)


def _permute(op: Operator) -> Result:
    x = op.blob("self")
    order = op.sizes("dims", len(x.shape))
    return _in_order(op, x, [axis % len(x.shape) for axis in order])


def _transpose(op: Operator) -> Result:
    x = op.blob("self")
    order = list(range(len(x.shape)))
    first, second = (0, 1) if op.kind == "t" else (op.axis(n, len(order)) for n in ("dim0", "dim1"))
    order[first], order[second] = order[second], order[first]
    return _in_order(op, x, order)


def _in_order(op: Operator, x: NetBlob, order: list[int]) -> NetBlob:
    if order == sorted(order):
        return x
    if order[0] != 0:
        raise Refused("it moves the axis of the examples")
    # where only axes of 1 move, the numbers stay
    large = [axis for axis in order if x.shape[axis] != 1]
    if large == sorted(large):
        return op.reshape(x, op.shape)
    return op.add("Permute", x, permute_param={"order": order})


def _channel_shuffle(op: Operator) -> Result:
    param = {"group": int(op.number("groups"))}
    return op.add("ShuffleChannel", op.blob("self"), shuffle_channel_param=param)


def _cat(op: Operator) -> Result:
    # torch skips the empty vectors with which loops begin
    parts = [each for each in op.blobs("tensors") if each.shape != (0,)]
    return _joined(op, parts, op.axis("dim", len(op.shape)))


def _stack(op: Operator) -> Result:
    axis = op.axis("dim", len(op.shape))
    part = (*op.shape[:axis], 1, *op.shape[axis + 1 :])
    parts = [op.reshape(each, part, f"part_{i}") for i, each in enumerate(op.blobs("tensors"))]
    return _joined(op, parts, axis)


def _joined(op: Operator, parts: Sequence[NetBlob], axis: int) -> NetBlob:
    if axis == 0:
        raise Refused("it joins along the axis of the examples")
    if len(parts) == 1:
        return parts[0]
    return op.add("Concat", parts, concat_param={"axis": axis} if axis != 1 else {})


def _split(op: Operator) -> Result:
    x = op.blob("self")
    axis = op.axis("dim", len(x.shape))
    return _cut(op, x, axis, [shape[axis] for shape in op.shapes])


def _cut(op: Operator, x: NetBlob, axis: int, sizes: Sequence[int]) -> tuple[NetBlob, ...]:
    """The parts of a blob, of these sizes along an axis; those that nobody reads fall silent."""
    if len(sizes) == 1:
        return (x,)
    tops = _sliced(op, x, axis, sizes, "")
    op.silence(tops)
    return tops


def _sliced(
    op: Operator, x: NetBlob, axis: int, sizes: Sequence[int], part: str
) -> tuple[NetBlob, ...]:
    if axis == 0:
        raise Refused("it cuts along the axis of the examples")
    points = [sum(sizes[:i]) for i in range(1, len(sizes))]
    param = {"axis": axis, "slice_point": points}
    shapes = [(*x.shape[:axis], size, *x.shape[axis + 1 :]) for size in sizes]
    name = f"{op.layer}_{part}" if part else op.layer
    return op.builder.add("Slice", name, [x], shapes, {"slice_param": param})


def _unbind(op: Operator) -> Result:
    x = op.blob("self")
    axis = op.axis("dim", len(x.shape))
    sizes = [1] * x.shape[axis]
    tops = _sliced(op, x, axis, sizes, "parts") if len(sizes) > 1 else (x,)
    op.silence(tops)
    return tuple(
        op.reshape(top, op.shapes[0], f"part_{i}") if read else top
        for i, (top, read) in enumerate(zip(tops, op.read, strict=True))
    )


def _select(op: Operator) -> Result:
    x = op.blob("self")
    axis = op.axis("dim", len(x.shape))
    index = int(op.number("index")) % x.shape[axis]
    return op.reshape(_range(op, x, axis, index, index + 1, "part"), op.shape)


def _range(op: Operator, x: NetBlob, axis: int, start: int, end: int, part: str = "") -> NetBlob:
    """From start to end along an axis."""
    ends = [0, start, end, x.shape[axis]]
    parts = [(low, high) for low, high in pairwise(ends) if high > low]
    if len(parts) == 1:
        return x
    cut = f"{part}_cut" if part else "cut"
    tops = _sliced(op, x, axis, [high - low for low, high in parts], cut)
    wanted = parts.index((start, end))
    left = [top for index, top in enumerate(tops) if index != wanted]
    op.builder.add("Silence", f"{op.layer}_silence", left, [])
    return tops[wanted]


def _slice(op: Operator) -> Result:
    x = op.blob("self")
    axis, step = op.axis("dim", len(x.shape)), int(op.number("step"))
    size = x.shape[axis]
    start, end, _ = slice(_end(op, "start"), _end(op, "end"), None).indices(size)
    if not op.shape[axis]:
        raise Refused("nothing is left by it")
    if step == 1:
        return _range(op, x, axis, start, end)
    if len(x.shape) != 4 or axis < 2:
        raise Refused("it takes every other one along an axis that is not height or width")
    x = _range(op, x, axis, start, end)
    along = ("h", "w")[axis - 2], ("w", "h")[axis - 2]
    # the largest of a single number
    param = {"kernel_size": 1, f"stride_{along[0]}": step, f"stride_{along[1]}": 1}
    return op.add("Pooling", x, pooling_param={**param, "round_mode": "FLOOR"})


def _end(op: Operator, name: str) -> int | None:
    value = op.arguments[name]
    return None if value is None else int(op.number(name))


def _narrow(op: Operator) -> Result:
    x = op.blob("self")
    axis = op.axis("dim", len(x.shape))
    start = int(op.number("start")) % x.shape[axis]
    return _range(op, x, axis, start, start + int(op.number("length")))


def _expand(op: Operator) -> Result:
    x = op.blob("self")
    examples = x.shape[:1] if len(x.shape) == len(op.shape) else (1,)
    if op.shape[:1] != examples:
        raise Refused("it makes more examples")
    return op.tiled(x)


def _pad(op: Operator) -> Result:
    """Zeros around a picture, which a convolution may take upon itself."""
    x, given = op.arguments["self"], op.arguments["pad"]
    if op.arguments.get("mode", "constant") != "constant" or op.arguments.get("value"):
        raise Refused("it pads with other numbers than 0")
    if not isinstance(given, Sequence) or not isinstance(x, NetBlob):
        raise Refused("it pads known numbers")
    axes = len(x.shape) - 2
    pads = [*given, *[0] * (2 * len(x.shape) - len(given))]
    if axes < 1 or any(pads[2 * axes :]) or min(pads) < 0:
        raise Refused("it pads or cuts other axes than those of pictures")
    own = [(pads[2 * i], pads[2 * i + 1]) for i in reversed(range(axes))]
    before = x.margins or ((0, 0),) * axes
    margins = tuple((a + c, b + d) for (a, b), (c, d) in zip(before, own, strict=True))
    if not any(map(any, margins)):
        return x
    return NetBlob(x.name, x.shape, x.alone, margins)


_SHAPED = (
    "view",
    "reshape",
    "flatten",
    "unflatten",
    "squeeze",
    "unsqueeze",
    "_unsafe_view",
    "view_copy",
)
_SPLIT = ("split", "split_with_sizes", "chunk", "tensor_split", "unsafe_chunk", "unsafe_split")

TABLE: dict[str, Callable[[Operator], Result]] = {
    **dict.fromkeys(_SHAPED, _to_shape),
    **dict.fromkeys(_SPLIT, _split),
    "permute": _permute,
    "transpose": _transpose,
    "t": _transpose,
    "channel_shuffle": _channel_shuffle,
    "cat": _cat,
    "stack": _stack,
    "unbind": _unbind,
    "select": _select,
    "slice": _slice,
    "narrow": _narrow,
    "expand": _expand,
    "repeat": _expand,
    "constant_pad_nd": _pad,
    "pad": _pad,
    "identity": as_it_is,
}
