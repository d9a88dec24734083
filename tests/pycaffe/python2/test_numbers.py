"""Python 2's arithmetic, with what its interpreter gave."""

import numpy as np
import pytest

from catdog.pycaffe.python2 import Divisor, divide, rounded
from catdog.pycaffe.python2.math import ceil, floor


@pytest.mark.parametrize(
    ("left", "right", "quotient"),
    [
        (7, 2, 3),
        (-7, 2, -4),
        (7, 2.0, 3.5),
        (True, 2, 0),
        (np.int64(7), 2, 3),
        (np.uint8(7), np.float32(2), 3.5),
        (np.array([7, -7]), 2, [3, -4]),
        (np.array([7.0, 1.0]), 2, [3.5, 0.5]),
        (7, np.array([2, 4]), [3, 1]),
    ],
)
def test_division(left, right, quotient):
    found = divide(left, right)
    assert np.array_equal(found, quotient)
    assert np.asarray(found).dtype.kind == np.asarray(quotient).dtype.kind
    value = left
    value /= Divisor(right)
    assert np.array_equal(value, quotient)


def test_arrays_are_divided_in_place():
    whole, parts = np.arange(6), np.arange(6.0)
    same, same_parts = whole, parts
    whole /= Divisor(4)
    parts /= Divisor(np.array(4))
    assert same is whole and same.tolist() == [0, 0, 0, 0, 1, 1]
    assert same_parts is parts and parts.tolist() == [0, 0.25, 0.5, 0.75, 1, 1.25]


def test_division_of_ones_own():
    class Length:
        def __div__(self, other):
            return ("div", other)

        def __idiv__(self, other):
            return ("idiv", other)

    length = Length()
    assert divide(length, 2) == ("div", 2)
    length /= Divisor(3)
    assert length == ("idiv", 3)
    with pytest.raises(ZeroDivisionError):
        divide(1, 0)


@pytest.mark.parametrize(
    ("number", "digits", "result"),
    [
        *((2.5, 0, 3.0), (-2.5, 0, -3.0), (0.125, 2, 0.13), (2.675, 2, 2.67), (1234.5, -2, 1200)),
        *((3, 0, 3.0), (1e300, 2, 1e300), (np.float32(0.5), 0, 1.0)),
    ],
)
def test_halves_go_away_from_zero(number, digits, result):
    found = rounded(number, digits)
    assert found == result and isinstance(found, float)


def test_floor_and_ceil_are_floats():
    assert divide(floor(7.5), 2) == 3.5 and isinstance(ceil(2.1), float)
