"""Python 2's arithmetic: whole numbers divide into whole numbers, halves round away from zero."""

import math
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np

#: From here on every float is a whole number.
_ALL_WHOLE = 2.0**53


def divide(left: Any, right: Any) -> Any:
    """`left / right` without `from __future__ import division`: rounded down between whole numbers
    and between arrays of them, true otherwise."""
    if _is_whole(left) and _is_whole(right):
        return left // right
    if hasattr(type(left), "__div__"):
        return left.__div__(right)
    return left / right


class Divisor:
    """The right side of `x /= y`: `x /= Divisor(y)` is that of Python 2, in place for arrays."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __rtruediv__(self, left: Any) -> Any:
        for name in ("__idiv__", "__div__"):
            if hasattr(type(left), name):
                return getattr(left, name)(self.value)
        return divide(left, self.value)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, left: Any, _: Any, **out: Any) -> Any:
        """What NumPy calls for `array /= Divisor(y)`."""
        whole = ufunc is np.true_divide and _is_whole(left) and _is_whole(self.value)
        return getattr(np.floor_divide if whole else ufunc, method)(left, self.value, **out)


def _is_whole(value: Any) -> bool:
    if isinstance(value, (np.ndarray, np.generic)):
        return value.dtype.kind in "iub"
    return isinstance(value, int)


def rounded(number: Any, digits: int = 0) -> Any:
    """Python 2's round: a float, halves away from zero."""
    value = float(number)
    if not math.isfinite(value) or abs(value) >= _ALL_WHOLE:
        return value
    return float(Decimal(value).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP))
