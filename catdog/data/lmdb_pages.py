"""Whether the pages of an LMDB hang together, found before LMDB itself walks over them.

LMDB maps its file and believes it: a page that is cut off ends the process with a bus error, a page
of other bytes with a failed assertion. Here the pages are read as bytes. Only those that lead to
records are (a leaf for some sixty pictures), not what the records hold; checksums are for that
(`checksums.py`).

The format is that of LMDB 0.9, `mdb.c`: a page begins with its number (8 bytes), 2 unused, its
flags, and where its free space begins and ends (2 each); positions of nodes follow. A node has a
size or a page's number in its first 6 bytes, the length of its key in the next 2.
"""

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from catdog.errors import DataError

_MAGIC, _VERSION = 0xBEEFC0DE, 1
_HEADER = struct.Struct("<QHHHH")
#: magic, version, address, map size; page size, then of the tree of records: flags, depth, pages
#: (branch, leaf, overflow), entries, root; last page, transaction
_META = struct.Struct("<IIQQ I44x I HH QQQ QQ QQ")
_BRANCH, _LEAF, _OVERFLOW, _META_PAGE = 1, 2, 4, 8
#: A node's flags: its value has pages of its own, is a list of values; its bytes before the key.
_BIG, _SEVERAL, _NODE = 1, 4, 8
_NOWHERE = 2**64 - 1
#: Page sizes that LMDB may have.
_SIZES = {1 << power for power in range(9, 17)}

Bytes = NDArray[np.uint8]


class Torn(Exception):
    """What is wrong with a page."""


def check_pages(path: Path, *, records: bool = True) -> None:
    """Raise DataError where a data.mdb is cut off, or its pages are not what leads to its records.

    Whatever a reader of LMDB would touch to list the keys has been looked at then, and every
    record lies within the file; without `records` where each begins was not.
    """
    with _walk(path) as walk:
        walk.walk(records)


def entries(path: Path) -> int:
    """The number of records by the first pages of a data.mdb; raises DataError as `check_pages`."""
    with _walk(path) as walk:
        return walk.entries


@contextmanager
def _walk(path: Path) -> Iterator["_Walk"]:
    with path.open("rb", buffering=0) as file:
        try:
            yield _Walk(file.fileno())
        except Torn as error:
            raise DataError(
                f"this LMDB is damaged: {error}",
                where=str(path.parent),
                remedy="build it again, or copy it again from where it came",
            ) from error


class _Walk:
    def __init__(self, file: int) -> None:
        self._file = file
        self._bytes = os.fstat(file).st_size
        self._page_bytes, self._root, self.entries = self._newest()
        self._pages = self._bytes // self._page_bytes

    def walk(self, records: bool) -> None:
        found = visited = 0
        ahead = [] if self._root == _NOWHERE else [self._root]
        while ahead:
            number = ahead.pop()
            visited += 1
            if visited > self._pages:
                raise Torn(f"its pages lead in a circle at page {number}")
            page = self._page(number)
            flags, nodes = self._nodes(page, number)
            if flags & _LEAF:
                self._leaf(page, nodes, number, records)
                found += len(nodes)
            else:
                ahead += _children(page, nodes)
        if found != self.entries:
            raise Torn(f"{found} records where it says {self.entries}")

    def _newest(self) -> tuple[int, int, int]:
        """Page size, root and number of records by the newer of the two first pages."""
        first = self._meta(0, 0)
        if first is None:
            raise Torn(
                "it is empty" if not self._bytes else "it does not begin as an LMDB of this machine"
            )
        second = self._meta(first[0], 1)
        if second is None:
            raise Torn("its second page is none of LMDB's")
        # LMDB too takes the first where both are as new
        size, root, entries, _ = second if second[3] > first[3] else first
        return size, root, entries

    def _meta(self, at: int, number: int) -> tuple[int, int, int, int] | None:
        """Page size, root, number of records, transaction; None where it is no such page."""
        data = os.pread(self._file, _HEADER.size + _META.size, at)
        if len(data) < _HEADER.size + _META.size:
            return None
        page, _, flags, *_ = _HEADER.unpack_from(data)
        magic, version, _, _, size, *_, entries, root, _, transaction = _META.unpack_from(
            data, _HEADER.size
        )
        sound = (magic, version, page) == (_MAGIC, _VERSION, number) and flags & _META_PAGE
        return (size, root, entries, transaction) if sound and size in _SIZES else None

    def _page(self, number: int) -> Bytes:
        if number >= self._pages:
            raise Torn(self._cut_off(number))
        data = os.pread(self._file, self._page_bytes, number * self._page_bytes)
        return np.frombuffer(data, np.uint8)

    def _cut_off(self, number: int) -> str:
        return (
            f"it has {self._bytes:,} bytes, at least {(number + 1) * self._page_bytes:,} are needed"
        )

    def _nodes(self, page: Bytes, number: int) -> tuple[int, NDArray[np.int64]]:
        """The flags of a page, and where its nodes begin."""
        own, _, flags, lower, upper = _HEADER.unpack_from(page.data)
        kinds = flags & (_BRANCH | _LEAF | _OVERFLOW | _META_PAGE)
        sound = _HEADER.size <= lower <= upper <= self._page_bytes and lower % 2 == 0
        if own != number or kinds not in (_BRANCH, _LEAF) or not sound:
            raise Torn(f"page {number} was overwritten")
        nodes = page[_HEADER.size : lower].view("<u2").astype(np.int64)
        if not nodes.size or nodes.min() < upper or nodes.max() + _NODE > self._page_bytes:
            raise Torn(f"page {number} was overwritten")
        return flags, nodes

    def _leaf(self, page: Bytes, nodes: NDArray[np.int64], number: int, records: bool) -> None:
        sizes = _number(page, nodes, 2).astype(np.int64)
        flags = _number(page, nodes + 4, 1).astype(np.int64)
        big = flags & _BIG != 0
        begin = nodes + _NODE + _number(page, nodes + 6, 1).astype(np.int64)
        if (begin + np.where(big, 8, sizes)).max() > self._page_bytes or (flags & _SEVERAL).any():
            raise Torn(f"page {number} was overwritten")
        if big.any():
            self._big(_number(page, begin[big], 4), sizes[big], records)

    def _big(self, firsts: NDArray[np.uint64], sizes: NDArray[np.int64], records: bool) -> None:
        """Records that have pages of their own are within the file, and begin with such a page."""
        ends = firsts.astype(np.float64) * self._page_bytes + _HEADER.size + sizes
        if ends.max() > self._bytes:
            raise Torn(self._cut_off(int(ends.max()) // self._page_bytes))
        for first in firsts.tolist() if records else ():
            data = os.pread(self._file, _HEADER.size, first * self._page_bytes)
            own, _, flags, *_ = _HEADER.unpack(data)
            if own != first or not flags & _OVERFLOW:
                raise Torn(f"page {first}, where a record begins, was overwritten")


def _children(page: Bytes, nodes: NDArray[np.int64]) -> list[int]:
    """The numbers of the pages that the nodes of a branch lead to."""
    numbers = _number(page, nodes, 2) + (_number(page, nodes + 4, 1) << np.uint64(32))
    return cast(list[int], numbers.tolist())


def _number(page: Bytes, at: NDArray[np.int64], words: int) -> NDArray[np.uint64]:
    """The little-endian numbers of so many 16-bit words at these places."""
    parts = (page[at + byte].astype(np.uint64) << np.uint64(8 * byte) for byte in range(2 * words))
    return sum(parts, np.zeros(len(at), np.uint64))
