"""The page for photos: what a net says of them, and what it looked at."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, File, Form, UploadFile
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from catdog.analysis.explanation import OCCLUSION
from catdog.data.images import Readable
from catdog.data.photo_names import is_picture
from catdog.errors import CatdogError
from catdog.inference.given_pictures import StoredPicture
from catdog.studio.choices import devices
from catdog.studio.here import Here, Studio, render
from catdog.studio.looking import LookAsked, Method, explainer_of, looked
from catdog.studio.looks import LookShown, PhotoLook
from catdog.studio.open_nets import OpenNet
from catdog.studio.photo_answer import AskedNet, PhotoAnswer, answers, cards, facts_of
from catdog.studio.photo_places import photo_places
from catdog.studio.sent_photos import PHOTO_BYTES, counted_sent, read_sent
from catdog.studio.weights_list import WeightsRow, chosen_of, grouped_rows

router = APIRouter()
#: Bytes of a request with photos.
MOST_BYTES = 512 << 20
#: The routes whose requests may be larger than others.
LARGE = {"/api/classify": MOST_BYTES, "/parts/classify": MOST_BYTES}
#: How photos that came before are called; others are paths.
_KEPT = "kept:"

Photos = Annotated[Sequence[UploadFile], File(description="photos")]
Paths = Annotated[Sequence[str], Form(description="photos below the studio's folder")]
Weights = Annotated[str, Form(description="a name of /api/classify/weights; empty: the newest")]


class LookOrder(BaseModel):
    """What is to be looked at.

    `photo` is what an answer calls it; without a class it is the likeliest, without a layer the
    last one with height and width that is no pooling.
    """

    photo: str
    method: Method
    weights: str = ""
    class_name: str = ""
    layer: str = ""


class LookState(BaseModel):
    """How far a look is; `shown` once it has its end, else `error` says why not."""

    look: str
    done: int
    total: int
    ended: bool
    error: str
    shown: LookShown | None


@router.get("/classify", response_class=HTMLResponse, include_in_schema=False)
def classify_page(studio: Here, weights: str = "", run: str = "") -> HTMLResponse:
    """The page, with the weights of a file or a run chosen."""
    rows = studio.photo_desk.weights.rows(studio.watch)
    return render(
        "classify.html",
        "classify",
        groups=grouped_rows(rows),
        chosen=chosen_of(rows, weights or run),
        stores=studio.watch.stores(),
        places=photo_places(studio.place),
        devices=devices(),
    )


@router.get("/parts/classify/net", response_class=HTMLResponse, include_in_schema=False)
def net_part(studio: Here, weights: str = "") -> HTMLResponse:
    """A line on a net."""
    return render("classify_net.html", "", facts=_facts(studio, weights))


@router.get("/api/classify/weights")
def weights_list(studio: Here) -> list[WeightsRow]:
    """The weights that can be asked: of each run its best and its snapshots, and other files."""
    return studio.photo_desk.weights.rows(studio.watch)


@router.get("/api/classify/net")
def net_facts(studio: Here, weights: str = "") -> AskedNet:
    """The classes and the layers of a net."""
    return _facts(studio, weights)


@router.post("/api/classify")
def classify(
    studio: Here, photos: Photos = (), paths: Paths = (), weights: Weights = ""
) -> list[PhotoAnswer]:
    """What a net says of photos: of each the classes, the likeliest first."""
    asked = _asked(studio, photos, paths)
    with studio.photo_desk.nets.asked(_weights(studio, weights)) as predictor:
        return answers(predictor, asked)


@router.post("/parts/classify", response_class=HTMLResponse, include_in_schema=False)
def answer_cards(
    studio: Here, photos: Photos = (), paths: Paths = (), weights: Weights = ""
) -> HTMLResponse:
    """The same as cards of the page."""
    asked = _asked(studio, photos, paths)
    path = _weights(studio, weights)
    with studio.photo_desk.nets.asked(path) as predictor:
        shown = list(cards(predictor, asked))
        facts = facts_of(predictor)
    return render("classify_answers.html", "", cards=shown, facts=facts, weights=str(path))


@router.post("/api/classify/look")
def look(studio: Here, order: LookOrder) -> LookState:
    """Begin to look at a photo; what takes longer is asked for again by its `look`."""
    return _state(_begun(studio, order))


@router.get("/api/classify/look")
def look_state(studio: Here, look: str) -> LookState:
    """How far a look is, and what there is to see."""
    return _state(studio.photo_desk.looks.find(look))


@router.post("/parts/classify/look", response_class=HTMLResponse, include_in_schema=False)
def look_begun(studio: Here, order: LookOrder) -> HTMLResponse:
    """The same as a part of a card."""
    return render("classify_look.html", "", look=_begun(studio, order))


@router.get("/parts/classify/look", response_class=HTMLResponse, include_in_schema=False)
def look_part(studio: Here, look: str) -> HTMLResponse:
    """A look as it stands."""
    return render("classify_look.html", "", look=studio.photo_desk.looks.find(look))


def _weights(studio: Studio, name: str) -> Path:
    return studio.photo_desk.weights.path_or_newest(studio.watch, name)


def _net(studio: Studio, weights: str) -> OpenNet:
    return studio.photo_desk.nets.net(_weights(studio, weights))


def _facts(studio: Studio, weights: str) -> AskedNet:
    with studio.photo_desk.nets.asked(_weights(studio, weights)) as predictor:
        return facts_of(predictor)


def _asked(
    studio: Studio, photos: Sequence[UploadFile], paths: Sequence[str]
) -> list[tuple[str, Readable]]:
    """The photos of a request with the words that they are called by later."""
    counted_sent([*photos, *paths])
    found = [*_sent(studio, photos), *((path, _lying(studio, path)) for path in paths if path)]
    if not found:
        raise CatdogError("no photo came", where="photos", remedy="choose one, or name its path")
    return found


def _sent(studio: Studio, photos: Sequence[UploadFile]) -> Iterator[tuple[str, StoredPicture]]:
    for photo in photos:
        # a field of a form where no file was chosen
        if photo.filename or photo.size:
            read = read_sent(photo.filename or "", photo.file)
            yield f"{_KEPT}{studio.photo_desk.sent.keep(read)}", read


def _lying(studio: Studio, name: str) -> Readable:
    """A photo by its path. Raises CatdogError for what may not be read, and for what is none."""
    path = studio.place.readable(name)
    where = studio.place.name(path)
    if not is_picture(path.name):
        remedy = "name a photo; many of them are classified below"
        raise CatdogError("is no photo by its name", where=where, remedy=remedy)
    if not path.is_file():
        raise CatdogError("no such file", where=where, remedy="check the path")
    if path.stat().st_size > PHOTO_BYTES:
        raise CatdogError(f"more than {PHOTO_BYTES:,} bytes", where=where)
    return StoredPicture(path.read_bytes(), where)


def _photo(studio: Studio, called: str) -> Readable:
    if called.startswith(_KEPT):
        return studio.photo_desk.sent.photo(called.removeprefix(_KEPT))
    return _lying(studio, called)


def _begun(studio: Studio, order: LookOrder) -> PhotoLook:
    net = _net(studio, order.weights)
    photo = _photo(studio, order.photo)
    asked = LookAsked(photo, order.method, order.class_name, order.layer)
    # what cannot be asked for is told at once
    explainer = explainer_of(net.predictor, asked)
    total = explainer.views if order.method == OCCLUSION else 1
    return studio.photo_desk.looks.begin(lambda viewed: looked(net, asked, viewed), total)


def _state(look: PhotoLook) -> LookState:
    return LookState(
        look=look.token,
        done=look.done,
        total=look.total,
        ended=look.ended.is_set(),
        error=look.error,
        shown=look.shown,
    )
