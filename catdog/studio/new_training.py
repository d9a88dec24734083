"""The page of a new training: a net and a solver are typed, looked at, and started."""

from collections.abc import Sequence
from typing import Literal
from urllib.parse import quote

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field

from catdog.errors import CatdogError
from catdog.project.advice import candidates
from catdog.studio import choices
from catdog.studio.draft_answer import DraftAnswer, TimeAnswer, of_draft
from catdog.studio.here import LISTED, Here, Studio, render
from catdog.studio.job_rows import JobRow
from catdog.studio.jobs.job import Order
from catdog.studio.spec_text import MOST_LETTERS, NET, SOLVER
from catdog.studio.texts import Fit, SpecTexts, fitted_texts, write_training
from catdog.studio.watch import Store

router = APIRouter()

_TEXT = Field("", max_length=2 * MOST_LETTERS)


class DraftAsked(BaseModel):
    """The texts of a net and of a solver, YAML or prototxt; without a net the solver's own."""

    net: str = _TEXT
    solver: str = _TEXT


class TimeAsked(DraftAsked):
    """Texts, and on which device a few steps are to be measured where no run tells."""

    device: str = "cpu"
    measure: bool = False


class FitAsked(BaseModel):
    """A store that a net and a solver are to fit; 0 leaves a number to the net."""

    store: str
    net: str
    name: str
    epochs: float = Field(0, ge=0, le=1e6)
    batch: int = Field(0, ge=0, le=1_000_000)
    lr: float = Field(0, ge=0, le=1e6)


class StartAsked(DraftAsked):
    """Texts to train, under a name, on a device."""

    name: str
    device: str = "cpu"


class TextsAnswer(BaseModel):
    """The texts of a net and a solver."""

    net: str
    solver: str


class ChoiceAnswer(BaseModel):
    """What there is to choose from."""

    nets: list[choices.SpecChoice]
    solvers: list[choices.SpecChoice]
    weights: list[choices.WeightsChoice]
    devices: list[tuple[str, str]]


@router.get("/new/training", response_class=HTMLResponse, include_in_schema=False)
def page(
    studio: Here, store: str = "", solver: str = "", net: str = "", run: str = ""
) -> HTMLResponse:
    """The page, with a store, a solver or a net chosen, or with the texts of a run."""
    studio.desk.begin()
    studio.bench.begin()
    folder = studio.place.folder
    stores = [each for each in studio.watch.stores() if _trained_on(each)]
    found, nets = choices.solvers(folder), choices.nets(folder)
    chosen = next((each.name for each in found if each.name == solver), "")
    return render(
        "new_training.html",
        "training",
        stores=stores,
        store=store,
        nets=nets,
        # what a snapshot is predicted with has no data and no loss
        fit_nets=[each for each in nets if "_deploy." not in each.name],
        net=net,
        advised=_advised(stores, store),
        run=studio.run(run).name if run else "",
        solvers=found,
        solver=chosen,
        devices=choices.devices(),
        name=_free_name(studio, store or solver or net or run or "training"),
    )


@router.post("/parts/draft", response_class=HTMLResponse, include_in_schema=False)
def draft_part(studio: Here, asked: DraftAsked) -> HTMLResponse:
    """What is known of the texts, as a part of the page."""
    found = draft(studio, asked)
    return render("draft_part.html", "", draft=found, chart=_chart(found))


@router.post("/parts/time", response_class=HTMLResponse, include_in_schema=False)
def time_part(studio: Here, asked: TimeAsked) -> HTMLResponse:
    """How long it would take, as a part of the page."""
    try:
        return render("time_part.html", "", time=estimate(studio, asked), fault="")
    except CatdogError as error:
        return render("time_part.html", "", time=None, fault=str(error))


@router.get("/api/choices")
def there(studio: Here) -> ChoiceAnswer:
    """Nets, solvers, weights and devices to choose from."""
    folder = studio.place.folder
    return ChoiceAnswer(
        nets=choices.nets(folder),
        solvers=choices.solvers(folder),
        weights=choices.weights(),
        devices=choices.devices(),
    )


@router.get("/api/texts")
def text(studio: Here, kind: Literal["net", "solver"], name: str) -> TextsAnswer:
    """The text of a net, or of a solver and its net, of those that can be chosen."""
    folder = studio.place.folder
    if kind == NET:
        return TextsAnswer(net=choices.text_of(NET, name, folder), solver="")
    solver = choices.text_of(SOLVER, name, folder)
    try:
        net = str(studio.desk.ask(kind="net_text", solver=solver)["net"])
    except CatdogError:
        # the draft tells what is wrong with it
        net = ""
    return TextsAnswer(net=net, solver=solver)


