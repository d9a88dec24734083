"""List files: a path and a label in each line."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from catdog.data.build.listing import Listing, Skipped, in_label_order
from catdog.data.build.photo_classes import are_chance, some
from catdog.data.build.photo_table import PhotoTable
from catdog.errors import DataError
from catdog.runtime.columns import Texts, Words, repeated
from catdog.runtime.text_file import open_text

#: What the columns are called where the first line is a header.
_FILES = frozenset((
    "file", "files", "filename", "file_name", "filepath", "id", "image", "image_id", "image_name",
    "img", "name", "path", "photo", "picture",
))  # fmt: skip
_LABELS = frozenset((
    "category", "class", "class_id", "class_name", "classname", "id", "label", "labels", "target",
    "y",
))  # fmt: skip
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
    """The photos that a list file names, `path label` in each line.

    Paths are relative to `root`, else to the list's own folder. Labels are numbers from 0 on,
    named by the lines of the file `labels`, or class names. A file that is listed twice is used
    once, a first line such as `filename,label` left out. Raises DataError with file and line for a
    line that cannot be read, and with the labels
    found when they are not 0 .. C-1.
    """
    notes: list[str] = []
    names, found = Texts(), Words()
    _add(_photos(Path(file), notes), names, found)
    trained = len(names)
    if validation:
        _add(_photos(Path(validation), notes), names, found)
    classes = _classes(found.counts(), Path(labels) if labels else None, Path(file))
    base = Path(root) if root else Path(file).parent
    train, later = PhotoTable(base.joinpath), PhotoTable(base.joinpath)
    listing = Listing("a list file", classes, train, later if validation else None, notes=notes)
    number_of = {
        word: int(word) if word.isdecimal() else classes.index(word) for word in found.distinct
    }
    again = repeated(names)
    for at, (name, label) in enumerate(zip(names, found, strict=True)):
        if at in again:
            listing.skipped.append(Skipped(name, "listed twice"))
        else:
            (train if at < trained else later).append(name, number_of[label])
    return listing


def _number(label: str, classes: Sequence[str]) -> int:
    return int(label) if label.isdecimal() else classes.index(label)


def _add(lines: Iterable[_Line], names: Texts, labels: Words) -> None:
    for _, name, label in lines:
        names.append(name)
        labels.append(label)


def read_numbered(file: str | Path, root: str | Path) -> PhotoTable:
    """The photos of a list file with its integer labels, unchecked.

    The paths are below `root`. Raises DataError, with file and line, for a label that is
    no whole number, or none that a Datum can hold.
    """
    photos = PhotoTable(lambda name: Path(f"{root}/{name}"))
    for number, name, label in _lines(Path(file)):
        if not _is_int32(label):
            what = f'the label "{label[:_DIGITS]}" is no whole number of 32 bits'
            raise DataError(what, where=f"{file}:{number}")
        photos.append(name, int(label))
    return photos


def _photos(file: Path, notes: list[str]) -> Iterator[_Line]:
    """The lines without a header, which is told."""
    lines = _lines(file)
    first, second = next(lines), next(lines, None)
    if first.path.casefold() in _FILES and first.label.casefold() in _LABELS and second:
        notes.append(f"{file}:{first.number}: taken for a header: {first.path}, {first.label}")
    else:
        yield first
    if second:
        yield second
    yield from lines


def _is_int32(label: str) -> bool:
    plain = re.fullmatch(r"[+-]?\d{1,10}", label)
    return bool(plain) and -(2**31) <= int(label) < 2**31


def _lines(file: Path) -> Iterator[_Line]:
    """The lines that are not empty; a tab divides them or, as a path may have spaces in it, the
    last space, or a comma where it ends the path or there is no space."""
    empty = True
    for number, line in enumerate(_text(file), 1):
        words = line.strip().rsplit("\t" if "\t" in line.strip() else None, 1)
        if len(words) == 1 and "," in line:
            words = line.rsplit(",", 1)
        if len(words) == 2:
            path, label = words[0].strip().removesuffix(","), words[1].strip()
            yield _Line(number, path, label)
            empty = False
        elif words:
            raise DataError("no label", where=f"{file}:{number}", remedy="write `path label`")
    if empty:
        raise DataError("the list is empty", where=str(file))


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


def _classes(found: Counter[str], labels: Path | None, file: Path) -> list[str]:
    """The names of the classes; no number is counted up to, as it may be a date."""
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
