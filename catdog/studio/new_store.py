"""The page of a new store: photos are named or sent, looked at, and stored."""

import shlex
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, BeforeValidator, Field

from catdog.errors import CatdogError
from catdog.studio.here import Here, Studio, render
from catdog.studio.job_rows import JobRow
from catdog.studio.jobs.job import Order
from catdog.studio.photo_places import photo_places
from catdog.studio.store_draft import MOST_SHOWN, PreviewedPhoto, StoreDraft
from catdog.studio.store_facts import EXPLORATION
from catdog.studio.store_words import StoreSettings, build_words
from catdog.studio.texts import check_name
from catdog.studio.uploads import keep_upload

router = APIRouter()

#: Where stores of the pages lie, in the studio's folder.
STORES = "stores"


def _or_none(given: object) -> object:
    """A field of a form that was left empty is 0."""
    return 0 if given == "" else given


#: A number of a form.
Whole = Annotated[int, BeforeValidator(_or_none)]


class PhotosAsked(BaseModel):
    """A folder of photos, a zip, a list or a table of labels, as seen from the studio's folder."""

    source: str = Field(max_length=500)


class StoreAsked(PhotosAsked):
    """Photos, and what is done to each before it is stored."""

    size: Whole = 227
    height: Whole = Field(0, description="0: as size")
    resize: str = "STRETCH"
    equalize: bool = True
    interpolation: str = "CUBIC"
    gray: bool = False
    encoded: str = ""
    quality: Whole = 95
    validation: float = 1 / 6
    seed: Whole = 0
    shards: Whole = 0

    def settings(self) -> StoreSettings:
        """What is asked for. Raises CatdogError for what no store can be."""
        return StoreSettings(
            self.size,
            self.height or self.size,
            self.resize,
            self.equalize,
            self.interpolation,
            self.gray,
            self.encoded,
            self.quality,
            self.validation,
            self.seed,
            self.shards,
        )


class PreviewAsked(StoreAsked):
    """How many photos are wanted, and the crop_size of a net that would see them; 0: none.

    `name` is that of the store, for the command that is shown.
    """

    count: int = Field(6, ge=1, le=MOST_SHOWN)
    crop: Whole = Field(0, ge=0, le=4096)
    name: str = ""


class BuildAsked(StoreAsked):
    """What the store is called, and whether a page on the photos is wanted too."""

    name: str
    explore: bool = False


class UploadAnswer(BaseModel):
    """The name under which what was sent can be asked for."""

    source: str


@router.get("/new/store", response_class=HTMLResponse, include_in_schema=False)
def page(studio: Here, source: str = "") -> HTMLResponse:
    """The page, with photos named."""
    studio.bench.begin()
    places = photo_places(studio.place)
    usual = StoreSettings()
    return render("new_store.html", "store", places=places, source=source, usual=usual)


@router.post("/parts/photos", response_class=HTMLResponse, include_in_schema=False)
def photos_part(studio: Here, asked: PhotosAsked) -> HTMLResponse:
    """What is known of the photos, as a part of the page."""
    if not asked.source.strip():
        return HTMLResponse("")
    try:
        found = photos(studio, asked)
    except CatdogError as error:
        return render("photos_part.html", "", photos=None, fault=str(error))
    most = max((count for _, count in found.classes), default=1)
    return render("photos_part.html", "", photos=found, fault="", most=most)


@router.post("/parts/preview", response_class=HTMLResponse, include_in_schema=False)
def preview_part(studio: Here, asked: PreviewAsked) -> HTMLResponse:
    """The preview and the command, as a part of the page."""
    try:
        shown, words = (
            preview(studio, asked),
            _words(studio, asked, f"{STORES}/{asked.name or 'NAME'}"),
        )
    except CatdogError as error:
        return render("preview_part.html", "", shown=(), fault=str(error), command="")
    command = shlex.join(["catdog", "create_lmdb", *words])
    return render("preview_part.html", "", shown=shown, fault="", command=command)


@router.get("/api/photos/places")
def places(studio: Here) -> list[str]:
    """Folders and zips with photos, below the studio's folder."""
    return photo_places(studio.place)


@router.post("/api/photos")
def photos(studio: Here, asked: PhotosAsked) -> StoreDraft:
    """The form of labels that was found, the classes and their photos, what is left out."""
    return StoreDraft(**_listed(studio.bench.ask(kind="photos", source=asked.source)))


@router.post("/api/photos/preview")
def preview(studio: Here, asked: PreviewAsked) -> list[PreviewedPhoto]:
    """Some of the photos before and after their preparation, as JPEGs in base64."""
    settings = vars(asked.settings())
    answer = studio.bench.ask(
        kind="preview", source=asked.source, count=asked.count, crop=asked.crop, asked=settings
    )
    return [PreviewedPhoto(**each | {"size": tuple(each["size"])}) for each in answer["photos"]]


@router.put("/api/uploads/{name}", status_code=201)
async def upload(studio: Here, request: Request, name: str) -> UploadAnswer:
    """Keep a zip of photos, which is the body."""
    announced = request.headers.get("content-length", "")
    size = int(announced) if announced.isdecimal() else 0
    kept = await keep_upload(name, size, request.stream(), studio.place.folder)
    return UploadAnswer(source=kept)


@router.post("/api/stores", status_code=201)
def build(studio: Here, asked: BuildAsked, response: Response) -> JobRow:
    """Build a store, and where it is wanted a page on its photos."""
    check_name(asked.name)
    out = f"{STORES}/{asked.name}"
    if studio.place.within(out).exists():
        raise CatdogError("exists already", where=out, remedy="choose another name")
    words = _words(studio, asked, out)
    job = studio.jobs.add(Order(f"store {asked.name}", ("create_lmdb", *words), out))
    # that page is on photos of one class each, in folders
    if asked.explore and "--list" not in words and "--labels" not in words:
        page = f"{out}/{EXPLORATION}"
        words = ["explore", asked.source, "--out", page]
        studio.jobs.add(Order(f"photos of {asked.name}", tuple(words), page))
    response.headers["HX-Redirect"] = f"/store?name={quote(out, safe='')}"
    return JobRow.of(studio, job)


def _words(studio: Studio, asked: StoreAsked, out: str) -> list[str]:
    found = photos(studio, asked)
    settings = asked.settings()
    return build_words(found.data, out, settings, found.labels, apart=found.apart > 0)


def _listed(answer: dict[str, Any]) -> dict[str, Any]:
    """What JSON made lists of, as it was."""
    pairs = {key: tuple(tuple(each) for each in answer[key]) for key in ("classes", "skipped")}
    return answer | pairs | {key: tuple(answer[key]) for key in ("labels", "notes")}
