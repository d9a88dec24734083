"""Predictions as a table: of each photo its file and its likeliest classes, as CSV."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from catdog.data.images import Unreadable
from catdog.inference.foreign import NEITHER
from catdog.inference.heads import Head
from catdog.inference.photo_job import Batch
from catdog.inference.predictor import Prediction
from catdog.inference.tally import LIKELIEST, foremost
from catdog.runtime.files import replacing


class PredictionTable:
    """Takes predictions for a table: `id,file,class_1,probability_1,class_2,...`.

    Of a net with several heads the columns of each begin with its title. Where sets of classes are
    asked for, `set_95%` has the names of each with | between them. Where photos are refused,
    `neither` is 1 for those that are, and `foreign` is their score. What could not be read has no
    row.

    Args:
        heads: what the net tells of a photo.
        writer: of csv.
    """

    def __init__(self, heads: Sequence[Head], writer: Any) -> None:
        self._heads, self._writer = heads, writer
        self._next = 0
        writer.writerow(["id", "file", *_titles(heads)])

    def lacks(self, at: int) -> bool:
        """Whether the photo at this place has no row yet."""
        return self._next <= at

    def take(self, at: int, batch: Batch) -> None:
        """Photos of which the first is at this place."""
        self._next = at + len(batch)
        for name, found in batch:
            if not isinstance(found, Unreadable):
                self._writer.writerow([name, str(found.path), *self._words(found)])

    def _words(self, found: Prediction) -> Iterator[str]:
        for head, row in zip(self._heads, found.rows, strict=True):
            for number in foremost(row):
                yield head.names[number]
                yield f"{row[number]:.6f}"
            if head.sets:
                yield "|".join(head.names[number] for number in head.within(row))
        if found.foreign:
            yield from (str(int(found.is_refused)), f"{found.foreign.score:.6f}")


@contextmanager
def table_file(path: str | Path, heads: Sequence[Head]) -> Iterator[PredictionTable]:
    """A file for a table, which is there when all predictions have been taken, or not at all.

    Raises Unwritable where it cannot be written, before the first prediction.
    """
    with (
        replacing(path) as beside,
        beside.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        yield PredictionTable(heads, csv.writer(file, lineterminator="\n"))


def _titles(heads: Sequence[Head]) -> Iterator[str]:
    for head in heads:
        before = f"{head.title} " if len(heads) > 1 else ""
        for place in range(1, 1 + min(LIKELIEST, len(head.names))):
            yield from (f"{before}class_{place}", f"{before}probability_{place}")
        if head.sets:
            yield f"{before}set_{100 * head.sets.coverage:.4g}%"
    if heads[0].reject:
        yield from (NEITHER, "foreign")
