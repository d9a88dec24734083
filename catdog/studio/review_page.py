"""The page of reviews: photos that a net finds odd are kept, given another class, or dropped."""

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
from catdog.studio.here import CHANGED, Here, render
from catdog.studio.job_rows import JobRow
from catdog.studio.jobs.job import Order
from catdog.studio.review_names import (
    build_words_of,
    check_changes,
    classes_of,
    data_named,
    known_reviews,
    new_review,
    photos_of,
    review_named,
    weights_named,
)
from catdog.studio.review_view import (
    STEP,
    SUSPECTS,
    ListedReview,
    again,
    choices,
    jobs_of,
    listed,
    listed_review,
    listed_reviews,
    shown,
)
from catdog.studio.review_words import find_words
from catdog.studio.reviews import (
    ReviewCounts,
    ReviewedPhoto,
    ReviewOf,
    WantedPhotos,
    decided_row,
    row_of,
    rows_of,
)
from catdog.studio.texts import check_name

router = APIRouter()

#: Sides of the pictures of photos, at most.
_SMALL, _LARGE = 360, 1400

File = Annotated[str, Query(max_length=500)]
Show = Literal["undecided", "decided", "all"]


class Searching(BaseModel):
    """Which photos a net is to look at: a part of a store or a folder; `name` is the review's."""

    weights: str = Field(max_length=500)
    data: str = Field("", max_length=500, description="a part of a store")
    folder: str = Field("", max_length=500, description="a folder of photos, in place of it")
    name: str = Field("", description="empty: that of the data")
    suspects: int = Field(SUSPECTS, ge=1, le=1000, description="photos of each kind, at most")


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


@router.get("/review", response_class=HTMLResponse, include_in_schema=False)
def page(studio: Here, name: File = "", data: str = "", weights: str = "") -> HTMLResponse:
    """The photos of a review, or what reviews there are; with data and weights chosen."""
    if name:
        file = review_named(studio, name)
        found = shown(studio, file, WantedPhotos(), STEP)
        return render("review.html", "review", **found, **again(studio, file))
    chosen = {"data": data, "weights": weights}
    return render("reviews.html", "review", **listed(studio), **choices(studio), chosen=chosen)


@router.get("/parts/reviews", response_class=HTMLResponse, include_in_schema=False)
def reviews_part(studio: Here) -> HTMLResponse:
    """The reviews, as a part of the page."""
    return render("reviews_part.html", "", **listed(studio))


@router.get("/parts/review", response_class=HTMLResponse, include_in_schema=False)
def review_part(
    studio: Here, file: File, show: Show = "undecided", reason: str = "", label: str = "",
    most: Annotated[int, Query(ge=1)] = STEP,
) -> HTMLResponse:  # fmt: skip
    """The photos of a review, as a part of the page."""
    wanted = WantedPhotos(show, reason, label)
    found = shown(studio, review_named(studio, file), wanted, most)
    return render("review_part.html", "", **found)


@router.get("/review/events", include_in_schema=False)
async def events(request: Request, studio: Here, file: File = "") -> StreamingResponse:
    """Says `changed` whenever a review, or what finds its photos, does."""

    def look() -> str:
        path = Path(file)
        stamp = path.stat().st_mtime_ns if file and path.is_file() else 0
        return repr((stamp, jobs_of(studio, file), "" if file else listed(studio)))

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
    return listed_reviews(studio)


@router.get("/api/reviews/photos")
def photos(
    studio: Here, file: File, show: Show = "all", reason: str = "", label: str = ""
) -> ReviewRows:
    """The photos of a review."""
    name = review_named(studio, file)
    rows = rows_of(Path(name))
    wanted = WantedPhotos(show, reason, label)
    found = [each for each in map(ReviewedPhoto.of, rows) if wanted.has(each)]
    classes = classes_of(studio, name)
    return ReviewRows(counts=ReviewCounts.of(rows), classes=classes, photos=found)


@router.post("/api/reviews", status_code=201)
def find(studio: Here, asked: Searching, response: Response) -> JobRow:
    """Have a net look for photos that a person should look at."""
    weights = weights_named(studio, asked.weights)
    data = data_named(studio, asked.folder.strip() or asked.data)
    file = new_review(studio, data, asked.name.strip())
    words = find_words(weights, data, file, asked.suspects)
    studio.place.within(file).parent.mkdir(parents=True, exist_ok=True)
    known_reviews(studio).keep(ReviewOf(file, data, weights))
    job = studio.jobs.add(Order(f"photos of {data} to look at", tuple(words), file))
    response.headers["HX-Redirect"] = f"/review?name={quote(file, safe='')}"
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
    response.headers["HX-Redirect"] = f"/review?name={quote(name, safe='')}"
    return listed_review(of)


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
    check_changes(name)
    words = build_words_of(studio, name, out)
    job = studio.jobs.add(Order(f"store {out}", tuple(words), out))
    response.headers["HX-Redirect"] = f"/store?name={quote(out, safe='')}"
    return JobRow.of(studio, job)
