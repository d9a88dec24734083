"""Sums and products of torch, of all shapes that fit, and the layers that they become."""

import operator

import pytest
import torch
from torch import nn

from catdog.errors import SpecError
from catdog.export.from_torch.module_net import module_net
from tests.export.from_torch.modules import Of, check, drawn, types

_OPERATORS = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": lambda a, b: a / (b * b + 1),
    "add twice": lambda a, b: torch.add(a, b, alpha=2),
    "rsub": lambda a, b: torch.rsub(a, b, alpha=3),
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "max": torch.max,
    "min": torch.min,
}
_SHAPES = [(2, 3, 4, 5), (2, 3, 1, 1), (2, 1, 4, 5), (2, 3, 1, 5), (2, 1, 1, 5), (2, 1, 1, 1)]


@pytest.mark.parametrize("shape", _SHAPES)
def test_two_tensors(shape):
    check(_both_ways, drawn(2, 3, 4, 5), drawn(*shape, seed=1))


@pytest.mark.parametrize("shape", [(3, 1, 1), (5,), (4, 5), (1, 3, 4, 5), (3, 1, 5), (1, 1, 1, 1)])
def test_a_tensor_and_known_numbers(shape):
    known = nn.Parameter(drawn(*shape, seed=1))
    check(lambda a: _both_ways(a, known), drawn(2, 3, 4, 5))


def test_a_tensor_and_a_number():
    four = [operator.add, operator.sub, operator.mul, operator.truediv]
    check(
        lambda a: [each for f in four for each in (f(a, 1.5), f(1.5, a * a + 1))],
        drawn(2, 3, 4, 5),
    )


def _both_ways(a, b):
    return [each for f in _OPERATORS.values() for each in (f(a, b), f(b, a))]


def test_a_tensor_with_itself():
    check(lambda x: (x + 1) * (x + 1) - (y := x + 2) + (y - y * 0.5) - (y + y), drawn(2, 3, 4, 5))


def test_both_are_spread():
    check(operator.mul, drawn(2, 3, 1, 1), drawn(2, 1, 4, 5))
    check(operator.add, drawn(2, 3, 4, 1), drawn(2, 1, 1, 5))


def test_channels_are_weighed_by_one_layer():
    """Squeeze and excitation (Hu and others 2017)."""
    gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(3, 3, 1), nn.Sigmoid())
    made = check(lambda x: x * gate(x), drawn(2, 3, 4, 5))
    assert types(made)[-2:] == ["Flatten", "Scale"]


_OF_EXAMPLES = nn.Parameter(drawn(2, 3, 1, 1))


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda x: x + _OF_EXAMPLES, "for every example"),
        (lambda x: torch.div(x, 2, rounding_mode="floor"), "it rounds"),
        (lambda x: x % 2, "remainder"),
    ],
)
def test_other_arithmetic_is_refused(function, words):
    with pytest.raises(SpecError, match=words):
        module_net(Of(function), [drawn(2, 3, 4, 5)], "net", "net.py:Model")
