"""Predictions to a file: Kaggle's two forms of a submission for cats and dogs."""

import csv
from collections.abc import Iterable
from pathlib import Path

from catdog.data.build.photo_files import natural
from catdog.data.images import Unreadable
from catdog.inference.predictor import Prediction
from catdog.runtime.files import replacing

#: A probability of 0 or 1 that is wrong costs everything in a log loss.
CLIP = 0.005


def write_submission(
    path: str | Path, predictions: Iterable[Prediction], *, probability: bool = False
) -> None:
    """Write `id,label`, sorted by id; the label is the number of the most probable class (1 = dog).

    With `probability` the label is the probability of class 1, clipped to CLIP .. 1 - CLIP. The
    id of a photo is its file name without the ending.
    """
    rows = [
        (photo.path.stem, _probability(photo) if probability else photo.label)
        for photo in sorted(predictions, key=lambda photo: natural(photo.path.stem))
    ]
    with replacing(path) as beside, beside.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("id", "label"))
        writer.writerows(rows)


def write_skipped(submission: str | Path, skipped: Iterable[Unreadable]) -> Path:
    """Write the photos that have no row, with the reason, beside the submission."""
    path = Path(submission).with_suffix(".skipped.csv")
    with replacing(path) as beside, beside.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("photo", "reason"))
        writer.writerows((error.where, error.what) for error in skipped)
    return path


def _probability(photo: Prediction) -> str:
    return f"{min(max(float(photo.probabilities[1]), CLIP), 1 - CLIP):.6f}"
