"""Photos with several labels each, from a table: a CSV file with a header.

Either the file, then a number for each label, which the header names; or the file, then the names
of its labels with spaces between them.
"""

import csv
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from catdog.data.build.listing import Listing, Photo, Skipped
from catdog.data.build.table_text import delimiter_of, rows
from catdog.errors import DataError
from catdog.runtime.files import is_there
from catdog.runtime.text_file import open_text
from catdog.runtime.wording import counted

Vector = tuple[float, ...]

#: Digits of a number that may be that of a class.
_DIGITS = 9


class _Row(NamedTuple):
    line: int
    name: str
    words: list[str]


def read_label_table(file: str | Path, root: str | Path) -> Listing:
    """The photos of a table, each with a vector of labels.

    Paths are relative to `root`, or to its train/ where the first one is there. The elements of
    a vector are in the order of the header, or of the sorted names, where a name is a 1. A file
    that is listed twice is used once. Raises DataError with file and line for what cannot be read.
    """
    file, root = Path(file), Path(root)
    header, table = _read(file)
    layout, classes, vector = _form(header, table, file)
    if not classes:
        raise DataError("has no labels", where=str(file), remedy="write the file, then its labels")
    base = root / "train" if is_there(root / "train" / table[0].name) else root
    listing = Listing(layout, classes, photos := [], notes=_numbers_told(header, table, file))
    seen: set[str] = set()
    for row in table:
        if row.name in seen:
            listing.skipped.append(Skipped(row.name, "listed twice"))
        else:
            photos.append(Photo(base / row.name, row.name, labels=vector(row)))
            seen.add(row.name)
    return listing


def _numbers_told(header: Sequence[str], table: Sequence[_Row], file: Path) -> list[str]:
    """A line where one column of small whole numbers may be meant for classes."""
    found = {row.words[0] for row in table} if len(header) == 2 else set()
    numbers = sorted(int(word) for word in found if word.isdecimal() and len(word) <= _DIGITS)
    if not found or len(numbers) < len(found) or numbers != list(range(len(numbers))):
        return []
    return [
        f'"{header[1]}" is read as a number to learn (0 to {numbers[-1]}), not as classes; '
        f"for classes: --list {file}"
    ]


def _form(
    header: Sequence[str], table: Sequence[_Row], file: Path
) -> tuple[str, list[str], Callable[[_Row], Vector]]:
    """What kind of table it is, what its labels are called, and how a row becomes a vector."""
    if len(header) != 2 or all(_number(row.words[0]) is not None for row in table):
        return "a table of numbers", list(header[1:]), lambda row: _numbers(row, file)
    names = sorted({name for row in table for name in row.words[0].split()})

    def vector(row: _Row) -> Vector:
        own = row.words[0].split()
        return tuple(float(name in own) for name in names)

    return "a table of names", names, vector


def _read(file: Path) -> tuple[list[str], list[_Row]]:
    """The header and the rows, each as long as it."""
    try:
        with open_text(file, errors="surrogateescape") as stream:
            lines = stream.readlines()
            found = rows(lines, delimiter_of(lines[0] if lines else ""))
            table = [(number, list(map(str.strip, row))) for number, row in found]
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror})", where=str(file)) from error
    except (csv.Error, UnicodeError) as error:
        raise DataError(f"is no CSV ({error})", where=str(file)) from error
    if len(table) < 2:
        raise DataError("names no photos", where=str(file), remedy="write a header, then the rows")
    (_, header), *others = table
    for line, words in others:
        if len(words) != len(header):
            raise DataError(
                f"{counted(len(words), 'column')} where the header has {len(header)}",
                where=f"{file}:{line}",
                remedy="write the file, then its labels",
            )
    return header, [_Row(line, name, words) for line, (name, *words) in others]


def _numbers(row: _Row, file: Path) -> Vector:
    numbers = []
    for word in row.words:
        number = _number(word)
        if number is None:
            raise DataError(f'the label "{word}" is no number', where=f"{file}:{row.line}")
        numbers.append(number)
    return tuple(numbers)


def _number(word: str) -> float | None:
    try:
        number = float(word)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
