"""What the routes of a studio share."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from catdog.errors import CatdogError
from catdog.runtime.page_templates import page_templates
from catdog.studio import wording
from catdog.studio.desk import Desk
from catdog.studio.jobs.queue import JobQueue
from catdog.studio.photo_desk import PhotoDesk
from catdog.studio.place import StudioFolder
from catdog.studio.predictions import Predictions
from catdog.studio.run_rows import RunLogs
from catdog.studio.watch import Store, Watch
from catdog.tracking.runs import RunRecord

TEMPLATES = Path(__file__).parent / "templates"
STATIC = Path(__file__).parent / "static"
#: What to do about a name that is none's.
LISTED = "the first page lists them"
#: Tells the page that what it shows has changed.
CHANGED = {"HX-Trigger": "changed"}

#: Names that come as often as there are.
Names = Annotated[Sequence[str], Query()]


class Named(BaseModel):
    """What one action is about."""

    name: str


@dataclass
class Studio:
    """A studio at work: where, what lies there, what it has begun."""

    place: StudioFolder
    watch: Watch
    logs: RunLogs
    jobs: JobQueue
    #: Looks at texts as they are typed; measures, draws and looks at photos.
    desk: Desk
    bench: Desk
    photo_desk: PhotoDesk = field(init=False)
    predictions: Predictions = field(init=False)
    #: Set once it is told to stop: what streams to a page ends.
    stopping: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.photo_desk = PhotoDesk(self.place)
        self.predictions = Predictions(self.place, self.jobs, self.photo_desk.sent)

    def run(self, name: str) -> RunRecord:
        """The run of this name. Raises CatdogError where there is none below the folder."""
        path = self.place.within(name)
        found = next((run for run in self.watch.runs() if run.name == self.place.name(path)), None)
        if found is None:
            raise CatdogError("no such run", where=name, remedy=LISTED)
        return found

    def find_store(self, name: str) -> Store | None:
        """The store of this name; None where there is none."""
        return next((each for each in self.watch.stores() if each.name == name), None)

    def store(self, name: str) -> Store:
        """The store of this name. Raises CatdogError where there is none below the folder."""
        found = self.find_store(name)
        if found is None:
            raise CatdogError("no such store", where=name, remedy=LISTED)
        return found


def of_request(request: Request) -> Studio:
    """The studio that a request is answered by."""
    found: Studio = request.app.state.studio
    return found


Here = Annotated[Studio, Depends(of_request)]


def render(template: str, here: str, /, **values: object) -> HTMLResponse:
    """A page or a part of one, of a template in templates/; `here` is its place in the menu."""
    page = page_templates(TEMPLATES, **wording.FILTERS).get_template(template)
    return HTMLResponse(page.render(here=here, **values))
