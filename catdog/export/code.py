"""Input and output of an emitter: a layer with its names, and its lines of Python."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from catdog.layers.base import Layer
from catdog.net.names import Names
from catdog.proto.caffe_pb2 import LayerParameter
from catdog.spec.shape import Shape


@dataclass(frozen=True)
class Site:
    """A layer with the names that it has in the written module.

    `attributes` are names of the module's attributes; `bottoms` and `tops` are variables,
    `shapes` those of the bottoms.
    """

    layer: Layer
    attributes: Names
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    shapes: tuple[Shape, ...]

    @property
    def param(self) -> LayerParameter:
        """The layer's message."""
        return self.layer.param

    @property
    def name(self) -> str:
        """The layer's attribute."""
        return self.attributes[self.param.name]

    def part(self, name: str) -> str:
        """Another attribute, for something of the layer's."""
        return self.attributes[f"{self.param.name}\0{name}"]

    @property
    def x(self) -> str:
        """The first bottom."""
        return self.bottoms[0]

    def axis(self, given: int) -> int:
        """An axis of the first bottom, counted from 0."""
        return given % len(self.shapes[0])


@dataclass(frozen=True)
class Code:
    """Lines of `forward`, lines of `__init__`, and the layer's part of the state dict."""

    forward: list[str] = field(default_factory=list)
    init: list[str] = field(default_factory=list)
    state: dict[str, Tensor] = field(default_factory=dict)


Emitter = Callable[[Site], Code]


def result(site: Site, expression: str) -> Code:
    """Code that gives the only top this value."""
    return Code([f"{site.tops[0]} = {expression}"])


def each(site: Site, expression: str) -> list[str]:
    """Lines that give each top the value of the expression, whose {x} is its bottom."""
    return [
        f"{top} = {expression.format(x=bottom)}"
        for bottom, top in zip(site.bottoms, site.tops, strict=True)
    ]


def number(value: float) -> str:
    """The shortest text that is this number in float32."""
    if not np.isfinite(value):
        return f'float("{value}")'
    return repr(float(str(np.float32(value))))


def exponent(value: float) -> str:
    """The number with all its digits: torch's pow computes with more of them than float32 has."""
    return repr(value)


def call(name: str, *positional: object, **named: object) -> str:
    """`name(1, 2, key=3)`; a named argument that is None is left out."""
    words = [str(word) for word in positional]
    words += [f"{key}={value}" for key, value in named.items() if value is not None]
    return f"{name}({', '.join(words)})"


def sizes(values: Sequence[int]) -> str:
    """Equal sizes as one number, others as a tuple."""
    if len(set(values)) == 1:
        return str(values[0])
    return f"({', '.join(map(str, values))})"


def listed(words: Sequence[object]) -> str:
    """`(a, b)`, a tuple in parentheses also of one."""
    return f"({', '.join(map(str, words))}{',' if len(words) == 1 else ''})"
