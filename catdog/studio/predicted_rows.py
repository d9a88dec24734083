"""The rows of a table of predictions: filtered, in another order, page by page."""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from catdog.data.archives import Packed, Zip
from catdog.data.images import Readable
from catdog.errors import CatdogError, DataError
from catdog.studio.place import StudioFolder

PAGE = 48
Sorting = Literal["file", "surest", "doubt"]
#: Classes whose likeliest photos are shown, and how many of each.
CLASSES, LIKELIEST = 12, 8


@dataclass(frozen=True)
class PredictedRow:
    """A photo of a table: its place there, its file, its likeliest classes."""

    at: int
    name: str
    file: str
    classes: tuple[tuple[str, float], ...]

    @property
    def label(self) -> str:
        """The likeliest class."""
        return self.classes[0][0]

    @property
    def sureness(self) -> float:
        """Its probability, or score."""
        return self.classes[0][1]


@dataclass(frozen=True)
class PredictedPage:
    """A part of the rows, how many there are of each class, and which part this is.

    `scores`: the numbers are no probabilities.
    """

    rows: tuple[PredictedRow, ...]
    counts: tuple[tuple[str, int], ...]
    number: int
    pages: int
    count: int
    scores: bool


def predicted_rows(path: Path) -> tuple[PredictedRow, ...]:
    """All rows of a table. Raises DataError for a file that is none."""
    status = path.stat()
    return _rows(str(path), (status.st_mtime_ns, status.st_size))


def page_of(
    rows: Sequence[PredictedRow], number: int = 1, label: str = "", sorting: Sorting = "file"
) -> PredictedPage:
    """A part of the rows: those of a class, or all; the surest or the least sure ones first."""
    counts = Counter(row.label for row in rows)
    found = [row for row in rows if not label or row.label == label]
    if sorting != "file":
        found.sort(key=lambda row: row.sureness, reverse=sorting == "surest")
    pages = max(1, -(-len(found) // PAGE))
    number = min(max(1, number), pages)
    scores = any(not 0 <= value <= 1 for row in rows for _, value in row.classes)
    part = tuple(found[(number - 1) * PAGE : number * PAGE])
    return PredictedPage(part, tuple(counts.most_common()), number, pages, len(found), scores)


def likeliest(rows: Sequence[PredictedRow]) -> list[tuple[str, list[PredictedRow]]]:
    """Of the commonest classes the photos that are likeliest of each."""
    counts = Counter(row.label for row in rows)
    return [
        (label, list(page_of(rows, label=label, sorting="surest").rows[:LIKELIEST]))
        for label, _ in counts.most_common(CLASSES)
    ]


def photo_of(row: PredictedRow, source: str, place: StudioFolder) -> Readable:
    """The photo of a row. Raises CatdogError where it may not be read, or is no more."""
    inside = row.file.removeprefix(f"{source}/")
    if source.lower().endswith(".zip") and inside != row.file:
        archive = Zip(str(place.readable(source)))
        if inside in archive.names():
            return Packed(archive, inside)
    path = place.readable(row.file)
    if not path.is_file():
        raise CatdogError("is no more", where=row.file)
    return path


@lru_cache(maxsize=4)
def _rows(name: str, _stamp: tuple[int, int]) -> tuple[PredictedRow, ...]:
    path = Path(name)
    try:
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            head, *rows = csv.reader(file)
        places = [at for at, title in enumerate(head) if title.endswith("class_1")]
        start = places[0]
        end = places[1] if len(places) > 1 else len(head)
        return tuple(_row(at, row, start, end) for at, row in enumerate(rows))
    except (OSError, ValueError, IndexError, csv.Error) as error:
        raise DataError("is no table of predictions", where=path.name) from error


def _row(at: int, row: Sequence[str], start: int, end: int) -> PredictedRow:
    pairs = zip(row[start:end:2], map(float, row[start + 1 : end : 2]), strict=True)
    shown, file = (word.encode(errors="replace").decode() for word in row[:2])
    return PredictedRow(at, shown, file, tuple(pairs))
