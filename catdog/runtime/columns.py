"""Long columns of names in little memory: Python's own objects take ten times as much."""

from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

Item = TypeVar("Item", covariant=True)

#: Comes back as the same text whatever is in it, names of files that are not UTF-8 as well.
_EXACT = "surrogatepass"


class LazySequence(Sequence[Item]):
    """A sequence that makes its items when they are asked for; a slice of it is a list."""

    def item(self, index: int) -> Item:
        """The item at an index from 0 on."""
        raise NotImplementedError

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> list[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | list[Item]:
        count = len(self)
        if isinstance(index, slice):
            return list(map(self.item, range(*index.indices(count))))
        at = index + count if index < 0 else index
        if not 0 <= at < count:
            raise IndexError(f"{index} of {count}")
        return self.item(at)

    def __iter__(self) -> Iterator[Item]:
        return map(self.item, range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]


class Picked(LazySequence[Item]):
    """The items of a sequence at some places, in the order of these."""

    def __init__(self, items: Sequence[Item], places: Sequence[int]) -> None:
        self._items, self._places = items, places

    def __len__(self) -> int:
        return len(self._places)

    def item(self, index: int) -> Item:
        return self._items[self._places[index]]


class Chained(LazySequence[int]):
    """The numbers of some ranges, one after the other."""

    def __init__(self, ranges: Sequence[range]) -> None:
        self._ranges, self._ends = ranges, list(accumulate(map(len, ranges)))

    def __len__(self) -> int:
        return self._ends[-1]

    def item(self, index: int) -> int:
        which = bisect_right(self._ends, index)
        return self._ranges[which][index - self._ends[which]]


class Mapped(LazySequence[Item]):
    """What a function makes of the items of a sequence."""

    def __init__(self, make: Callable[[Any], Item], items: Sequence[Any]) -> None:
        self._make, self._items = make, items

    def __len__(self) -> int:
        return len(self._items)

    def item(self, index: int) -> Item:
        return self._make(self._items[index])


class ByteStrings(LazySequence[bytes]):
    """Byte strings behind each other, with the end of each: 8 bytes for one beside its own."""

    def __init__(self, strings: Iterable[bytes] = ()) -> None:
        self._bytes, self._ends = bytearray(), array("Q", [0])
        for string in strings:
            self.append(string)

    def __len__(self) -> int:
        return len(self._ends) - 1

    def append(self, string: bytes) -> None:
        """One more at the end."""
        self._bytes += string
        self._ends.append(len(self._bytes))

    def item(self, index: int) -> bytes:
        return bytes(self._bytes[self._ends[index] : self._ends[index + 1]])


class Texts(LazySequence[str]):
    """Texts, each as its bytes in UTF-8; any text comes back as it was."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._encoded = ByteStrings(text.encode(errors=_EXACT) for text in texts)

    def __len__(self) -> int:
        return len(self._encoded)

    def append(self, text: str) -> None:
        """One more at the end."""
        self._encoded.append(text.encode(errors=_EXACT))

    def item(self, index: int) -> str:
        return self._encoded.item(index).decode(errors=_EXACT)


class Words(LazySequence[str]):
    """Texts of which there are few, each many times: a number of 4 bytes for each."""

    def __init__(self, words: Iterable[str] = ()) -> None:
        self._codes = array("i")
        self._code_of: dict[str, int] = {}
        self.distinct: list[str] = []
        for word in words:
            self.append(word)

    def __len__(self) -> int:
        return len(self._codes)

    def append(self, word: str) -> None:
        """One more at the end."""
        code = self._code_of.setdefault(word, len(self.distinct))
        if code == len(self.distinct):
            self.distinct.append(word)
        self._codes.append(code)

    def item(self, index: int) -> str:
        return self.distinct[self._codes[index]]

    @property
    def codes(self) -> NDArray[np.int32]:
        """The index of each in `distinct`."""
        return np.array(self._codes, np.int32)

    def counts(self) -> Counter[str]:
        """How often each word is there."""
        counts = np.bincount(self.codes, minlength=len(self.distinct)).tolist()
        return Counter(dict(zip(self.distinct, counts, strict=True)))


def repeated(names: Sequence[str]) -> set[int]:
    """The places of names that came before; a set of all names would take much memory."""
    hashes = np.fromiter(map(hash, names), np.int64, len(names))
    found, counts = np.unique(hashes, return_counts=True)
    seen: set[str] = set()
    again: set[int] = set()
    for at in np.flatnonzero(np.isin(hashes, found[counts > 1])).tolist():
        if (name := names[at]) in seen:
            again.add(at)
        seen.add(name)
    return again
