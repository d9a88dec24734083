"""The studio's app: its routes, and what a mistake becomes."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

import catdog
from catdog.errors import CatdogError
from catdog.studio import (
    api_page,
    classify,
    downloads,
    home,
    job_page,
    mistakes,
    new_store,
    new_training,
    predictions_page,
    reports,
    review_page,
    run_page,
    store_page,
)
from catdog.studio.desk import Desk
from catdog.studio.desk_work import work
from catdog.studio.here import STATIC, Studio
from catdog.studio.jobs.queue import JobQueue
from catdog.studio.place import StudioFolder
from catdog.studio.run_rows import RunLogs
from catdog.studio.watch import Watch
from catdog.tracking.run_file import RUNNING
from catdog.web.address import Address
from catdog.web.guard import App, Guard
from catdog.web.limits import BodyLimit

#: Bytes of one request; of those with photos, by how their paths begin.
MOST_BYTES = 8 * 2**20
_LARGE = {"/api/uploads/": 4 * 2**30, **classify.LARGE}
#: Seconds that a measurement or the look at a large folder may take.
_MEASURING = 120.0
_ROUTERS = (
    home.router,
    run_page.router,
    downloads.router,
    job_page.router,
    new_training.router,
    new_store.router,
    store_page.router,
    classify.router,
    predictions_page.router,
    reports.router,
    review_page.router,
    api_page.router,
)


def studio_of(place: StudioFolder) -> Studio:
    """A studio of a folder, which is the working directory; nothing begins before its app does."""
    watch, logs = Watch(place.folder), RunLogs()

    def busy() -> set[str]:
        """The devices of runs that were begun elsewhere, or before."""
        runs = (run for run in watch.runs() if run.status == RUNNING)
        return {str(run.content.get("device")).split(" ")[0] for run in runs}

    jobs = JobQueue(place.own / "jobs", place.folder, busy)
    return Studio(place, watch, logs, jobs, Desk(place, work), Desk(place, work, _MEASURING))


def create_app(studio: Studio) -> FastAPI:
    """The pages and the JSON routes of a studio."""

    @asynccontextmanager
    async def at_work(_: FastAPI) -> AsyncIterator[None]:
        with studio.jobs, studio.desk, studio.bench, studio.photo_desk:
            yield

    app = FastAPI(
        title="catdog studio",
        version=catdog.__version__,
        lifespan=at_work,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    app.state.studio = studio
    for router in _ROUTERS:
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=STATIC))
    app.add_exception_handler(CatdogError, mistakes.of_user)
    app.add_exception_handler(RequestValidationError, mistakes.of_form)
    app.add_exception_handler(HTTPException, mistakes.of_request)
    app.add_exception_handler(OSError, mistakes.of_system)
    return app


def guarded(app: FastAPI, address: Address, most: int = MOST_BYTES) -> App:
    """The app behind what keeps others out of it."""
    limited = BodyLimit(app, most=most, paths=_LARGE)
    return Guard(limited, token=address.token, hosts=address.hosts, open_paths=[home.HEALTH])


def place_of(folder: Path, photos: Sequence[Path]) -> StudioFolder:
    """The place of a folder. Raises CatdogError where it or one of photos is none."""
    for each in (folder, *photos):
        if not each.is_dir():
            raise CatdogError("no such folder", where=str(each), remedy="make it, or name another")
    return StudioFolder(folder, photos)
