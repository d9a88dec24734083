"""The page of a store: how far its build is, then what it has."""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, StreamingResponse

from catdog.analysis.exploration import PAGE
from catdog.errors import CatdogError
from catdog.studio.events import changes
from catdog.studio.here import Here, Studio, render
from catdog.studio.job_rows import job_rows
from catdog.studio.store_facts import (
    EXPLORATION,
    StoreFacts,
    mean_picture,
    store_facts,
    stored_photo,
)
from catdog.studio.watch import Store

router = APIRouter()

Name = Annotated[str, Query(max_length=500)]
#: The page on photos has all of it inside, and may do nothing.
_ALONE = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
_SHOWN = 24


@router.get("/store", response_class=HTMLResponse, include_in_schema=False)
def page(studio: Here, name: Name) -> HTMLResponse:
    """The page of a store, or of one that is being built."""
    return render("store.html", "", **_shown(studio, name))


@router.get("/parts/store", response_class=HTMLResponse, include_in_schema=False)
def part(studio: Here, name: Name) -> HTMLResponse:
    """What of the page changes."""
    return render("store_part.html", "", **_shown(studio, name))


@router.get("/events/store", include_in_schema=False)
async def events(request: Request, studio: Here, name: Name) -> StreamingResponse:
    """Says `changed` whenever the page does."""
    return changes(request, studio, lambda: repr(_shown(studio, name)))


@router.get("/api/stores/facts")
def facts(studio: Here, name: Name) -> StoreFacts:
    """What is recorded of a store."""
    return store_facts(_folder(studio, name))


@router.get("/store/mean.jpg", include_in_schema=False)
def mean(studio: Here, name: Name) -> Response:
    """The mean picture of a store."""
    return Response(mean_picture(_folder(studio, name)), media_type="image/jpeg")


@router.get("/store/photo.jpg", include_in_schema=False)
def photo(studio: Here, name: Name, part: str, index: int) -> Response:
    """A photo of a part of a store, as it is stored."""
    paths = {each.name: each.path for each in studio.store(name).parts}
    if part not in paths:
        raise CatdogError("no such part", where=f"{name}: {part}")
    picture, _ = stored_photo(Path(paths[part]), index)
    return Response(picture, media_type="image/jpeg")


@router.get("/store/photos", response_class=HTMLResponse, include_in_schema=False)
def exploration(studio: Here, name: Name) -> HTMLResponse:
    """The page on the photos of a store: sizes, doubles, odd files."""
    path = studio.place.within(f"{name}/{EXPLORATION}/{PAGE}")
    if not path.is_file():
        raise CatdogError("no page on its photos", where=name, remedy="catdog explore makes it")
    text = path.read_text(encoding="utf-8", errors="replace")
    return HTMLResponse(text, headers={"content-security-policy": _ALONE})


def _folder(studio: Studio, name: str) -> Path:
    return studio.place.within(studio.store(name).name)


def _shown(studio: Studio, name: str) -> dict[str, object]:
    """What the page is made of; the newest jobs that make the store or the page on its photos."""
    jobs = [job for job in job_rows(studio) if job.target in (name, f"{name}/{EXPLORATION}")]
    store = studio.find_store(name) if jobs else studio.store(name)
    found = store_facts(studio.place.folder / name) if store and not store.fault else None
    counts = [sum(each.counts) for each in found.classes] if found else []
    return {
        "name": name,
        "store": store,
        "facts": found,
        "most": max(counts, default=1) or 1,
        "jobs": [(job, job.progress) for job in jobs],
        "examples": _examples(store) if store else (),
    }


def _examples(store: Store) -> list[tuple[str, int]]:
    """A part and places in it, spread over all."""
    part = store.parts[0] if store.parts else None
    if part is None:
        return []
    count = min(_SHOWN, part.records)
    return [(part.name, at * part.records // count) for at in range(count)]
