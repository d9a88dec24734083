"""What a store of pictures is to those who read it: values in order, each with a key."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Self

from catdog.runtime.columns import LazySequence


class Records(ABC):
    """The values of one LMDB, or of many as if they were one, by their place in order.

    `path` is what messages name, `stores` are the LMDBs. Safe to use from threads.
    """

    path: Path
    stores: list[Path]

    @abstractmethod
    def __len__(self) -> int:
        """How many records there are."""

    @abstractmethod
    def places_of(self, store: int, /) -> range:
        """The places of the records of one of the `stores`."""

    @abstractmethod
    def key(self, index: int) -> bytes:
        """The key at a place."""

    @abstractmethod
    def all_keys(self) -> Iterator[bytes]:
        """The keys in order, without their values."""

    @abstractmethod
    def get_many(self, indices: Iterable[int]) -> list[bytes]:
        """The values at these places."""

    @abstractmethod
    def views(self, indices: Iterable[int]) -> Iterator[tuple[bytes, bytes | memoryview]]:
        """Keys and values at these places without a copy: they live until the next one."""

    @abstractmethod
    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Keys and values in order, one at a time."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the files; a second call does nothing."""

    @property
    def keys(self) -> Sequence[bytes]:
        """The keys in order; each is read when it is asked for."""
        return _Keys(self)

    def get(self, index: int) -> bytes:
        """The value at a place."""
        return self.get_many([index])[0]

    def first(self) -> bytes:
        """The value of the first key, whose shape stands for the others'."""
        return next(value for _, value in self.items())

    def __iter__(self) -> Iterator[bytes]:
        return (value for _, value in self.items())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class _Keys(LazySequence[bytes]):
    def __init__(self, records: Records) -> None:
        self._records = records

    def __len__(self) -> int:
        return len(self._records)

    def item(self, index: int) -> bytes:
        return self._records.key(index)

    def __iter__(self) -> Iterator[bytes]:
        return self._records.all_keys()
