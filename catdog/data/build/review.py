"""`review.csv`: what people decided on photos of a data set, a row for each photo."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import NamedTuple

from catdog.data.build.table_text import delimiter_of, rows
from catdog.errors import DataError, did_you_mean
from catdog.runtime.files import replacing
from catdog.runtime.lock import turn
from catdog.runtime.text_file import open_text
from catdog.runtime.wording import counted

#: The decisions; without one a photo is as if it was kept.
KEEP, RELABEL, DROP = "keep", "relabel", "drop"
DECISIONS = (KEEP, RELABEL, DROP)
TITLES = ("photo", "label", "decision", "new_label", "note")
_OPTIONAL = ("note",)
#: Characters of a note.
_MOST_NOTE = 2000
#: Seconds to wait for others who write the file.
_PATIENCE = 20.0


class ReviewRow(NamedTuple):
    """A photo by its name in the data set, and what was decided on it.

    `label` is the name of its class as given, `new_label` that of the class to give it, `line`
    where it stands in its file, 0 where it stands in none.
    """

    photo: str
    label: str
    decision: str = ""
    new_label: str = ""
    note: str = ""
    line: int = 0


def read_review(path: Path) -> list[ReviewRow]:
    """The rows of a file. Raises DataError, with file and line, for what cannot be decided so."""
    try:
        with open_text(path, errors="surrogateescape") as file:
            # the ends of lines are those in the names of photos too
            file.reconfigure(newline="")
            text = file.read()
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror})", where=str(path)) from error
    except UnicodeError as error:
        raise DataError("is no text, not a review", where=str(path)) from error
    try:
        found = list(_parsed(text, path))
    except csv.Error as error:
        raise DataError(f"is no CSV ({error})", where=str(path)) from error
    raise_faults(path, _faults(found))
    return found


def write_review(path: Path, found: Iterable[ReviewRow]) -> None:
    """Write rows as the file, whole or not at all. Raises DataError for what cannot be decided so,
    and Unwritable."""
    found = list(found)
    raise_faults(path, _faults(found))
    with (
        replacing(path) as beside,
        beside.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(TITLES)
        writer.writerows(row[: len(TITLES)] for row in found)


def decide(path: Path, decided: Iterable[ReviewRow]) -> None:
    """Write decisions into a file, which need not be there: a row takes the place of the one on
    its photo. Others may do the same at the same time. Raises as `write_review`."""
    new = {row.photo: row for row in decided}
    with _editing(path) as there:
        write_review(path, [*(new.pop(row.photo, row) for row in there), *new.values()])


def propose(path: Path, candidates: Iterable[ReviewRow]) -> tuple[int, int]:
    """Add rows on photos that the file has none of; what it has stays as it is.

    Gives how many are new, and how many were there. Raises as `write_review`.
    """
    proposed = {row.photo: row for row in candidates}
    with _editing(path) as there:
        known = {row.photo for row in there}
        new = [row for photo, row in proposed.items() if photo not in known]
        write_review(path, [*there, *new])
    return len(new), len(proposed) - len(new)


def raise_faults(path: Path, faults: Sequence[tuple[int, str, str]]) -> None:
    """Raise DataError for the first of some faults: their lines, what is wrong and the remedy."""
    if not faults:
        return
    line, what, remedy = min(faults)
    more = f" (and {counted(len(faults) - 1, 'fault')} more)" if len(faults) > 1 else ""
    raise DataError(what + more, where=f"{path}:{line}" if line else str(path), remedy=remedy)


@contextmanager
def _editing(path: Path) -> Iterator[list[ReviewRow]]:
    """The rows that a file has, while nobody else writes it."""
    with turn(path, _PATIENCE) as held:
        if not held:
            what = "another process is at work on this review, or its folder cannot be written"
            raise DataError(what, where=str(path), remedy="try again")
        yield read_review(path) if path.exists() else []


def _parsed(text: str, path: Path) -> Iterator[ReviewRow]:
    # of the ends of lines that Unicode knows, these are CSV's
    lines = StringIO(text, newline="")
    numbered = rows(lines, delimiter_of(text.partition("\n")[0]))
    line, head = next(numbered, (1, []))
    titles = [title.strip().casefold().replace(" ", "_") for title in head]
    if missing := [title for title in TITLES if title not in (*titles, *_OPTIONAL)]:
        what = f"has no column {', '.join(missing)}"
        remedy = f"its first line is {','.join(TITLES)}"
        raise DataError(what, where=f"{path}:{line}", remedy=remedy)
    place = {title: titles.index(title) for title in TITLES if title in titles}
    for line, row in numbered:
        if len(row) > len(head):
            what = f"has {len(row)} cells under {len(head)} titles"
            raise DataError(what, where=f"{path}:{line}", remedy='put quotes, "", around commas')
        yield _row(row, place, line)


def _row(cells: Sequence[str], place: Mapping[str, int], line: int) -> ReviewRow:
    words = [
        cells[at] if (at := place.get(title, len(cells))) < len(cells) else "" for title in TITLES
    ]
    photo, label, decision, new_label, note = words
    return ReviewRow(
        photo, label.strip(), decision.strip().casefold(), new_label.strip(), note, line
    )


def _faults(found: Iterable[ReviewRow]) -> list[tuple[int, str, str]]:
    faults: list[tuple[int, str, str]] = []
    first: dict[str, int] = {}
    for row in found:
        faults += [(row.line, f"{row.photo!r}: {what}", remedy) for what, remedy in _fault(row)]
        if row.photo in first:
            where = f"line {first[row.photo]}" if first[row.photo] else "another row"
            faults.append((row.line, f"{row.photo!r} stands in {where} too", "keep one of them"))
        first.setdefault(row.photo, row.line)
    return faults


def _fault(row: ReviewRow) -> Iterator[tuple[str, str]]:
    """What is wrong with a row by itself, with the remedy."""
    if not row.photo:
        yield "the name of the photo is missing", "give it as the build has it"
    if row.decision and row.decision not in DECISIONS:
        known = did_you_mean(row.decision, DECISIONS) or f"write {', '.join(DECISIONS)} or nothing"
        yield f'"{row.decision}" is no decision', known
    elif row.decision == RELABEL and not row.new_label:
        yield "relabel, and there is no new_label", "name the class"
    elif row.decision == RELABEL and row.new_label == row.label:
        yield f"{row.label} is the label that it has", "write keep"
    elif row.new_label and row.decision != RELABEL:
        decided = row.decision or "nothing decided"
        yield f"has a new_label, {row.new_label}, and {decided}", "write relabel, or no new_label"
    if len(row.note) > _MOST_NOTE:
        yield f"a note of {len(row.note):,} characters", f"{_MOST_NOTE:,} are the most"
    if any(ord(sign) < 32 and sign not in "\n\r\t" for sign in "".join(row[1:5])):
        yield "has control characters", "leave them out"
