"""Index files: which records of an LMDB are taken, and in which order."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from catdog.data.sources.base import read_text
from catdog.errors import DataError
from catdog.runtime.files import replacing

#: Digits of a place that are shown, more than any has.
_SHOWN = 20
_REMEDY = "each line holds the place of one record in the order of keys, from 0"


def read_index(path: Path, count: int) -> list[int]:
    """The record indices in the lines of a file, for an LMDB of `count` records.

    Empty lines and comments after a `#` are ignored; an index may occur more than once. Raises
    DataError, with the line, for what is not an index below `count`.
    """
    indices = list(_indices(path, read_text(path, "index file", "index_file"), count))
    if not indices:
        raise DataError("names no record", where=str(path), remedy=_REMEDY)
    return indices


def _indices(path: Path, text: str, count: int) -> Iterator[int]:
    for number, line in enumerate(text.splitlines(), 1):
        word = line.partition("#")[0].strip()
        if not word:
            continue
        if not (word.isascii() and word.isdigit()):
            what = f'"{word[:_SHOWN]}" is no place of a record'
            raise DataError(what, where=f"{path}:{number}", remedy=_REMEDY)
        if len(word) > _SHOWN or int(word) >= count:
            what = f"there is no record {word[:_SHOWN]}: the data have {count}, 0 to {count - 1}"
            remedy = "make the list for these data"
            raise DataError(what, where=f"{path}:{number}", remedy=remedy)
        yield int(word)


def write_index(path: Path, indices: Iterable[int]) -> None:
    """Write indices as `read_index` reads them, one on a line."""
    with replacing(path) as beside:
        beside.write_text("".join(f"{int(index)}\n" for index in indices), encoding="utf-8")
