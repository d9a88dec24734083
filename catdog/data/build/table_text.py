"""Tables as spreadsheets, R and pandas write them: what divides their columns, which is which."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

#: What the columns are called where the first line is a header.
_FILES = frozenset((
    "file", "files", "filename", "file_name", "filepath", "id", "image", "image_id", "image_name",
    "img", "name", "path", "photo", "picture",
))  # fmt: skip
_LABELS = frozenset((
    "category", "class", "class_id", "class_name", "classname", "id", "label", "labels", "target",
    "y",
))  # fmt: skip
#: What stands over the numbers of the rows, which R and pandas write first.
_NUMBERS = frozenset(("", "id", "index", "unnamed: 0"))


class Columns(NamedTuple):
    """Where a row has the file and its label; `first` is how many columns stand before both."""

    file: int
    label: int
    first: int = 0


def delimiter_of(header: str) -> str:
    """What stands between the columns: a tab, a semicolon where there is no comma, or a comma."""
    return "\t" if "\t" in header else ";" if ";" in header and "," not in header else ","


def rows(lines: Iterable[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, each with the number of its last line. Raises csv.Error."""
    reader = csv.reader(lines, delimiter=delimiter)
    for row in reader:
        if any(row):
            yield reader.line_num, row


def columns_of(header: Sequence[str]) -> Columns | None:
    """Where a header of a file and a label has them; None where it is no such header."""
    names = [name.strip().casefold() for name in header]
    if len(names) == 3 and names[0] in _NUMBERS and names[1] != "id":
        found = columns_of(names[1:])
        return found and Columns(found.file, found.label, 1)
    if len(names) != 2:
        return None
    if names[0] in _FILES and names[1] in _LABELS:
        return Columns(0, 1)
    return Columns(1, 0) if names[0] in _LABELS and names[1] in _FILES else None
