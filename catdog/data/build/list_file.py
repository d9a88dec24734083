"""List files: a path and a label in each line, or in each row of a table."""

import csv
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from catdog.data.build.listing import Listing, Skipped, in_label_order
from catdog.data.build.photo_classes import are_chance, some
from catdog.data.build.photo_table import PhotoTable
from catdog.data.build.table_text import Columns, columns_of, delimiter_of, rows
from catdog.errors import DataError
from catdog.runtime.columns import Texts, Words, repeated
from catdog.runtime.text_file import open_text

#: Of a longer label these say enough: it is too large.
_DIGITS = 20


class _Line(NamedTuple):
    number: int
    path: str
    label: str


def read_list(
    file: str | Path,
    root: str | Path | None = None,
    labels: str | Path | None = None,
    validation: str | Path | None = None,
) -> Listing:
    """The photos that a list file names, `path label` in each line, or a table of two columns.

    Paths are relative to `root`, else to the list's own folder. Labels are numbers from 0 on,
    named by the lines of the file `labels`, or class names. A file that is listed twice is used
    once, and not at all where its labels are different or it has none. A header such as
    `filename,label` is left out and tells which column is which. Raises DataError with file and
    line for a line that cannot be read, and with the labels found when they are not 0 .. C-1.
    """
    notes: list[str] = []
    unlabelled: list[Skipped] = []
    names, found = Texts(), Words()
    _add(_photos(Path(file), notes), names, found, unlabelled)
    trained = len(names)
    if validation:
        _add(_photos(Path(validation), notes), names, found, unlabelled)
    if not names:
        raise DataError("no photo has a label", where=str(file), remedy="write `path label`")
    classes = classes_of(found.counts(), Path(labels) if labels else None, Path(file))
    base = Path(root) if root else Path(file).parent
    train, later = PhotoTable(base.joinpath), PhotoTable(base.joinpath)
    listing = Listing(
        "a list file", classes, train, later if validation else None, unlabelled, notes=notes
    )
    number_of = {
        word: int(word) if word.isdecimal() else classes.index(word) for word in found.distinct
    }
    for at, name, label in _clear(names, found, listing.skipped):
        (train if at < trained else later).append(name, number_of[label])
    return listing


def _clear(names: Texts, labels: Words, skipped: list[Skipped]) -> Iterator[tuple[int, str, str]]:
    """The place, name and label of each photo that has one label, once."""
    again = repeated(names)
    unclear = _unclear(names, labels, {names[at] for at in again})
    for at, (name, label) in enumerate(zip(names, labels, strict=True)):
        if at in again:
            skipped.append(Skipped(name, unclear.get(name, "listed twice")))
        elif name not in unclear:
            yield at, name, label


def _unclear(names: Texts, labels: Words, several: Collection[str]) -> dict[str, str]:
    """Why some of the photos that are listed several times are of no class."""
    labels_of: defaultdict[str, set[str]] = defaultdict(set)
    for name, label in zip(names, labels, strict=True) if several else ():
        if name in several:
            labels_of[name].add(label)
    return {
        name: f"listed with labels that contradict each other: {', '.join(sorted(own))}"
        for name, own in labels_of.items()
        if len(own) > 1
    }


def _add(lines: Iterable[_Line], names: Texts, labels: Words, unlabelled: list[Skipped]) -> None:
    for number, name, label in lines:
        if label:
            names.append(name)
            labels.append(label)
        else:
            unlabelled.append(Skipped(name, f"no label in line {number}"))


def read_numbered(file: str | Path, root: str | Path) -> PhotoTable:
    """The photos of a list file with its integer labels, unchecked.

    The paths are below `root`. Raises DataError, with file and line, for a label that is
    no whole number, or none that a Datum can hold.
    """
    photos = PhotoTable(lambda name: Path(f"{root}/{name}"))
    for number, name, label in _some(_lines(_text(Path(file)), Path(file)), Path(file)):
        if not _is_int32(label):
            what = f'the label "{label[:_DIGITS]}" is no whole number of 32 bits'
            raise DataError(what, where=f"{file}:{number}")
        photos.append(name, int(label))
    return photos


def _photos(file: Path, notes: list[str]) -> Iterator[_Line]:
    """The photos without a header, which is told."""
    text, before = _text(file), []
    for line in text:
        before.append(line)
        if line.strip():
            break
    head = before[-1] if before else ""
    delimiter = delimiter_of(head)
    try:
        columns = next((columns_of(row) for _, row in rows([head], delimiter)), None)
        if _is_table(file, head, delimiter, columns):
            lines = _rows(chain(before, text), file, delimiter, columns or Columns(0, 1))
        else:
            lines = _lines(chain(before, text), file)
        yield from _without_header(_some(lines, file), file, notes)
    except csv.Error as error:
        raise DataError(f"is no CSV ({error})", where=str(file)) from error