@router.post("/api/texts/fitted")
def fitted(studio: Here, asked: FitAsked) -> TextsAnswer:
    """Texts that fit a store: its data, as many outputs as it has classes, a length to match."""
    store = studio.find_store(asked.store)
    path = _trained_on(store) if store else ""
    if not path:
        raise CatdogError("no such store", where=asked.store, remedy=LISTED)
    fit = Fit(path, asked.net, asked.name, asked.epochs, asked.batch, asked.lr)
    made = fitted_texts(fit, studio.place)
    return TextsAnswer(net=made.net, solver=made.solver)


@router.post("/api/drafts")
def draft(studio: Here, asked: DraftAsked) -> DraftAnswer:
    """The faults of a net and a solver, and what they would be. Nothing is run or written."""
    return of_draft(studio.desk.ask(kind="draft", net=asked.net, solver=asked.solver))


@router.post("/api/drafts/picture", response_class=Response)
def picture(studio: Here, asked: DraftAsked) -> Response:
    """The picture of the net that is trained, as SVG."""
    answer = studio.bench.ask(kind="picture", net=asked.net, solver=asked.solver)
    return Response(answer["svg"], media_type="image/svg+xml")


@router.post("/api/drafts/time")
def estimate(studio: Here, asked: TimeAsked) -> TimeAnswer | None:
    """How long it would take: as an earlier run of the net did, else, if wanted, measured."""
    answer = studio.bench.ask(
        kind="time",
        net=asked.net,
        solver=asked.solver,
        device=asked.device,
        measure=asked.measure,
    )
    return TimeAnswer.model_validate(answer["time"]) if answer["time"] else None


@router.post("/api/trainings", status_code=201)
def start(studio: Here, asked: StartAsked, response: Response) -> JobRow:
    """Write the texts into a folder of their own and train them, when the device is free."""
    devices = [name for name, _ in choices.devices()]
    if asked.device not in devices:
        raise CatdogError("no such device", where=asked.device, remedy=", ".join(devices))
    found = draft(studio, asked)
    if not found.is_whole:
        first = next(iter(found.faults), None)
        what = f"{first.text}: {first.what}" if first else "it cannot be trained"
        what = found.needs[0] if found.needs and not first else what
        raise CatdogError(what, where=asked.name, remedy=first.remedy if first else "")
    texts = _texts(studio, asked)
    written = write_training(asked.name, texts, studio.place.folder, asked.device)
    job = studio.jobs.add(Order(asked.name, written.words, written.prefix, asked.device))
    response.headers["HX-Redirect"] = f"/job?name={quote(job.name, safe='')}"
    return JobRow.of(studio, job)


def _texts(studio: Studio, asked: DraftAsked) -> SpecTexts:
    """The texts, with that of the net that the solver names where none was given."""
    if asked.net.strip():
        return SpecTexts(asked.net, asked.solver)
    answer = studio.desk.ask(kind="net_text", solver=asked.solver)
    return SpecTexts(answer["net"], asked.solver)


def _advised(stores: Sequence[Store], chosen: str) -> str:
    """The net that so many photos are given by `catdog fit`, if it is for their size."""
    store = next((each for each in stores if each.name == chosen), next(iter(stores), None))
    photos = store.records if store else 0
    gpu = any(name != "cpu" for name, _ in choices.devices())
    width = store.width if store else 0
    fitting = (each.net for each in candidates(photos, gpu=gpu) if not 0 < width < each.size)
    # whose size gives way to that of the photos
    return next(fitting, "small64")


def _trained_on(store: Store) -> str:
    """The part of a store that is trained on."""
    parts = {part.name: part.path for part in store.parts}
    return parts.get("train") or next(iter(parts.values()), "")


def _free_name(studio: Studio, wanted: str) -> str:
    """A name for a training that none has."""
    stem = "".join(
        sign if sign.isascii() and (sign.isalnum() or sign in "-_") else "-"
        for sign in wanted.rpartition("/")[2].partition(".")[0]
    ).strip("-_")[:40]
    stem, number, name = stem or "training", 1, stem or "training"
    while (studio.place.folder / "trainings" / name).exists():
        number += 1
        name = f"{stem}-{number}"
    return name


def _chart(found: DraftAnswer) -> dict[str, object] | None:
    """The curve of the rate in a box of 300 by 100, and what its ends are."""
    if found.rates is None or not found.rates.rates:
        return None
    rates, iterations = found.rates.rates, found.rates.iterations
    most, last = max(rates) or 1.0, max(1, iterations[-1])
    points = " ".join(
        f"{300 * at / last:.2f},{100 - 96 * rate / most:.2f}"
        for at, rate in zip(iterations, rates, strict=True)
    )
    return {"points": points, "most": most, "last": iterations[-1] + 1, "note": found.rates.note}
