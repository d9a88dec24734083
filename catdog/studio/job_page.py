"""The page of a job: what it does, what it printed, what it made."""

from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, StreamingResponse

from catdog.studio.events import changes
from catdog.studio.here import Here, Studio, render
from catdog.studio.job_rows import JobRow
from catdog.studio.predictions import FOLDER
from catdog.tracking.run_file import run_path

router = APIRouter()


@router.get("/job", response_class=HTMLResponse, include_in_schema=False)
def page(studio: Here, name: str) -> HTMLResponse:
    """A job."""
    return render("job.html", "home", **_shown(studio, name))


@router.get("/parts/job", response_class=HTMLResponse, include_in_schema=False)
def parts(studio: Here, name: str) -> HTMLResponse:
    """What of the page changes while it is at work."""
    return render("job_parts.html", "", **_shown(studio, name))


@router.get("/job/events", include_in_schema=False)
async def events(request: Request, studio: Here, name: str) -> StreamingResponse:
    """Says `changed` whenever it printed something or ended."""
    return changes(request, studio, lambda: repr(_shown(studio, name)))


@router.get("/api/job")
def details(studio: Here, name: str) -> JobRow:
    """A job."""
    return JobRow.of(studio, studio.jobs.find(name))


@router.get("/api/job/output")
def output(studio: Here, name: str) -> str:
    """The end of what it printed."""
    return studio.jobs.find(name).output


def _shown(studio: Studio, name: str) -> dict[str, object]:
    job = studio.jobs.find(name)
    return {
        "job": JobRow.of(studio, job),
        "output": job.output,
        "page": _page_of(studio, job.order.target, job.order.words[0]),
        "made": job.order.target.removeprefix(f"{FOLDER}/"),
    }


def _page_of(studio: Studio, target: str, tool: str) -> str:
    """What kind of page what it makes has, once that is there; empty for none."""
    if tool == "evaluate" and Path(target).suffix == ".csv" and Path(target).exists():
        return "review"
    if tool == "train" and run_path(target).exists():
        return "run"
    if tool == "create_lmdb" and studio.find_store(target):
        return "store"
    if any(f"{FOLDER}/{row.name}" == target for row in studio.predictions.rows()):
        return "predictions"
    return ""
