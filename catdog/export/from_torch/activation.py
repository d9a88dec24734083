"""Operators of a number each: activations, roots, powers, and those that leave all as it is."""

from collections.abc import Callable
from math import inf

import torch

from catdog.export.from_torch.blob import NetBlob, Refused
from catdog.export.from_torch.operator import Converter, Operator, Result

_LARGEST = torch.finfo(torch.float32).max


def _plain(kind: str, argument: str = "self") -> Converter:
    """A layer without parameters, which may write over its bottom."""

    def convert(op: Operator) -> Result:
        return op.add(kind, op.blob(argument), in_place=True)

    return convert


def _power(exponent: float, scale: float = 1) -> Converter:
    def convert(op: Operator) -> Result:
        return op.power(op.blob("self"), scale=scale, power=exponent)

    return convert


def _leaky(op: Operator) -> Result:
    param = {"negative_slope": op.number("negative_slope")}
    return op.add("ReLU", op.blob("self"), in_place=True, relu_param=param)


def _prelu(op: Operator) -> Result:
    x = op.blob("input" if "input" in op.arguments else "self")
    slope = op.known("weight")
    shared = slope.numel() == 1
    blob = slope.reshape(()) if shared else slope.flatten()
    param = {"channel_shared": True} if shared else {}
    return op.add("PReLU", x, in_place=True, blobs=[blob], prelu_param=param)


def _elu(op: Operator) -> Result:
    """scale * elu(alpha, x); torch multiplies the input of the exponential by input_scale."""
    scale, inside = op.number("scale"), op.number("input_scale")
    alpha, x = op.number("alpha"), op.blob("self")
    if inside <= 0:
        raise Refused("its input_scale is not positive")
    if scale == inside == 1:
        return op.add("ELU", x, in_place=True, elu_param={"alpha": alpha})
    x = x if inside == 1 else op.power(x, "inside", scale=inside)
    x = op.add("ELU", x, part="elu", in_place=True, elu_param={"alpha": alpha * inside})
    return op.power(x, scale=scale / inside)


def _selu(op: Operator) -> Result:
    """Klambauer and others 2017, with torch's constants."""
    alpha, scale = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946
    x = op.add("ELU", op.blob("self"), part="elu", in_place=True, elu_param={"alpha": alpha})
    return op.power(x, scale=scale)


def _log_sigmoid(op: Operator) -> Result:
    """-log(1 + exp(-x)), which has no logarithm of a rounded 0."""
    x = op.power(op.blob("self"), "minus", scale=-1)
    return op.power(op.add("BNLL", x, part="softplus", in_place=True), scale=-1)


def _celu(op: Operator) -> Result:
    alpha = op.number("alpha")
    x = op.power(op.blob("self"), "inside", scale=1 / alpha)
    return op.power(
        op.add("ELU", x, part="elu", in_place=True, elu_param={"alpha": 1}), scale=alpha
    )


def _silu(op: Operator) -> Result:
    """x * sigmoid(x): forks and accelerators know both layers, and not Swish."""
    x = op.blob("self")
    gate = op.add("Sigmoid", x, part="sigmoid")
    return op.add("Eltwise", [x, gate], eltwise_param={"operation": "PROD"})


def _mish(op: Operator) -> Result:
    x = op.blob("self")
    gate = op.add("BNLL", x, part="softplus")
    gate = op.add("TanH", gate, part="tanh", in_place=True)
    return op.add("Eltwise", [x, gate], eltwise_param={"operation": "PROD"})


def _gate(op: Operator, x: NetBlob, part: str) -> NetBlob:
    """relu6(x + 3) / 6; `part` is the name of the last layer."""
    gate = op.add("Power", x, part="shift", power_param={"shift": 3})
    gate = op.add("ReLU6", gate, part="relu6", in_place=True)
    return op.power(gate, part, scale=1 / 6)


def _hardsigmoid(op: Operator) -> Result:
    return _gate(op, op.blob("self"), "")


def _hardswish(op: Operator) -> Result:
    x = op.blob("self")
    param = {"operation": "PROD"}
    return op.add("Eltwise", [x, _gate(op, x, "gate")], eltwise_param=param)


