"""Index files: which records of a store are taken, and in which order."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from catdog.data.sources.base import read_text
from catdog.errors import DataError
from catdog.runtime.files import replacing

_REMEDY = "each line holds the place of one record in the order of keys, from 0"


def read_index(path: Path, count: int) -> list[int]:
    """The places in the lines of a file, of a store of `count` records.

    Empty lines, and what follows a `#`, do not count; a place may be there more than once. Raises
    DataError, with the line, for what is no place or is not in the store.
    """
    places = list(_places(path, read_text(path, "index file", "index_file"), count))
    if not places:
        raise DataError("names no record", where=str(path), remedy=_REMEDY)
    return places


def _places(path: Path, text: str, count: int) -> Iterator[int]:
    for number, line in enumerate(text.splitlines(), 1):
        word = line.partition("#")[0].strip()
        if not word:
            continue
        if not (word.isascii() and word.isdigit()):
            what = f'"{word}" is no place of a record'
            raise DataError(what, where=f"{path}:{number}", remedy=_REMEDY)
        if int(word) >= count:
            what = f"there is no record {word}: the data have {count}, 0 to {count - 1}"
            remedy = "make the list for these data"
            raise DataError(what, where=f"{path}:{number}", remedy=remedy)
        yield int(word)


def write_index(path: Path, places: Iterable[int]) -> None:
    """Write places as `read_index` reads them, one on a line."""
    with replacing(path) as beside:
        beside.write_text("".join(f"{int(place)}\n" for place in places), encoding="utf-8")