def _without_header(lines: Iterator[_Line], file: Path, notes: list[str]) -> Iterator[_Line]:
    first, second = next(lines), next(lines, None)
    if second and columns_of((first.path, first.label)) == Columns(0, 1):
        notes.append(f"{file}:{first.number}: taken for a header: {first.path}, {first.label}")
    else:
        yield first
    if second:
        yield second
    yield from lines


def _is_table(file: Path, head: str, delimiter: str, columns: Columns | None) -> bool:
    """Whether a list has columns, which quotes may be around, in place of a path with spaces."""
    if file.suffix.lower() in (".csv", ".tsv"):
        return delimiter in head
    quoted, semicolon = head.lstrip().startswith('"'), delimiter == ";" and " " not in head.strip()
    return quoted or semicolon or (columns is not None and columns != Columns(0, 1))


def _rows(text: Iterable[str], file: Path, delimiter: str, columns: Columns) -> Iterator[_Line]:
    """The rows of a table; what divides columns may also stand in a path without quotes."""
    for number, row in rows(text, delimiter):
        cells = row[columns.first :]
        if len(cells) < 2:
            remedy = f"write `path{delimiter}label`"
            raise DataError("no label", where=f"{file}:{number}", remedy=remedy)
        label, path = (
            (cells[0], cells[1:]) if columns.file > columns.label else (cells[-1], cells[:-1])
        )
        yield _Line(number, delimiter.join(path).strip(), label.strip())


def _is_int32(label: str) -> bool:
    plain = re.fullmatch(r"[+-]?\d{1,10}", label)
    return bool(plain) and -(2**31) <= int(label) < 2**31


def _lines(text: Iterable[str], file: Path) -> Iterator[_Line]:
    """The lines that are not empty; a tab divides them or, as a path may have spaces in it, the
    last space, or a comma where it ends the path or there is no space."""
    for number, line in enumerate(text, 1):
        words = line.strip().rsplit("\t" if "\t" in line.strip() else None, 1)
        if len(words) == 1 and "," in line:
            words = line.rsplit(",", 1)
        if len(words) == 2:
            path, label = words[0].strip().removesuffix(","), words[1].strip()
            yield _Line(number, path, label)
        elif words:
            raise DataError("no label", where=f"{file}:{number}", remedy="write `path label`")


def _some(lines: Iterator[_Line], file: Path) -> Iterator[_Line]:
    """The same lines. Raises DataError where there are none."""
    first = next(lines, None)
    if first is None:
        raise DataError("the list is empty", where=str(file))
    return chain([first], lines)


def _text(file: Path) -> Iterator[str]:
    """The lines; names that are not UTF-8 keep their bytes."""
    try:
        with open_text(file, errors="surrogateescape") as stream:
            for part in stream:
                yield from part.splitlines()
    except OSError as error:
        raise DataError(f"cannot read the list ({error.strerror})", where=str(file)) from error
    except UnicodeError as error:
        raise DataError("is no text, not a list", where=str(file)) from error


def classes_of(found: Counter[str], labels: Path | None, file: Path) -> list[str]:
    """The names of the classes of these labels, or those that a file has.

    No number is counted up to, as it may be a date. Raises DataError, with the labels found, for
    numbers that are not 0 .. C-1, and for names that are no classes.
    """
    distinct = set(found)
    numbers = {int(label[:_DIGITS]) for label in distinct if label.isdecimal()}
    if not numbers and labels is None:
        if are_chance(found):
            raise DataError(
                f"labels are no classes: {len(distinct)} names, most of them of one photo: "
                f"{some(distinct)}",
                where=str(file),
                remedy="numbers to learn go into a table: --labels",
            )
        return in_label_order(distinct)
    names = [name.strip() for name in _text(labels) if name.strip()] if labels else []
    count = len(names) or len(numbers)
    wrong = [label for label in distinct if not label.isdecimal() and label not in names]
    if wrong or max(numbers, default=0) >= count:
        shown = sorted(distinct, key=lambda label: (len(label), label))[:10]
        raise DataError(
            f"labels are not 0 .. C-1; found {', '.join(label[:_DIGITS] for label in shown)}",
            where=str(file),
            remedy="number the classes from 0 without a gap, or write their names",
        )
    return names or [str(number) for number in range(count)]
