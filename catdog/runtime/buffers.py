"""Memory of batches that is used again: fresh pages cost as much as the work in them."""

import math
import weakref
from collections import deque
from typing import Any

import numpy as np
import numpy.typing as npt


class Buffers:
    """Arrays in memory that goes to the next one as soon as nobody holds the last.

    A tensor made by `torch.from_numpy` holds its array, a NumPy view of the array does not. As much
    is kept as was in use at a time: use one object for arrays of about one size. Safe to use from
    threads.
    """

    def __init__(self) -> None:
        self._free: deque[npt.NDArray[np.uint8]] = deque()

    def empty(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """An array with any content."""
        size = math.prod(shape) * np.dtype(dtype).itemsize
        memory = self._take(size)
        array = memory[:size].view(dtype).reshape(shape)
        weakref.finalize(array, self._free.append, memory).atexit = False
        return array

    def _take(self, size: int) -> npt.NDArray[np.uint8]:
        """Memory that is free and large enough; what is too small goes back to the system."""
        try:
            while (memory := self._free.pop()).nbytes < size:
                pass
        except IndexError:
            # NumPy asks for large pages; torch.empty does not, and costs twice the time
            return np.empty(size, np.uint8)
        return memory
