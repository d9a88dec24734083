"""Drawn layers that slide a window over images."""

from itertools import product
from math import ceil, prod

import numpy as np

from tests.layers.drawn import Drawn, case, message, number, over, shape_of


def window(rng, axes):
    def several(low, high):
        return [int(n) for n in rng.integers(low, high, axes)]

    fields = {"kernel_size": several(1, 4), "stride": several(1, 4), "pad": several(0, 3)}
    return fields | {"dilation": several(1, 3)}


def places(index, fields, size):
    """Where a window's numbers lie, by their place in the kernel; none in the padding."""
    for inside in product(*map(range, fields["kernel_size"])):
        at = tuple(
            i * s - p + k * d
            for i, k, s, p, d in zip(
                index, inside, fields["stride"], fields["pad"], fields["dilation"], strict=True
            )
        )
        if all(0 <= a < n for a, n in zip(at, size, strict=True)):
            yield inside, at


def correlated(fields, group, outputs):
    def formula(x, weight, bias):
        y = np.zeros((len(x), len(weight), *outputs)) + bias.reshape(-1, *[1] * len(outputs))
        per_out, per_in = len(weight) // group, weight.shape[1]
        for index in np.ndindex(*outputs):
            for (inside, at), g in product(list(places(index, fields, x.shape[2:])), range(group)):
                out = slice(g * per_out, (g + 1) * per_out)
                seen = x[:, g * per_in : (g + 1) * per_in, *at]
                y[:, out, *index] += seen @ weight[out, :, *inside].T
        return y

    return formula


def convolving(rng, padded=True):
    axes, group = int(rng.integers(1, 4)), int(rng.integers(1, 3))
    fields, size = window(rng, axes), shape_of(rng, axes, 2, 5)
    if not padded:
        fields["pad"] = [0] * axes
    shape = (2, group * int(rng.integers(1, 3)), *size)
    filled = f"{over('weight_filler')} {over('bias_filler')} num_output: {2 * group}"

    def text(kind):
        plain = message(kind, "convolution", group=group, **fields)
        return plain.replace("{", "{ " + filled, 1)

    return fields, group, shape, text


@case
def convolution(rng):
    fields, group, shape, text = convolving(rng)
    reach = [
        d * (k - 1) + 1 for k, d in zip(fields["kernel_size"], fields["dilation"], strict=True)
    ]
    size = [max(n, r - 2 * p) for n, r, p in zip(shape[2:], reach, fields["pad"], strict=True)]
    moves = zip(size, fields["pad"], reach, fields["stride"], strict=True)
    outputs = [(n + 2 * p - r) // s + 1 for n, p, r, s in moves]
    x = rng.normal(size=(*shape[:2], *size))
    return Drawn(text("Convolution"), [x], correlated(fields, group, outputs))


@case
def deconvolution(rng):
    fields, group, shape, text = convolving(rng, padded=False)
    moves = zip(shape[2:], *(fields[name] for name in list(fields)), strict=True)
    outputs = [s * (n - 1) + d * (k - 1) + 1 for n, k, s, _, d in moves]

    def formula(x, weight, bias):
        per_in, per_out = len(weight) // group, weight.shape[1]
        y = np.zeros((len(x), per_out * group, *outputs)) + bias.reshape(-1, *[1] * len(outputs))
        for index in np.ndindex(*x.shape[2:]):
            for (inside, at), g in product(list(places(index, fields, outputs)), range(group)):
                given = slice(g * per_in, (g + 1) * per_in)
                made = x[:, given, *index] @ weight[given, :, *inside]
                y[:, g * per_out : (g + 1) * per_out, *at] += made
        return y

    return Drawn(text("Deconvolution"), [rng.normal(size=shape)], formula)


@case
def pooling(rng):
    kernel = [int(n) for n in rng.integers(1, 5, 2)]
    stride = [int(rng.integers(1, k + 1)) for k in kernel]
    pad = [int(rng.integers(0, k)) for k in kernel]
    size = [max(2, k - 2 * p) + int(rng.integers(0, 5)) for k, p in zip(kernel, pad, strict=True)]
    average, floor = bool(rng.integers(2)), bool(rng.integers(2))
    text = message(
        "Pooling",
        "pooling",
        pool="AVE" if average else "MAX",
        round_mode="FLOOR" if floor else "CEIL",
        **{
            f"{name}_{side}": each[i]
            for name, each in (("kernel", kernel), ("stride", stride), ("pad", pad))
            for i, side in enumerate("hw")
        },
    )

    def outputs(i):
        rooms = (size[i] + 2 * pad[i] - kernel[i]) / stride[i]
        count = (int(rooms // 1) if floor else ceil(rooms)) + 1
        return count - (any(pad) and (count - 1) * stride[i] >= size[i] + pad[i])

    def formula(x):
        y = np.zeros((*x.shape[:2], outputs(0), outputs(1)))
        for index in np.ndindex(*y.shape[2:]):
            first = [n * s - p for n, s, p in zip(index, stride, pad, strict=True)]
            ends = [min(f + k, n + p) for f, k, n, p in zip(first, kernel, size, pad, strict=True)]
            area = prod(end - f for end, f in zip(ends, first, strict=True))
            cut = [slice(max(f, 0), min(e, n)) for f, e, n in zip(first, ends, size, strict=True)]
            seen = x[:, :, *cut]
            y[:, :, *index] = seen.sum((2, 3)) / area if average else seen.max((2, 3))
        return y

    return Drawn(text, [rng.normal(size=(2, 2, *size))], formula)


@case
def lrn(rng):
    size, within = int(rng.choice([1, 3, 5])), bool(rng.integers(2))
    alpha, beta, k = number(rng, 0.1, 2), number(rng, 0.2, 1.5), number(rng, 1, 3)
    text = message(
        "LRN",
        "lrn",
        local_size=size,
        alpha=alpha,
        beta=beta,
        k=k,
        norm_region="WITHIN_CHANNEL" if within else "ACROSS_CHANNELS",
    )
    reach = size // 2

    def formula(x):
        squares = np.zeros_like(x)
        axes = (2, 3) if within else (1,)
        padded = np.pad(x**2, [(reach, reach) if axis in axes else (0, 0) for axis in range(4)])
        for moves in product(range(size), repeat=len(axes)):
            cut = [slice(None)] * 4
            for axis, move in zip(axes, moves, strict=True):
                cut[axis] = slice(move, move + x.shape[axis])
            squares += padded[tuple(cut)]
        base = 1 + alpha * squares / size**2 if within else k + alpha / size * squares
        return x * base**-beta

    return Drawn(text, [rng.normal(size=shape_of(rng, 4, 1, 6))], formula)
