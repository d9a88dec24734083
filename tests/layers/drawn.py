"""Layers of drawn parameters and shapes, each with the formula of its tops."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class Drawn:
    """A layer's text, its bottoms, the formula of its tops from bottoms and blobs, and the
    bottoms that have gradients."""

    text: str
    bottoms: list[Any]
    formula: Callable[..., Any]
    tops: int = 1
    smooth: list[int] = field(default_factory=lambda: [0])


CASES: dict[str, Callable[[np.random.Generator], Drawn]] = {}


def case(draw):
    CASES[draw.__name__] = draw
    return draw


def shape_of(rng, axes, least=1, most=4):
    return tuple(int(n) for n in rng.integers(least, most + 1, axes))


def message(kind, name="", **fields):
    """The text of a layer whose parameter message has these fields; lists repeat."""
    lines = []
    for key, value in fields.items():
        for each in value if isinstance(value, list) else [value]:
            words = {True: "true", False: "false"}
            lines.append(f"{key}: {words[each] if isinstance(each, bool) else each}")
    return f'type: "{kind}" ' + (f"{name}_param {{ {' '.join(lines)} }}" if name else "")


def number(rng, low=-2.0, high=2.0):
    # as float32, in which the message keeps it
    return float(np.float32(rng.uniform(low, high)))


def over(name):
    return f'{name} {{ type: "gaussian" }}'


def softmaxed(x, axis):
    powers = np.exp(x - x.max(axis, keepdims=True))
    return powers / powers.sum(axis, keepdims=True)
