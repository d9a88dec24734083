"""The page of reviews: photos that a net finds odd are kept, given another class, or dropped."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, StreamingResponse
from pydantic import BaseModel, Field

from catdog.data.build.review import decide
from catdog.errors import CatdogError
from catdog.studio.events import changes
from catdog.studio.here import Here, Studio, render
from catdog.studio.home import CHANGED
from catdog.studio.job_rows import JobRow, job_rows
from catdog.studio.jobs.job import Order
from catdog.studio.photo_places import photo_places
from catdog.studio.review_names import (
    build_words_of,
    classes_of,
    data_named,
    free_out,
    known_reviews,
    new_review,
    parts_of_stores,
    photos_of,
    review_named,
    weights_named,
)
from catdog.studio.review_words import find_words
from catdog.studio.reviews import (
    SHOWN,
    ReviewCounts,
    ReviewedPhoto,
    ReviewOf,
    Wanted,
    decided_row,
    reasons,
    row_of,
    rows_of,
)
from catdog.studio.texts import check_name

router = APIRouter()

_SUSPECTS = 50
#: Photos that are shown at once, more at each asking; sides of their pictures.
_STEP, _SMALL, _LARGE = 60, 360, 1400

File = Annotated[str, Query(max_length=500)]
Show = Literal["undecided", "decided", "all"]


class Finding(BaseModel):
    """Which photos a net is to look at: a part of a store or a folder; `name` is the review's."""

    weights: str = Field(max_length=500)
    data: str = Field("", max_length=500, description="a part of a store")
    folder: str = Field("", max_length=500, description="a folder of photos, in place of it")
    name: str = Field("", description="empty: that of the data")
    suspects: int = Field(_SUSPECTS, ge=1, le=1000, description="photos of each kind, at most")


class Opening(BaseModel):
    """A review that is there, and the photos that it is on."""

    file: str
    data: str


class Deciding(BaseModel):
    """A decision on a photo; an empty one takes it back."""

    file: str
    key: str
    decision: Literal["", "keep", "relabel", "drop"]
    new_label: str = ""


class Rebuilding(BaseModel):
    """Where the store goes that is built with a review."""

    file: str
    out: str = Field(max_length=500)


class ReviewRows(BaseModel):
    """The photos of a review that are wanted, and the counts of all."""

    counts: ReviewCounts
    classes: Sequence[str]
    photos: Sequence[ReviewedPhoto]


class ListedReview(BaseModel):
    """A review: what it is of, and how far it is; `fault` where it cannot be read."""

    file: str
    data: str
    weights: str
    counts: ReviewCounts | None
    fault: str = ""


@router.get("/review", response_class=HTMLResponse, include_in_schema=False)
def page(studio: Here, file: File = "") -> HTMLResponse:
    """The photos of a review, or what reviews there are."""
    if file:
        name = review_named(studio, file)
        shown = _shown(studio, name, Wanted(), _STEP)
        return render("review.html", "review", **shown, **_again(studio, name))
    return render("reviews.html", "review", **_listed(studio), **_choices(studio))


@router.get("/parts/reviews", response_class=HTMLResponse, include_in_schema=False)
def reviews_part(studio: Here) -> HTMLResponse:
    """The reviews, as a part of the page."""
    return render("reviews_part.html", "", **_listed(studio))


@router.get("/parts/review", response_class=HTMLResponse, include_in_schema=False)
def review_part(
    studio: Here, file: File, show: Show = "undecided", reason: str = "", label: str = "",
    most: Annotated[int, Query(ge=1)] = _STEP,
) -> HTMLResponse:  # fmt: skip
    """The photos of a review, as a part of the page."""
    wanted = Wanted(show, reason, label)
    return render(
        "review_part.html", "", **_shown(studio, review_named(studio, file), wanted, most)
    )


@router.get("/review/events", include_in_schema=False)
async def events(request: Request, studio: Here, file: File = "") -> StreamingResponse:
    """Says `changed` whenever a review, or what finds its photos, does."""

    def look() -> str:
        path = Path(file)
        stamp = path.stat().st_mtime_ns if file and path.is_file() else 0
        return repr((stamp, _jobs(studio, file), "" if file else _listed(studio)))

    if file:
        file = review_named(studio, file)
    return changes(request, studio, look)


@router.get("/review/photo.jpg", include_in_schema=False)
def photo(studio: Here, file: File, key: str, large: bool = False) -> Response:
    """A photo of a review."""
    name = review_named(studio, file)
    row = row_of(Path(name), key)
    wanted = (each.photo for each in rows_of(Path(name)))
    side = _LARGE if large else _SMALL
    picture = photos_of(studio, name).picture(row.photo, wanted, side)
    return Response(picture, media_type="image/jpeg", headers={"cache-control": "private"})


@router.get("/api/reviews")
def reviews(studio: Here) -> list[ListedReview]:
    """The reviews."""
    return [_listed_review(each) for each in known_reviews(studio).all()]


