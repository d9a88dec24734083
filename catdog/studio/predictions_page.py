"""Many photos on the page Classify: begun as a job, looked at as a page of its own."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, File, Form, Response, UploadFile
from fastapi.responses import FileResponse, HTMLResponse
from pydantic import BaseModel, Field

from catdog.data.images import decode, jpeg, read_file
from catdog.data.thumbnails import THUMBNAIL, thumbnail
from catdog.errors import CatdogError
from catdog.studio.here import Here, Named, Studio, render
from catdog.studio.predicted_rows import (
    PredictedPage,
    Sorting,
    likeliest,
    page_of,
    photo_of,
    predicted_rows,
)
from catdog.studio.predictions import NUMBERS, TABLE, PredictionOrder, PredictionRow, report_numbers
from catdog.studio.sent_photos import counted_sent
from catdog.web.photo_size import check_sent

router = APIRouter()
_QUALITY = 82
#: Photos of a store or a page stay what they are.
_KEEP = {"Cache-Control": "private, max-age=600"}


class SentSoFar(BaseModel):
    """Photos that came for one set: its token, how many there are, and what was refused."""

    sent: str
    photos: int
    refused: list[str]


class ManyAsked(BaseModel):
    """Photos to predict: a path below the folder, or the token of photos that were sent.

    `judged`: the photos are labelled by their folders or names, and the net is judged.
    """

    name: str = Field(description="of the folder below predictions/")
    weights: str = ""
    source: str = ""
    sent: str = ""
    judged: bool = False
    probability: bool = False
    device: Annotated[str, Field(pattern=r"^(cpu|mps|cuda:\d{1,2})?$")] = ""


@router.post("/api/classify/photos")
def send(
    studio: Here,
    photos: Annotated[Sequence[UploadFile], File()],
    sent: Annotated[str, Form(description="the set that they belong to; empty: a new one")] = "",
) -> SentSoFar:
    """Photos for `/api/classify/many`, some at a time; their names may have folders."""
    counted_sent(photos)
    found, refused = studio.photo_desk.sent.set(sent), []
    for photo in photos:
        try:
            studio.photo_desk.sent.add(found, photo.filename or "", photo.file)
        except CatdogError as error:
            refused.append(str(error))
    return SentSoFar(sent=found.token, photos=found.photos, refused=refused)


@router.post("/api/classify/many", status_code=201)
def begin(studio: Here, asked: ManyAsked, response: Response) -> PredictionRow:
    """Predict many photos, or judge a net by labelled ones, as a job."""
    if bool(asked.source.strip()) == bool(asked.sent):
        remedy = "name a folder or a zip, or send photos"
        raise CatdogError("one source of photos is needed", where="photos", remedy=remedy)
    source = (
        studio.photo_desk.sent.set(asked.sent)
        if asked.sent
        else Path(studio.place.name(studio.place.readable(asked.source.strip())))
    )
    weights = studio.photo_desk.weights.path_or_newest(studio.watch, asked.weights)
    order = PredictionOrder(
        asked.name.strip(), weights, source, asked.judged, asked.probability, asked.device
    )
    found = studio.predictions.order(order)
    response.headers["HX-Redirect"] = f"/predictions?name={found.name}"
    return found


@router.get("/api/predictions")
def predictions(studio: Here) -> list[PredictionRow]:
    """What was asked for many photos, the newest first."""
    return studio.predictions.rows()


@router.get("/api/predictions/photos")
def predicted(
    studio: Here, name: str, page: int = 1, label: str = "", order: Sorting = "file"
) -> PredictedPage:
    """A part of the photos of a table, with their likeliest classes."""
    rows = predicted_rows(studio.predictions.file(name, TABLE))
    return page_of(rows, page, label, order)


@router.get("/api/predictions/file", response_class=FileResponse)
def file(studio: Here, name: str, file: str) -> FileResponse:
    """A file of predictions: submission, table, report."""
    path = studio.predictions.file(name, file)
    return FileResponse(path, filename=f"{name}-{path.name}", media_type="application/octet-stream")


@router.post("/api/predictions/delete")
def delete(studio: Here, asked: Named, response: Response) -> None:
    """Remove predictions that are not under way, with the photos that came over the page."""
    studio.predictions.remove(asked.name)
    response.headers["HX-Redirect"] = "/classify"


@router.get("/predictions", response_class=HTMLResponse, include_in_schema=False)
def result_page(studio: Here, name: str) -> HTMLResponse:
    """The page of predictions."""
    return render("predictions.html", "classify", **_shown(studio, name))


@router.get("/parts/predictions", response_class=HTMLResponse, include_in_schema=False)
def result_part(studio: Here, name: str) -> HTMLResponse:
    """What of it changes."""
    return render("predictions_state.html", "", **_shown(studio, name))


@router.get("/parts/predictions/photos", response_class=HTMLResponse, include_in_schema=False)
def rows_part(
    studio: Here, name: str, page: int = 1, label: str = "", order: Sorting = "file"
) -> HTMLResponse:
    """A part of the photos."""
    found = predicted(studio, name, page, label, order)
    return render("predictions_rows.html", "", found=found, name=name, label=label, order=order)


@router.get("/parts/predictions/list", response_class=HTMLResponse, include_in_schema=False)
def list_part(studio: Here) -> HTMLResponse:
    """The predictions, on the page Classify."""
    return render("predictions_list.html", "", rows=studio.predictions.rows())


@router.get("/parts/predictions/photo", include_in_schema=False)
def photo(studio: Here, name: str, at: int) -> Response:
    """A small picture of a photo of a table."""
    rows = predicted_rows(studio.predictions.file(name, TABLE))
    if not 0 <= at < len(rows):
        raise CatdogError("no such photo", where=str(at), remedy="the page lists them")
    found = photo_of(rows[at], studio.predictions.row(name).asked.source, studio.place)
    check_sent(found)
    picture = thumbnail(decode(read_file(found)).pixels, THUMBNAIL)
    return Response(jpeg(picture, _QUALITY), media_type="image/jpeg", headers=_KEEP)


def _shown(studio: Studio, name: str) -> dict[str, object]:
    row = studio.predictions.row(name)
    shown: dict[str, object] = {"row": row, "numbers": (), "likeliest": (), "found": None}
    if row.is_under_way:
        return shown
    if NUMBERS in row.files:
        shown["numbers"] = report_numbers(studio.predictions.file(name, NUMBERS))
    if TABLE in row.files:
        rows = predicted_rows(studio.predictions.file(name, TABLE))
        shown |= {"likeliest": likeliest(rows), "found": page_of(rows)}
    return {**shown, "name": name, "label": "", "order": "file"}
