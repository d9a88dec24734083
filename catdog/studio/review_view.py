"""What the pages of reviews are made of."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel

from catdog.errors import CatdogError
from catdog.studio.here import Studio
from catdog.studio.job_rows import JobRow, job_rows
from catdog.studio.photo_places import photo_places
from catdog.studio.review_names import (
    build_words_of,
    classes_of,
    free_out,
    known_reviews,
    parts_of_stores,
)
from catdog.studio.reviews import (
    SHOWN,
    ReviewCounts,
    ReviewedPhoto,
    ReviewOf,
    WantedPhotos,
    reasons,
    rows_of,
)
from catdog.studio.weights_list import grouped_rows

#: Photos of each kind that a net proposes; photos that are shown at once, more at each asking.
SUSPECTS, STEP = 50, 60


class ListedReview(BaseModel):
    """A review: what it is of, and how far it is; `fault` where it cannot be read."""

    file: str
    data: str
    weights: str
    counts: ReviewCounts | None
    fault: str = ""


def listed(studio: Studio) -> dict[str, object]:
    """What of the list of reviews changes."""
    found = [(each, jobs_of(studio, each.file)) for each in listed_reviews(studio)]
    return {"reviews": [(each, jobs) for each, jobs in found if each.counts or each.fault or jobs]}


def listed_reviews(studio: Studio) -> list[ListedReview]:
    """The reviews that are known."""
    return [listed_review(each) for each in known_reviews(studio).all()]


def listed_review(of: ReviewOf) -> ListedReview:
    """A review in the list."""
    path = Path(of.file)
    counts, fault = None, ""
    try:
        counts = ReviewCounts.of(rows_of(path)) if path.is_file() else None
    except CatdogError as error:
        fault = str(error)
    return ListedReview(file=of.file, data=of.data, weights=of.weights, counts=counts, fault=fault)


def choices(studio: Studio) -> dict[str, object]:
    """What there is to choose from for a new review."""
    return {
        "groups": grouped_rows(studio.photo_desk.weights.rows(studio.watch)),
        "parts": parts_of_stores(studio),
        "places": photo_places(studio.place),
        "suspects": SUSPECTS,
    }


def shown(studio: Studio, file: str, wanted: WantedPhotos, most: int) -> dict[str, object]:
    """What the page of a review is made of; `fault` says why it has no photos."""
    found: dict[str, object] = {
        "file": file,
        "of": known_reviews(studio).find(file),
        "jobs": jobs_of(studio, file),
        "wanted": wanted,
        "most": most,
        "step": STEP,
        "shown": SHOWN,
        "parts": parts_of_stores(studio),
    }
    try:
        rows = rows_of(Path(file))
    except CatdogError as error:
        return found | {"fault": str(error), "photos": ()}
    counts, is_there = ReviewCounts.of(rows), Path(file).is_file()
    found |= {"fault": "", "counts": counts, "is_there": is_there}
    return found | _rows(studio, file, list(map(ReviewedPhoto.of, rows)), wanted)


def _rows(
    studio: Studio, file: str, every: Sequence[ReviewedPhoto], wanted: WantedPhotos
) -> dict[str, object]:
    """The photos that are wanted, and by what they can be chosen."""
    labels = dict.fromkeys(each.label for each in every)
    return {
        "photos": [each for each in every if wanted.has(each)],
        "classes": classes_of(studio, file) or sorted(labels),
        "labels": sorted(labels),
        "reasons": list(reasons(every)),
    }


def again(studio: Studio, file: str) -> dict[str, object]:
    """The command that builds the store again; why there is none."""
    try:
        out = free_out(studio, file)
        command = shlex.join(["catdog", *build_words_of(studio, file, out)])
    except CatdogError as error:
        return {"out": "", "command": "", "no_build": str(error)}
    return {"out": out, "command": command, "no_build": ""}


def jobs_of(studio: Studio, file: str) -> list[JobRow]:
    """What is at work for a review, or was without success."""
    found = [job for job in job_rows(studio) if file and job.target == file]
    return [job for job in found[:1] if job.state != "done"]