@router.get("/api/reviews/photos")
def photos(
    studio: Here, file: File, show: Show = "all", reason: str = "", label: str = ""
) -> ReviewRows:
    """The photos of a review."""
    name = review_named(studio, file)
    rows = rows_of(Path(name))
    wanted = Wanted(show, reason, label)
    found = [each for each in map(ReviewedPhoto.of, rows) if wanted.has(each)]
    classes = classes_of(studio, name)
    return ReviewRows(counts=ReviewCounts.of(rows), classes=classes, photos=found)


@router.post("/api/reviews", status_code=201)
def find(studio: Here, asked: Finding, response: Response) -> JobRow:
    """Have a net look for photos that a person should look at."""
    weights = weights_named(studio, asked.weights)
    data = data_named(studio, asked.folder.strip() or asked.data)
    file = new_review(studio, data, asked.name.strip())
    words = find_words(weights, data, file, asked.suspects)
    studio.place.within(file).parent.mkdir(parents=True, exist_ok=True)
    known_reviews(studio).keep(ReviewOf(file, data, weights))
    job = studio.jobs.add(Order(f"photos of {data} to look at", tuple(words), file))
    response.headers["HX-Redirect"] = f"/review?file={quote(file, safe='')}"
    return JobRow.of(studio, job)


@router.post("/api/reviews/open")
def open_review(studio: Here, asked: Opening, response: Response) -> ListedReview:
    """Say which photos a review is on that is there already."""
    name = review_named(studio, asked.file)
    rows_of(Path(name))
    if not Path(name).is_file():
        raise CatdogError("no such file", where=name, remedy="catdog evaluate --review makes one")
    of = ReviewOf(name, data_named(studio, asked.data))
    known_reviews(studio).keep(of)
    response.headers["HX-Redirect"] = f"/review?file={quote(name, safe='')}"
    return _listed_review(of)


@router.post("/api/reviews/decide")
def decide_on(studio: Here, asked: Deciding, response: Response) -> ReviewedPhoto:
    """Write a decision on a photo into the review, at once."""
    name = review_named(studio, asked.file)
    path = Path(name)
    classes = classes_of(studio, name)
    row = decided_row(row_of(path, asked.key), asked.decision, asked.new_label.strip(), classes)
    decide(path, [row])
    response.headers.update(CHANGED)
    return ReviewedPhoto.of(row)


@router.post("/api/reviews/build", status_code=201)
def build(studio: Here, asked: Rebuilding, response: Response) -> JobRow:
    """Build the store again, with the decisions of a review."""
    name = review_named(studio, asked.file)
    out = studio.place.name(studio.place.within(asked.out))
    check_name(Path(out).name)
    if Path(out).exists():
        raise CatdogError("exists already", where=out, remedy="choose another name")
    words = build_words_of(studio, name, out)
    job = studio.jobs.add(Order(f"store {out}", tuple(words), out))
    response.headers["HX-Redirect"] = f"/store?name={quote(out, safe='')}"
    return JobRow.of(studio, job)


def _listed(studio: Studio) -> dict[str, object]:
    """What of the list of reviews changes."""
    found = [(each, _jobs(studio, each.file)) for each in reviews(studio)]
    return {"reviews": [(each, jobs) for each, jobs in found if each.counts or each.fault or jobs]}


def _listed_review(of: ReviewOf) -> ListedReview:
    path = Path(of.file)
    counts, fault = None, ""
    try:
        counts = ReviewCounts.of(rows_of(path)) if path.is_file() else None
    except CatdogError as error:
        fault = str(error)
    return ListedReview(file=of.file, data=of.data, weights=of.weights, counts=counts, fault=fault)


def _choices(studio: Studio) -> dict[str, object]:
    """What there is to choose from for a new review."""
    return {
        "runs": studio.watch.runs(),
        "parts": parts_of_stores(studio),
        "places": photo_places(studio.place),
        "suspects": _SUSPECTS,
    }


def _shown(studio: Studio, file: str, wanted: Wanted, most: int) -> dict[str, object]:
    """What the page of a review is made of; `fault` says why it has no photos."""
    found: dict[str, object] = {
        "file": file,
        "of": known_reviews(studio).find(file),
        "jobs": _jobs(studio, file),
        "wanted": wanted,
        "most": most,
        "step": _STEP,
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
    studio: Studio, file: str, every: Sequence[ReviewedPhoto], wanted: Wanted
) -> dict[str, object]:
    """The photos that are wanted, and by what they can be chosen."""
    labels = dict.fromkeys(each.label for each in every)
    return {
        "photos": [each for each in every if wanted.has(each)],
        "classes": classes_of(studio, file) or sorted(labels),
        "labels": sorted(labels),
        "reasons": list(reasons(every)),
    }


def _again(studio: Studio, file: str) -> dict[str, object]:
    """The command that builds the store again; why there is none."""
    try:
        out = free_out(studio, file)
        command = shlex.join(["catdog", *build_words_of(studio, file, out)])
    except CatdogError as error:
        return {"out": "", "command": "", "no_build": str(error)}
    return {"out": out, "command": command, "no_build": ""}


def _jobs(studio: Studio, file: str) -> list[JobRow]:
    """What is at work for a review, or was without success."""
    found = [job for job in job_rows(studio) if file and job.target == file]
    return [job for job in found[:1] if job.state != "done"]
