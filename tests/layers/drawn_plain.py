"""Drawn layers that act on elements, axes and rows."""

import numpy as np

from tests.layers.drawn import Drawn, case, message, number, over, shape_of, softmaxed


def elementwise(kind, formula, name="", positive=False, **ranges):
    def draw(rng):
        fields = {key: number(rng, *bounds) for key, bounds in ranges.items()}
        x = rng.normal(size=shape_of(rng, rng.integers(1, 6))) * 2
        x = np.abs(x) + 0.1 if positive else x
        text = message(kind, name, **fields)
        return Drawn(text, [x], lambda x: formula(x, **fields))

    draw.__name__ = kind
    case(draw)


elementwise("Sigmoid", lambda x: 1 / (1 + np.exp(-x)))
elementwise("TanH", np.tanh)
elementwise("AbsVal", np.abs)
elementwise("BNLL", lambda x: np.log1p(np.exp(x)))
elementwise(
    "ReLU",
    lambda x, negative_slope: np.maximum(x, 0) + negative_slope * np.minimum(x, 0),
    "relu",
    negative_slope=(-1, 1),
)
elementwise("ELU", lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(x)), "elu", alpha=(-1, 2))
elementwise(
    "Power",
    lambda x, power, scale, shift: (shift + scale * x) ** power,
    "power",
    positive=True,
    power=(-2, 3),
    scale=(0.1, 2),
    shift=(0, 2),
)
elementwise(
    "Exp",
    lambda x, base, scale, shift: base ** (shift + scale * x),
    "exp",
    base=(0.2, 3),
    scale=(-1, 1),
    shift=(-1, 1),
)
elementwise(
    "Log",
    lambda x, base, scale, shift: np.log(shift + scale * x) / np.log(base),
    "log",
    positive=True,
    base=(1.5, 4),
    scale=(0.1, 2),
    shift=(0, 1),
)
elementwise("Swish", lambda x, beta: x / (1 + np.exp(-beta * x)), "swish", beta=(-2, 2))
elementwise(
    "Clip",
    lambda x, **bounds: np.clip(x, bounds["min"], bounds["max"]),
    "clip",
    min=(-2, 0),
    max=(0, 2),
)


@case
def prelu(rng):
    shared = bool(rng.integers(2))
    shape = shape_of(rng, rng.integers(2, 5))
    text = f'type: "PReLU" prelu_param {{ channel_shared: {str(shared).lower()} {over("filler")} }}'

    def formula(x, slope):
        slope = slope.reshape(-1, *[1] * (x.ndim - 2))
        return np.maximum(x, 0) + slope * np.minimum(x, 0)

    return Drawn(text, [rng.normal(size=shape)], formula)


@case
def eltwise(rng):
    count, shape = int(rng.integers(2, 5)), shape_of(rng, 3)
    operation = str(rng.choice(["PROD", "SUM", "MAX"]))
    coeff = [number(rng) for _ in range(count)] if operation == "SUM" and rng.integers(2) else []
    text = message("Eltwise", "eltwise", operation=operation, coeff=coeff)

    def formula(*bottoms):
        if operation == "SUM":
            return sum(c * b for c, b in zip(coeff or [1] * count, bottoms, strict=True))
        return {"PROD": np.prod, "MAX": np.max}[operation](bottoms, axis=0)

    bottoms = [rng.normal(size=shape) for _ in range(count)]
    return Drawn(text, bottoms, formula, smooth=list(range(count)))


@case
def concat(rng):
    shape, count = shape_of(rng, rng.integers(1, 5)), int(rng.integers(1, 4))
    axis = int(rng.integers(-len(shape), len(shape)))
    at = axis % len(shape)
    bottoms = [
        rng.normal(size=(*shape[:at], int(rng.integers(1, 4)), *shape[at + 1 :]))
        for _ in range(count)
    ]
    return Drawn(
        message("Concat", "concat", axis=axis),
        bottoms,
        lambda *bottoms: np.concatenate(bottoms, axis),
        smooth=list(range(count)),
    )


@case
def slices(rng):
    shape = shape_of(rng, rng.integers(1, 5))
    axis = int(rng.integers(-len(shape), len(shape)))
    at = axis % len(shape)
    shape = (*shape[:at], 6, *shape[at + 1 :])
    points = sorted(int(p) for p in rng.choice(range(1, 6), int(rng.integers(1, 4)), replace=False))
    return Drawn(
        message("Slice", "slice", axis=axis, slice_point=points),
        [rng.normal(size=shape)],
        lambda x: np.split(x, points, axis),
        tops=len(points) + 1,
    )


