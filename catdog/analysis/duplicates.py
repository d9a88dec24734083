"""Photos that are nearly the same, by a perceptual hash.

The hash is the sign of the 64 lowest frequencies of a small grey picture (a DCT, after the pHash
of C. Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions, 2010). Photos that
differ in size, compression or light agree in almost all of its bits.
"""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from catdog.data.images import Pixels

Hashes = NDArray[np.uint64]

#: Side of the grey picture whose frequencies are taken, and of the low ones that are kept.
_SIDE, _KEPT = 32, 8
#: Bits in which two hashes of nearly the same photo may differ.
NEAR = 6
#: Below this deviation, in grey levels, a picture is one colour and its hash is noise.
_FLAT = 2.0
_BLOCK = 512


def perceptual_hash(picture: Pixels) -> int | None:
    """The 64-bit hash of a BGR picture, height x width x 3; None for a picture of one colour."""
    small = cv2.resize(picture, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    gray = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).astype(np.float32)
    if gray.std() < _FLAT:
        return None
    low = cv2.dct(gray)[:_KEPT, :_KEPT].ravel()
    bits = low > np.median(low)
    return int.from_bytes(np.packbits(bits).tobytes())


def groups(hashes: Sequence[int | None], near: int = NEAR) -> list[list[int]]:
    """Groups of indices whose hashes are within `near` bits of each other, directly or by a chain.

    Groups and their members are in ascending order. Every pair is compared, in blocks of rows.
    """
    known = [index for index, value in enumerate(hashes) if value is not None]
    values = np.array([hashes[index] for index in known], np.uint64)
    parents = list(range(len(known)))
    for one, other in _pairs(values, near):
        parents[_root(parents, other)] = _root(parents, one)
    members: dict[int, list[int]] = {}
    for index in range(len(known)):
        members.setdefault(_root(parents, index), []).append(known[index])
    return sorted(found for found in members.values() if len(found) > 1)


def _pairs(values: Hashes, near: int) -> Iterator[tuple[int, int]]:
    for start in range(0, len(values), _BLOCK):
        block = values[start : start + _BLOCK, None]
        distance = np.bitwise_count(block ^ values[None, start:])
        rows, columns = np.nonzero(distance <= near)
        later = columns > rows
        for row, column in zip(rows[later].tolist(), columns[later].tolist(), strict=True):
            yield start + row, start + column


def _root(parents: list[int], index: int) -> int:
    while parents[index] != index:
        parents[index] = parents[parents[index]]
        index = parents[index]
    return index
