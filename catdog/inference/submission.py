"""Predictions to a file: Kaggle's two forms of a submission, a column for each class or label."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from catdog.data.images import Unreadable
from catdog.data.photo_names import natural
from catdog.inference.heads import Head
from catdog.inference.predictor import Prediction
from catdog.runtime.files import replacing

#: A probability of 0 or 1 that is wrong costs everything in a log loss.
CLIP = 0.005
_LABEL = "label"


def write_submission(
    path: str | Path,
    predictions: Mapping[str, Prediction],
    heads: Sequence[Head],
    *,
    probability: bool = False,
) -> None:
    """Write a row for each id, in natural order.

    Of one head with classes: `id,label`, the label being the number of the most probable class (1
    = dog). With `probability` it is the probability of class 1, clipped to CLIP .. 1 - CLIP, and of
    more than two classes there is a column for each by its name. Labels of their own have a column
    each, with 1 for those that apply, or the probability. Several heads stand side by side. Of a
    photo that is refused nothing is known: each class is as probable as any other, and where
    probabilities are not asked for, the label is the likeliest class still.
    """
    rows = (
        row_of(name, predictions[name], heads, probability=probability)
        for name in sorted(predictions, key=natural)
    )
    with replacing(path) as beside, _text(beside) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(titles(heads, probability=probability))
        writer.writerows(rows)


def titles(heads: Sequence[Head], *, probability: bool = False) -> list[str]:
    """What stands above the columns."""
    return ["id", *_columns(heads, probability=probability)]


def row_of(
    name: str, photo: Prediction, heads: Sequence[Head], *, probability: bool = False
) -> list[object]:
    """The row of a photo: its id, then what `write_submission` tells."""
    return [name, *_numbers(photo, heads, probability=probability)]


def write_skipped(submission: str | Path, skipped: Sequence[Unreadable]) -> Path:
    """Write the photos that have no row, with the reason, beside the submission.

    Where there are none, the record of an earlier submission goes.
    """
    path = Path(submission).with_suffix(".skipped.csv")
    if not skipped:
        path.unlink(missing_ok=True)
        return path
    with replacing(path) as beside, _text(beside) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("photo", "reason"))
        writer.writerows((error.where, error.what) for error in skipped)
    return path


def _columns(heads: Sequence[Head], *, probability: bool) -> list[str]:
    named: list[tuple[str, str]] = []
    for head in heads:
        each = head.several or (probability and len(head.names) > 2)
        alone = _LABEL if len(heads) == 1 else head.title
        named += ((head.title, name) for name in (head.names if each else (alone,)))
    names = [name for _, name in named]
    if len({"id", *names}) <= len(names):
        return [f"{title} {name}" for title, name in named]
    return names


def _numbers(photo: Prediction, heads: Sequence[Head], *, probability: bool) -> Iterator[object]:
    for head, row in zip(heads, photo.rows, strict=True):
        if head.several:
            yield from map(_word, row) if probability else (row > 0.5).astype(int)
        elif not probability:
            yield head.chosen(row)[0]
        elif photo.is_refused:
            yield from [_word(1 / len(row))] * (1 if len(row) == 2 else len(row))
        elif len(row) == 2:
            yield _word(min(max(float(row[1]), CLIP), 1 - CLIP))
        else:
            yield from map(_word, row)


def _word(probability: float) -> str:
    return f"{probability:.6f}"


def _text(path: Path) -> TextIO:
    # names that are no UTF-8 stay what they are
    return path.open("w", newline="", encoding="utf-8", errors="surrogateescape")
