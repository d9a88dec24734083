"""What `setInput` is given, as the numbers that a net gets."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catdog.errors import did_you_mean
from catdog.opencv.failure import NetError

#: Numbers of OpenCV's Scalar.
_SCALAR = 4
#: What nothing is subtracted for.
NO_MEAN = (0, 0, 0, 0)

Array = NDArray[np.float32]


class Inputs:
    """The blobs of a net's inputs by their order, and the names by which they are set."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = list(names)
        self._blobs: dict[int, Array] = {}

    def rename(self, names: Sequence[str]) -> None:
        """Call the inputs so, in their order; NetError for more names than inputs."""
        if len(names) > len(self._names):
            raise NetError(f"{len(names)} names for the inputs {', '.join(self._names)}")
        self._names[: len(names)] = names

    def index(self, name: str) -> int:
        """Which input a name is; without one the first."""
        if not name:
            return 0
        if name not in self._names:
            raise NetError(
                f'no input is called "{name}"',
                remedy=did_you_mean(name, self._names) or f"there are {', '.join(self._names)}",
            )
        return self._names.index(name)

    def set(self, name: str, blob: Any, scale: float, mean: Any) -> None:
        """Keep scale * (blob - mean) for an input; of None nothing.

        The mean is that of the channels, axis 1. Raises NetError for numbers that are none.
        """
        index = self.index(name)
        if blob is None:
            self._blobs.pop(index, None)
            return
        try:
            numbers = kept(_real(blob))
            # most are set as they are
            if scale != 1 or mean is not NO_MEAN:
                _scale(numbers, float(scale), _scalar(mean))
        except (TypeError, ValueError) as error:
            raise NetError(f"setInput takes an array of numbers: {error}") from None
        self._blobs[index] = numbers

    def blobs(self) -> list[Array]:
        """What was set, in the order of the inputs; NetError where one is missing."""
        if len(self._blobs) < len(self._names):
            names = ", ".join(n for i, n in enumerate(self._names) if i not in self._blobs)
            raise NetError(f"no blob for input {names}", remedy="setInput comes before forward")
        return [self._blobs[index] for index in range(len(self._names))]


def _real(blob: Any) -> NDArray[Any]:
    array = np.asarray(blob)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"not of {array.dtype}")
    return array


def kept(blob: Any) -> Array:
    """A copy in float32, in the order of its axes, two or more of them, as OpenCV keeps it."""
    array = np.array(blob, np.float32, order="C")
    return array.reshape(-1, 1) if array.ndim < 2 else array


def _scalar(mean: Any) -> Array:
    numbers = np.atleast_1d(np.asarray(mean, np.float32)).ravel()
    if len(numbers) > _SCALAR:
        raise NetError(f"a mean of {len(numbers)} numbers", remedy=f"give up to {_SCALAR}")
    return np.concatenate([numbers, np.zeros(_SCALAR - len(numbers), np.float32)])


def _scale(blob: Array, scale: float, mean: Array) -> None:
    """In place."""
    if mean.any():
        channels = blob.shape[1]
        if channels > _SCALAR:
            raise NetError(
                f"a mean for a blob of {channels} channels, {list(blob.shape)}",
                remedy=f"OpenCV's mean has {_SCALAR} numbers: subtract it before",
            )
        blob -= mean[:channels].reshape(-1, *[1] * (blob.ndim - 2))
    if scale != 1:
        blob *= np.float32(scale)
