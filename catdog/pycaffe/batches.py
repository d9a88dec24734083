"""Any number of examples through a net of one batch size."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float32]


def length(arrays: Mapping[str, ArrayLike]) -> int:
    """How many examples there are."""
    return max((len(np.asarray(array)) for array in arrays.values()), default=0)


def batches(arrays: Mapping[str, ArrayLike], size: int) -> Iterator[dict[str, Any]]:
    """The arrays cut into batches, the last one filled up with zeros."""
    whole = {name: np.asarray(array, np.float32) for name, array in arrays.items()}
    for begin in range(0, length(arrays), size):
        yield {name: _padded(array[begin : begin + size], size) for name, array in whole.items()}


def joined(found: Mapping[str, Sequence[Array]], count: int) -> dict[str, Array]:
    """The results of all batches, by name, without those of the filling."""
    return {
        name: np.concatenate([np.atleast_1d(part) for part in parts])[: count or None]
        for name, parts in found.items()
    }


def _padded(array: Array, size: int) -> Array:
    missing = size - len(array)
    return np.concatenate([array, np.zeros((missing, *array.shape[1:]), np.float32)])
