"""The first page: runs, stores and jobs, and what can be done with them there."""

from collections.abc import Mapping

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, StreamingResponse

from catdog.studio.events import changes
from catdog.studio.here import CHANGED, Here, Named, Names, Studio, render
from catdog.studio.job_rows import JobRow, job_rows
from catdog.studio.run_rows import RunRow
from catdog.studio.watch import Store
from catdog.tracking.run_editing import annotate
from catdog.tracking.run_removal import delete_run

router = APIRouter()

#: Asked by whoever watches over the process; needs no token.
HEALTH = "/healthz"


class NoteGiven(Named):
    """A note and tags, comma-separated, in place of those before."""

    note: str = ""
    tags: str = ""


@router.get("/", response_class=HTMLResponse, include_in_schema=False)
def home(studio: Here, q: str = "") -> HTMLResponse:
    """Runs, stores and jobs."""
    return render("home.html", "home", picked=(), **_listed(studio, q))


@router.get("/parts/home", response_class=HTMLResponse, include_in_schema=False)
def home_parts(studio: Here, name: Names = (), q: str = "") -> HTMLResponse:
    """What of the first page changes; the runs of these names stay ticked."""
    return render("home_parts.html", "", picked=name, **_listed(studio, q))


@router.get("/parts/note", response_class=HTMLResponse, include_in_schema=False)
def note_form(studio: Here, name: str) -> HTMLResponse:
    """A form for the note and the tags of a run."""
    return render("note_form.html", "", run=_row(studio, name))


@router.get(HEALTH)
def health() -> dict[str, str]:
    """That the studio answers."""
    return {"status": "ok"}


@router.get("/events", include_in_schema=False)
async def events(request: Request, studio: Here) -> StreamingResponse:
    """Says `changed` whenever the lists do."""
    return changes(request, studio, lambda: repr(_listed(studio, "")))


@router.get("/api/runs")
def runs(studio: Here, q: str = "") -> list[RunRow]:
    """The runs, the newest first; those that fit all words of `q`."""
    return _runs(studio, q)


@router.get("/api/stores")
def stores(studio: Here) -> list[Store]:
    """The stores."""
    return studio.watch.stores()


@router.get("/api/jobs")
def jobs(studio: Here) -> list[JobRow]:
    """What this studio has begun, the newest first."""
    return job_rows(studio)


@router.post("/api/jobs/stop")
def stop_job(studio: Here, asked: Named, response: Response) -> JobRow:
    """Cancel a job that waits, or stop it as Ctrl-C does."""
    job = studio.jobs.find(asked.name)
    job.stop()
    response.headers.update(CHANGED)
    return JobRow.of(studio, job)


@router.post("/api/jobs/forget")
def forget_job(studio: Here, asked: Named, response: Response) -> None:
    """Take a job that has ended off the list; what it made stays."""
    studio.jobs.forget(studio.jobs.find(asked.name))
    response.headers.update(CHANGED)


@router.post("/api/jobs/clear")
def clear_jobs(studio: Here, response: Response) -> None:
    """Take all jobs that ended as they should off the list, and those that were cancelled."""
    for job in studio.jobs.all():
        if studio.jobs.state(job).is_settled:
            studio.jobs.forget(job)
    response.headers.update(CHANGED)


@router.post("/api/runs/note")
def note(studio: Here, asked: NoteGiven, response: Response) -> RunRow:
    """Give a run a note and tags."""
    run = studio.run(asked.name)
    tags = [tag.strip() for tag in asked.tags.split(",") if tag.strip()]
    annotate(run.name, note=asked.note, tags=tags)
    response.headers.update(CHANGED)
    return _row(studio, asked.name)


@router.post("/api/runs/delete")
def delete(studio: Here, asked: Named, response: Response) -> list[str]:
    """Remove a run that is not at work: its record, log, tables and snapshots."""
    removed = delete_run(studio.run(asked.name).name)
    response.headers.update(CHANGED)
    return [studio.place.name(path) for path in removed.own]


def _listed(studio: Studio, q: str) -> dict[str, object]:
    return {
        "runs": _runs(studio, q),
        "stores": studio.watch.stores(),
        "jobs": job_rows(studio),
        "q": q,
    }


def _runs(studio: Studio, q: str) -> list[RunRow]:
    found = []
    for run in studio.watch.runs():
        row = studio.logs.row(run)
        if fits(q, row, run.fields):
            found.append(row)
    return found


def fits(q: str, row: RunRow, fields: Mapping[str, str]) -> bool:
    """Whether a run fits all words: each in its texts, or, as field=value, in its fields."""
    texts = (row.name, row.status, row.net, row.solver, row.note, row.device, *row.tags)
    text = " ".join(texts).lower()
    return all(word in text or _has_field(word, fields) for word in q.lower().split())


def _has_field(word: str, fields: Mapping[str, str]) -> bool:
    """Whether a word is `field=value` of these; of a field of the net its last part is enough."""
    name, equals, value = word.partition("=")
    return bool(name and equals) and any(
        f".{key.lower()}".endswith(f".{name}") and known.lower() == value
        for key, known in fields.items()
    )


def _row(studio: Studio, name: str) -> RunRow:
    return studio.logs.row(studio.run(name))