@case
def reduction(rng):
    shape = shape_of(rng, rng.integers(1, 5))
    axis = int(rng.integers(-len(shape), len(shape)))
    operation, coeff = str(rng.choice(["SUM", "ASUM", "SUMSQ", "MEAN"])), number(rng)

    def formula(x):
        rows = x.reshape(*x.shape[: axis % x.ndim], -1)
        found = {"SUM": rows, "ASUM": np.abs(rows), "SUMSQ": rows**2, "MEAN": rows}[operation]
        return coeff * (found.mean(-1) if operation == "MEAN" else found.sum(-1))

    text = message("Reduction", "reduction", operation=operation, axis=axis, coeff=coeff)
    return Drawn(text, [rng.normal(size=shape)], formula)


@case
def softmax(rng):
    shape = shape_of(rng, rng.integers(1, 5))
    axis = int(rng.integers(-len(shape), len(shape)))
    text = message("Softmax", "softmax", axis=axis)
    return Drawn(text, [rng.normal(size=shape)], lambda x: softmaxed(x, axis))


@case
def inner_product(rng):
    shape = shape_of(rng, rng.integers(1, 5))
    axis = int(rng.integers(-len(shape), len(shape)))
    transpose, bias = bool(rng.integers(2)), bool(rng.integers(2))
    fields = f"num_output: 3 axis: {axis} transpose: {transpose} bias_term: {bias}".lower()
    text = f'type: "InnerProduct" inner_product_param {{ {fields} {over("weight_filler")} '

    def formula(x, weight, *bias):
        rows = x.reshape(*x.shape[: axis % x.ndim], -1)
        return rows @ (weight if transpose else weight.T) + (bias[0] if bias else 0)

    return Drawn(f"{text} {over('bias_filler')} }}", [rng.normal(size=shape)], formula)


def covered(rng, axes):
    axis = int(rng.integers(-axes, axes))
    number_of = int(rng.integers(-1, axes - axis % axes + 1))
    return axis, number_of


def laid(other, axis, x):
    start = axis % x.ndim if other.ndim else 0
    return other.reshape(*other.shape, *[1] * (x.ndim - start - other.ndim))


@case
def scale(rng):
    shape = shape_of(rng, rng.integers(1, 5))
    axis, axes = covered(rng, len(shape))
    bias = bool(rng.integers(2))
    text = (
        f'type: "Scale" scale_param {{ axis: {axis} num_axes: {axes} '
        f"bias_term: {str(bias).lower()} {over('filler')} {over('bias_filler')} }}"
    )

    def formula(x, factor, *bias):
        return x * laid(factor, axis, x) + (laid(bias[0], axis, x) if bias else 0)

    return Drawn(text, [rng.normal(size=shape)], formula)


@case
def bias(rng):
    shape = shape_of(rng, rng.integers(1, 5))
    axis, axes = covered(rng, len(shape))
    start = axis % len(shape)
    text = f'type: "Bias" bias_param {{ axis: {axis} num_axes: {axes} {over("filler")} }}'
    if rng.integers(2):
        return Drawn(text, [rng.normal(size=shape)], lambda x, b: x + laid(b, axis, x))
    end = len(shape) if axes == -1 else start + axes
    bottoms = [rng.normal(size=shape), rng.normal(size=shape[start:end])]
    return Drawn(text, bottoms, lambda x, b: x + laid(b, axis, x), smooth=[0, 1])


@case
def batch_norm(rng):
    eps = number(rng, 1e-3, 0.5)
    shape = (3, *shape_of(rng, rng.integers(1, 4)))

    def formula(x, *_):
        axes = (0, *range(2, x.ndim))
        centred = x - x.mean(axes, keepdims=True)
        return centred / np.sqrt((centred**2).mean(axes, keepdims=True) + eps)

    return Drawn(message("BatchNorm", "batch_norm", eps=eps), [rng.normal(size=shape)], formula)


@case
def tile(rng):
    shape, tiles = shape_of(rng, rng.integers(1, 5)), int(rng.integers(1, 4))
    axis = int(rng.integers(-len(shape), len(shape)))

    def formula(x):
        return np.concatenate([x] * tiles, axis)

    return Drawn(message("Tile", "tile", axis=axis, tiles=tiles), [rng.normal(size=shape)], formula)
