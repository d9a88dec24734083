"""The page of a run, and the one on which several are compared."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, StreamingResponse
from pydantic import Field

from catdog.errors import CatdogError
from catdog.studio.charts import Chart, resource_charts, run_charts
from catdog.studio.cloning import texts_of_run
from catdog.studio.events import changes
from catdog.studio.going_on import words_to_go_on
from catdog.studio.here import CHANGED, Here, Named, Names, Studio, render
from catdog.studio.job_rows import JobRow
from catdog.studio.jobs.job import Order
from catdog.studio.run_facts import (
    Snapshot,
    Specs,
    early_end,
    files,
    log_tail,
    snapshots,
    specs,
    stop,
)
from catdog.studio.run_rows import RunRow, log_of
from catdog.studio.texts import SpecTexts
from catdog.tracking.resources import RESOURCES
from catdog.tracking.run_table import differing
from catdog.tracking.runs import RunRecord

router = APIRouter()

#: So many runs are compared at most.
_MOST = 12


class GoingOn(Named):
    """A run that is to go on, until this iteration where one is said."""

    max_iter: int = Field(default=0, ge=0, le=10**9)


@dataclass(frozen=True)
class RunDetails:
    """A run with its snapshots and what it takes to do it again."""

    run: RunRow
    snapshots: list[Snapshot]
    files: list[str]
    command: str
    fields: dict[str, str]


@dataclass(frozen=True)
class Compared:
    """Runs side by side: their rows, the fields in which they differ, by run, and their curves."""

    runs: list[RunRow]
    fields: dict[str, list[str]]
    charts: list[Chart]


@router.get("/run", response_class=HTMLResponse, include_in_schema=False)
def page(studio: Here, name: str) -> HTMLResponse:
    """A run: its course, its snapshots, its log."""
    run = studio.run(name)
    return render("run.html", "home", **_shown(studio, run), specs=specs(run))


@router.get("/parts/run", response_class=HTMLResponse, include_in_schema=False)
def parts(studio: Here, name: str) -> HTMLResponse:
    """What of the page changes while the run trains."""
    return render("run_parts.html", "", **_shown(studio, studio.run(name)))


@router.get("/run/events", include_in_schema=False)
async def events(request: Request, studio: Here, name: str) -> StreamingResponse:
    """Says `changed` whenever the run's files do."""

    def look() -> str:
        run = studio.run(name)
        log = log_of(run)
        size = log.stat().st_size if log.exists() else 0
        return repr((run.status, size, run.content, len(snapshots(run, studio.logs.read(run)))))

    return changes(request, studio, look)


@router.get("/compare", response_class=HTMLResponse, include_in_schema=False)
def compare_page(studio: Here, name: Names = ()) -> HTMLResponse:
    """Runs side by side."""
    return render("compare.html", "home", compared=compare(studio, name), names=list(name))


@router.get("/api/run")
def details(studio: Here, name: str) -> RunDetails:
    """A run with its snapshots and their scores, its files, its command, its fields."""
    run = studio.run(name)
    log = studio.logs.read(run)
    return RunDetails(
        studio.logs.row(run),
        snapshots(run, log),
        [str(path) for path in files(run)],
        str(run.content.get("command") or ""),
        run.fields,
    )


@router.get("/api/run/specs")
def run_specs(studio: Here, name: str) -> Specs:
    """The solver and the nets of a run, as YAML."""
    return specs(studio.run(name))


@router.get("/api/run/texts")
def run_texts(studio: Here, name: str) -> SpecTexts:
    """The net and the solver of a run as they are trained again, or with other fields."""
    return texts_of_run(studio.run(name))


@router.get("/api/run/charts")
def charts(studio: Here, name: str) -> list[Chart]:
    """The curves of a run."""
    run = studio.run(name)
    return run_charts({run.name: studio.logs.read(run)})


@router.get("/api/run/resources")
def resources(studio: Here, name: str) -> list[Chart]:
    """Memory and load of a run."""
    return resource_charts(Path(studio.run(name).name).parent / RESOURCES)


@router.get("/api/compare")
def compare(studio: Here, name: Names = ()) -> Compared:
    """Runs side by side, of which there may be up to 12."""
    runs = [studio.run(each) for each in dict.fromkeys(name)][:_MOST]
    fields = differing(runs) if runs else {}
    return Compared(
        [studio.logs.row(run) for run in runs],
        {shown: [run.fields.get(key, "–") for run in runs] for shown, key in fields.items()},
        run_charts({run.name: studio.logs.read(run) for run in runs}),
    )


@router.get("/api/compare/charts")
def compare_charts(studio: Here, name: Names = ()) -> list[Chart]:
    """The curves of runs side by side."""
    return compare(studio, name).charts


@router.post("/api/run/stop")
def stop_run(studio: Here, asked: Named, response: Response) -> RunRow:
    """Stop a run that is under way, with a snapshot, wherever it was begun on this machine."""
    run = studio.run(asked.name)
    stop(run)
    response.headers.update(CHANGED)
    response.headers["X-Message"] = "It stops after this iteration, with a snapshot."
    return studio.logs.row(run)


@router.post("/api/run/go-on")
def go_on(studio: Here, asked: GoingOn, response: Response) -> JobRow:
    """Go on with a run from its newest snapshot, when its device is free."""
    run = studio.run(asked.name)
    words = words_to_go_on(run, studio.place, asked.max_iter)
    if any(job.state in ("waiting", "running") for job in _jobs(studio, run)):
        raise CatdogError("is being trained already", where=run.name, remedy="stop that first")
    device = str(run.content.get("device") or "cpu").split(" ")[0]
    job = studio.jobs.add(Order(f"Go on with {run.name}", words, run.name, device))
    response.headers.update(CHANGED)
    response.headers["X-Message"] = "It goes on when its device is free."
    return JobRow.of(studio, job)


def _shown(studio: Studio, run: RunRecord) -> dict[str, object]:
    log = studio.logs.read(run)
    weights, tail = snapshots(run, log), log_tail(run)
    return {
        "run": studio.logs.row(run),
        "snapshots": weights,
        "loss": log.train_loss[-1][1] if log.train_loss else None,
        "reason": str(run.content.get("reason") or ""),
        "early": early_end(tail),
        "log": tail,
        "log_path": str(log_of(run)),
        "command": str(run.content.get("command") or ""),
        "surroundings": run.surroundings,
        "jobs": _jobs(studio, run),
        "has_resources": (Path(run.name).parent / RESOURCES).is_file(),
        "files": _others(run, weights),
    }


def _jobs(studio: Studio, run: RunRecord) -> list[JobRow]:
    """The jobs that train this run."""
    own = (job for job in studio.jobs.all() if job.order.target == run.name)
    return [JobRow.of(studio, job) for job in own]


def _others(run: RunRecord, weights: Sequence[Snapshot]) -> list[tuple[str, int]]:
    """The files of a run beside its weights, which have a table, and their sizes in bytes."""
    shown = {each.path for each in weights}
    found = (path for path in files(run) if path.is_file() and str(path) not in shown)
    return [(str(path), path.stat().st_size) for path in found]
