"""An order of very many records that is computed, place by place, and takes no memory."""

import numpy as np
from numpy.typing import NDArray

from catdog.runtime.columns import LazySequence

MOST_DRAWN = 1 << 23
"""Records whose order is drawn and held, in 32 MiB; that of more is computed."""

_ROUNDS, _BLOCK = 8, 1024
_GOLDEN = 0x9E3779B97F4A7C15

Numbers = NDArray[np.uint64]


class KeyedOrder(LazySequence[int]):
    """The numbers below `count`, each once, in an order that follows from a key.

    A Feistel network permutes the numbers of as many bits as the count has; what falls beyond
    the count is permuted again until it does not (Black and Rogaway, "Ciphers with arbitrary finite
    domains", 2002). The rounds' function is SplitMix64's.
    """

    def __init__(self, count: int, key: int) -> None:
        # halves of few bits have too few functions to choose from
        bits = max(8, (count - 1).bit_length())
        self._count, self._right = count, bits // 2
        self._left = bits - self._right
        self._keys = [(key + number * _GOLDEN) % 2**64 for number in range(1, _ROUNDS + 1)]
        # records are asked for one by one; some threads may do so at once
        self._held: tuple[int, list[int]] = (-1, [])

    def __len__(self) -> int:
        return self._count

    def item(self, index: int) -> int:
        block, at = divmod(index, _BLOCK)
        held, numbers = self._held
        if held != block:
            start = block * _BLOCK
            numbers = self._of(np.arange(start, min(start + _BLOCK, self._count), dtype=np.uint64))
            self._held = block, numbers
        return numbers[at]

    def _of(self, places: Numbers) -> list[int]:
        numbers = self._permuted(places)
        while (beyond := numbers >= self._count).any():
            numbers[beyond] = self._permuted(numbers[beyond])
        found: list[int] = numbers.tolist()
        return found

    def _permuted(self, numbers: Numbers) -> Numbers:
        """A permutation of all numbers of so many bits; halves may differ by one bit."""
        width, other = self._right, self._left
        left, right = numbers >> np.uint64(width), numbers & _ones(width)
        for key in self._keys:
            mixed = _mixed(right + np.uint64(key)) & _ones(other)
            left, right = right, left ^ mixed
            width, other = other, width
        return (left << np.uint64(width)) | right


def _ones(bits: int) -> np.uint64:
    return np.uint64((1 << bits) - 1)


def _mixed(numbers: Numbers) -> Numbers:
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))
