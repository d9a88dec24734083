"""Operators of two tensors: sums, products, and the shapes that they are brought to."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from torch import Tensor

from catdog.export.from_torch.blob import NetBlob, Refused
from catdog.export.from_torch.operator import Operator, Result
from catdog.spec.shape import Shape


def _add(op: Operator) -> Result:
    return _sum(op, op.number("alpha") if "alpha" in op.arguments else 1)


def _sub(op: Operator) -> Result:
    return _sum(op, -op.number("alpha") if "alpha" in op.arguments else -1)


def _rsub(op: Operator) -> Result:
    """other - alpha * self."""
    turned = {**op.arguments, "self": op.arguments["other"], "other": op.arguments["self"]}
    return _sub(_with(op, turned))


def _with(op: Operator, arguments: dict[str, object]) -> Operator:
    return Operator(op.kind, op.layer, arguments, op.shapes, op.read, op.builder)


def _sum(op: Operator, factor: float) -> Result:
    """self + factor * other."""
    first, second = op.arguments["self"], op.arguments["other"]
    if not isinstance(second, NetBlob | Tensor) or _is_number(second):
        return op.power(op.blob("self"), shift=factor * op.number("other"))
    if isinstance(second, Tensor):
        return _with_term(op, op.blob("self"), factor * second)
    if not isinstance(first, NetBlob):
        if _is_number(first):
            return op.power(op.blob("other"), scale=factor, shift=op.number("self"))
        x = op.blob("other")
        x = x if factor == 1 else op.power(x, "factor", scale=factor)
        return _with_term(op, x, op.known("self"))
    sides = [op.blob("self"), op.blob("other")]
    if spread := _spread(sides, op.shape):
        if factor != 1:
            sides[1] = op.power(sides[1], "factor", scale=factor)
        term = op.reshape(sides[spread.side], spread.shape, "term")
        return op.add("Bias", [sides[1 - spread.side], term], bias_param={"axis": spread.axis})
    both = [op.tiled(each, f"tiled_{i}") for i, each in enumerate(sides)]
    param = {} if factor == 1 else {"operation": "SUM", "coeff": [1, factor]}
    return op.add("Eltwise", both, eltwise_param=param)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) or (isinstance(value, Tensor) and value.numel() == 1)


def _with_term(op: Operator, x: NetBlob, term: Tensor) -> NetBlob:
    x = op.tiled(x, "tiled")
    axis, term = _along(op, term)
    param = {"axis": axis, "num_axes": term.dim()}
    return op.add("Bias", x, in_place=True, blobs=[term], bias_param=param)


def _with_factor(op: Operator, x: NetBlob, factor: Tensor) -> NetBlob:
    x = op.tiled(x, "tiled")
    axis, factor = _along(op, factor)
    param = {"axis": axis, "num_axes": factor.dim()}
    return op.add("Scale", x, in_place=True, blobs=[factor], scale_param=param)


def _along(op: Operator, numbers: Tensor) -> tuple[int, Tensor]:
    """The axis from which on known numbers run, and these without axes of 1 around them."""
    axes = len(op.shape)
    numbers = numbers.reshape((1,) * (axes - numbers.dim()) + tuple(numbers.shape))
    if numbers.shape[0] != 1:
        raise Refused("it has a number of its own for every example of a batch")
    axis, shape = _span(tuple(numbers.shape), op.shape) or (1, op.shape[1:])
    return axis, numbers[0].expand(op.shape[1:])[
        tuple(slice(None) if axis <= at < axis + len(shape) else 0 for at in range(1, axes))
    ]


def _span(shape: Shape, whole: Shape) -> tuple[int, Shape] | None:
    """Where the axes begin that a smaller shape shares with a larger one, and their sizes; none
    where axes of 1 lie between them."""
    shape = (1,) * (len(whole) - len(shape)) + shape
    alike = [axis for axis, size in enumerate(shape) if size != 1]
    if not alike:
        return None
    first, last = alike[0], alike[-1] + 1
    part = shape[first:last]
    return (first, part) if part == whole[first:last] else None


class _Spread(NamedTuple):
    """Which of two blobs is to be spread over the other one, from which axis on, and as what."""

    side: int
    axis: int
    shape: Shape


def _spread(sides: Sequence[NetBlob], shape: Shape) -> _Spread | None:
    """None where they have one shape, and where axes of 1 lie between those that are alike."""
    for side, each in enumerate(sides):
        if each.shape != shape and sides[1 - side].shape == shape:
            found = _with_batch(each.shape, shape)
            return _Spread(side, *found) if found else None
    return None


def _with_batch(shape: Shape, whole: Shape) -> tuple[int, Shape] | None:
    """As `_span`; with the axis of examples, which may be of one now, where it is the same."""
    if len(shape) == len(whole) and shape[0] == whole[0]:
        found = _span((2, *shape[1:]), (2, *whole[1:]))
        return (0, (whole[0], *found[1][1:])) if found else None
    return _span(shape, whole)


def _mul(op: Operator) -> Result:
    first, second = op.arguments["self"], op.arguments["other"]
    if not isinstance(first, NetBlob):
        first, second = second, first
        op = _with(op, {**op.arguments, "self": first, "other": second})
    if not isinstance(second, NetBlob):
        if _is_number(second):
            return op.power(op.blob("self"), scale=op.number("other"))
        return _with_factor(op, op.blob("self"), op.known("other"))
    return _product(op, op.blob("self"), op.blob("other"))


def _product(op: Operator, first: NetBlob, second: NetBlob) -> NetBlob:
    sides = [first, second]
    if spread := _spread(sides, op.shape):
        factor = op.reshape(sides[spread.side], spread.shape, "factor")
        return op.add("Scale", [sides[1 - spread.side], factor], scale_param={"axis": spread.axis})
    both = [op.tiled(each, f"tiled_{i}") for i, each in enumerate(sides)]
    return op.add("Eltwise", both, eltwise_param={"operation": "PROD"})


def _div(op: Operator) -> Result:
    if op.arguments.get("rounding_mode"):
        raise Refused("it rounds")
    first, second = op.arguments["self"], op.arguments["other"]
    if isinstance(second, int | float | Tensor):
        inverse = 1 / op.number("other") if _is_number(second) else 1 / op.known("other")
        return _mul(_with(op, {**op.arguments, "other": inverse}))
    below = op.power(op.blob("other"), "inverse", power=-1)
    if isinstance(first, NetBlob):
        return _product(op, op.blob("self"), below)
    return _mul(_with(op, {**op.arguments, "self": below, "other": first}))


def maximum(op: Operator) -> Result:
    """The larger of two tensors."""
    both = [op.tiled(op.blob(name), f"tiled_{name}") for name in ("self", "other")]
    return op.add("Eltwise", both, eltwise_param={"operation": "MAX"})


def minimum(op: Operator) -> Result:
    """-max(-a, -b)."""
    minus = {"scale": -1}
    both = [
        op.add("Power", op.tiled(op.blob(name), f"tiled_{name}"), part=name, power_param=minus)
        for name in ("self", "other")
    ]
    top = op.add("Eltwise", both, part="largest", eltwise_param={"operation": "MAX"})
    return op.power(top, scale=-1)


TABLE: dict[str, Callable[[Operator], Result]] = {
    "add": _add,
    "sub": _sub,
    "rsub": _rsub,
    "mul": _mul,
    "div": _div,
    "maximum": maximum,
    "minimum": minimum,
}
