"""Reports of the tools as pages in a frame: their scripts run apart from everything else."""

from fastapi import APIRouter
from fastapi.responses import FileResponse

from catdog.errors import CatdogError
from catdog.studio.here import Here

router = APIRouter()

#: A report may run its own script and style, with nothing of the studio's and no address.
_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
)


@router.get("/report", response_class=FileResponse, include_in_schema=False)
def report(studio: Here, name: str) -> FileResponse:
    """A page that a tool wrote below the folder, by its path."""
    path = studio.place.within(name)
    if path.suffix.lower() != ".html" or not path.is_file():
        raise CatdogError("is no report", where=name, remedy="the pages list them")
    return FileResponse(
        path, media_type="text/html; charset=utf-8", headers={"content-security-policy": _POLICY}
    )
