"""NumPy's functions that took a str of Python 2, or are gone."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from catdog.pycaffe.python2.text import as_bytes


def fromstring(
    string: Any, dtype: DTypeLike = float, count: int = -1, sep: str = "", **more: Any
) -> NDArray[Any]:
    """numpy.fromstring: an array of the bytes of a str, or of the numbers in it between `sep`."""
    if sep:
        return np.fromstring(str(string), dtype, count, sep=sep, **more)
    return np.frombuffer(as_bytes(string), dtype, count).copy()


def frombuffer(buffer: Any, *arguments: Any, **named: Any) -> NDArray[Any]:
    """numpy.frombuffer of a str too."""
    return np.frombuffer(as_bytes(buffer), *arguments, **named)


def ratio(left: Any, right: Any, *more: Any, **named: Any) -> Any:
    """numpy.divide: rounded down between whole numbers, whatever comes from __future__."""
    whole = all(np.asarray(value).dtype.kind in "iub" for value in (left, right))
    return (np.floor_divide if whole else np.true_divide)(left, right, *more, **named)


def asscalar(array: Any) -> Any:
    """numpy.asscalar: the one number of an array."""
    return np.asarray(array).item()
