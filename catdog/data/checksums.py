"""A checksum of each record of an LMDB, in a table beside its data."""

import csv
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from catdog.errors import DataError

CHECKSUMS = "checksums.csv"
_TITLES = ("key", "crc32")


class RecordLine(NamedTuple):
    """The key and the CRC-32 of a record, and words about it."""

    key: bytes
    checksum: str
    notes: tuple[str, ...]


class Checksums:
    """The table of an LMDB that is being written; lines are added to one that is there."""

    def __init__(self, lmdb: Path, name: str = CHECKSUMS) -> None:
        path = lmdb / name
        new = not path.exists()
        self._file = path.open("a", encoding="utf-8", errors="surrogateescape", newline="")
        self._writer = csv.writer(self._file)
        if new:
            self._writer.writerow(_TITLES)

    def add(
        self, pairs: Sequence[tuple[bytes, bytes]], notes: Sequence[tuple[str, ...]] = ()
    ) -> None:
        """Lines of records that are in the LMDB."""
        words = notes or [()] * len(pairs)
        self.write(
            RecordLine(key, checksum(value), noted)
            for (key, value), noted in zip(pairs, words, strict=True)
        )

    def write(self, lines: Iterable[RecordLine]) -> int:
        """These lines; none of them waits in this process. Returns how many they were."""
        count = 0
        for line in lines:
            self._writer.writerow((_text(line.key), line.checksum, *line.notes))
            count += 1
        self._file.flush()
        return count

    def close(self) -> None:
        self._file.close()


def checksum(value: bytes | memoryview) -> str:
    """The CRC-32 of a record's value, in hexadecimal."""
    return f"{zlib.crc32(value):08x}"


def read_checksums(lmdb: Path) -> Iterator[RecordLine]:
    """The lines of an LMDB's table; none where it has no table.

    The last line may be half a line, where a build was killed: lines end at the first that is none.
    """
    path = lmdb / CHECKSUMS
    if not path.exists():
        return
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        rows = csv.reader(file)
        try:
            next(rows, None)
            for row in rows:
                if len(row) < len(_TITLES):
                    return
                yield RecordLine(_bytes(row[0]), row[1], tuple(row[2:]))
        except (csv.Error, UnicodeError) as error:
            raise DataError(f"not a table of checksums ({error})", where=str(path)) from error


def _text(key: bytes) -> str:
    return key.decode(errors="surrogateescape")


def _bytes(key: str) -> bytes:
    return key.encode(errors="surrogateescape")