def _clamp(op: Operator) -> Result:
    names = ("min_val", "max_val") if "min_val" in op.arguments else ("min", "max")
    low, high = (_bound(op, name) for name in names)
    low, high = -inf if low is None else low, inf if high is None else high
    x = op.blob("self")
    if (low, high) == (0, inf):
        return op.add("ReLU", x, in_place=True)
    if (low, high) == (0, 6):
        return op.add("ReLU6", x, in_place=True)
    param = {"min": max(low, -_LARGEST), "max": min(high, _LARGEST)}
    return op.add("Clip", x, in_place=True, clip_param=param)


def _bound(op: Operator, name: str) -> float | None:
    return None if op.arguments.get(name) is None else op.number(name)


def _softplus(op: Operator) -> Result:
    """log(1 + exp(beta * x)) / beta; torch is linear above its threshold, to the last bit alike."""
    beta, x = op.number("beta"), op.blob("self")
    if op.number("threshold") < 15:
        raise Refused("its threshold is below 15")
    if beta == 1:
        return op.add("BNLL", x, in_place=True)
    x = op.power(x, "inside", scale=beta)
    return op.power(op.add("BNLL", x, part="softplus", in_place=True), scale=1 / beta)


def _to_power(op: Operator) -> Result:
    return op.power(op.blob("self"), power=op.number("exponent"))


def _logarithm(base: float) -> Converter:
    def convert(op: Operator) -> Result:
        return op.add("Log", op.blob("self"), in_place=True, log_param={"base": base})

    return convert


def _softmax(op: Operator) -> Result:
    x = op.blob("self")
    axis = op.axis("dim", len(x.shape))
    return op.add("Softmax", x, softmax_param={"axis": axis} if axis != 1 else {})


def _log_softmax(op: Operator) -> Result:
    x = op.blob("self")
    param = {"axis": op.axis("dim", len(x.shape))}
    x = op.add("Softmax", x, part="softmax", softmax_param=param)
    return op.add("Log", x, in_place=True)


def _glu(op: Operator) -> Result:
    x = op.blob("self")
    axis = op.axis("dim", len(x.shape))
    halves = op.builder.add(
        "Slice", f"{op.layer}_halves", [x], [op.shape] * 2, {"slice_param": {"axis": axis}}
    )
    gate = op.add("Sigmoid", halves[1], part="sigmoid", in_place=True)
    return op.add("Eltwise", [halves[0], gate], eltwise_param={"operation": "PROD"})


def as_it_is(op: Operator) -> Result:
    """Dropout and copies: nothing is left of them in a net that predicts."""
    name = next(name for name in ("input", "self", "x") if name in op.arguments)
    value = op.arguments[name]
    return value if isinstance(value, NetBlob) else op.blob(name)


def _dropout(op: Operator) -> Result:
    if op.arguments.get("train"):
        raise Refused("it drops numbers in prediction too")
    return as_it_is(op)


_PLAIN: dict[str, str] = {
    "relu": "ReLU",
    "relu6": "ReLU6",
    "sigmoid": "Sigmoid",
    "tanh": "TanH",
    "abs": "AbsVal",
    "exp": "Exp",
    "log": "Log",
}
_POWERS = {"sqrt": 0.5, "rsqrt": -0.5, "reciprocal": -1, "square": 2}
_DROPPED = (
    "dropout",
    "native_dropout",
    "feature_dropout",
    "alpha_dropout",
    "feature_alpha_dropout",
)
_COPIES = ("clone", "contiguous", "detach", "alias", "_to_copy", "to", "lift_fresh_copy")

TABLE: dict[str, Callable[[Operator], Result]] = {
    **{name: _plain(kind) for name, kind in _PLAIN.items()},
    **{name: _power(exponent) for name, exponent in _POWERS.items()},
    "neg": _power(1, scale=-1),
    **dict.fromkeys(_DROPPED, _dropout),
    **dict.fromkeys(_COPIES, as_it_is),
    "leaky_relu": _leaky,
    "prelu": _prelu,
    "_prelu_kernel": _prelu,
    "elu": _elu,
    "celu": _celu,
    "selu": _selu,
    "log_sigmoid": _log_sigmoid,
    "silu": _silu,
    "mish": _mish,
    "hardsigmoid": _hardsigmoid,
    "hardswish": _hardswish,
    "hardtanh": _clamp,
    "clamp": _clamp,
    "clamp_min": _clamp,
    "clamp_max": _clamp,
    "softplus": _softplus,
    "pow": _to_power,
    "log2": _logarithm(2),
    "log10": _logarithm(10),
    "softmax": _softmax,
    "_softmax": _softmax,
    "log_softmax": _log_softmax,
    "_log_softmax": _log_softmax,
    "glu": _glu,
}
