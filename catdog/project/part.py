"""A part of the photos, as many of each class in proportion: a list or table of them."""

import csv
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from catdog.data.build.listing import Photo
from catdog.project.found import FoundPhotos
from catdog.runtime.files import replacing

#: The list of a part, in a project's folder.
PART, PART_VALIDATION = "photos.csv", "validation_photos.csv"


def write_part(found: FoundPhotos, count: int, folder: Path) -> list[str]:
    """Write so many of the photos into a list; gives the words of `create_lmdb` that name it."""
    step = max(1.0, found.count / count)
    _write(found, found.listing.train, step, folder / PART)
    if found.several:
        return ["--labels", PART]
    words = ["--list", PART]
    if found.listing.validation is not None:
        _write(found, found.listing.validation, step, folder / PART_VALIDATION)
        words += ["--validation-list", PART_VALIDATION]
    return words


def _write(found: FoundPhotos, photos: Sequence[Photo], step: float, path: Path) -> None:
    title = found.classes if found.several else ["class"]
    with replacing(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["file", *title])
        for photo in _spread(photos, step):
            labels = [f"{v:g}" for v in photo.labels] or [found.classes[photo.label]]
            table.writerow([os.path.relpath(photo.path, found.source), *labels])


def _spread(photos: Sequence[Photo], step: float) -> Iterator[Photo]:
    """Of each class every step-th, where the step need not be whole."""
    seen: dict[object, int] = defaultdict(int)
    for photo in photos:
        number = seen[photo.labels or photo.label]
        if int(number / step) > int((number - 1) / step) or not number:
            yield photo
        seen[photo.labels or photo.label] += 1
