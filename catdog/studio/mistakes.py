"""What a request gets that cannot be answered: JSON, and in the place of a page a page."""

from errno import ENOSPC
from pathlib import Path

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException

from catdog.errors import CatdogError
from catdog.studio.here import render


async def of_user(request: Request, error: Exception) -> Response:
    """A mistake of a user: where, what, remedy."""
    assert isinstance(error, CatdogError)
    parts = {"where": error.where, "what": error.what, "remedy": error.remedy}
    return _answer(request, {"error": str(error), **parts}, 422)


async def of_request(request: Request, error: Exception) -> Response:
    """What the framework itself refuses: no such page, a form that cannot be read."""
    assert isinstance(error, HTTPException)
    answer = _answer(request, {"error": error.detail}, error.status_code)
    answer.headers.update(error.headers or {})
    return answer


async def of_form(request: Request, error: Exception) -> Response:
    """Fields that are missing, or of another kind."""
    assert isinstance(error, RequestValidationError)
    faults = [(".".join(map(str, each["loc"][1:])), str(each["msg"])) for each in error.errors()]
    where, what = faults[0]
    text = "; ".join(f"{place}: {reason}" for place, reason in faults)
    return _answer(request, {"error": text, "where": where, "what": what, "remedy": ""}, 422)


async def of_system(request: Request, error: Exception) -> Response:
    """A file that cannot be read or written: the disk is full, or it went away in between."""
    assert isinstance(error, OSError)
    where = Path(str(error.filename or "a file")).name
    what, remedy = f"cannot be read or written: {error.strerror}", "make room, or try again"
    told = str(CatdogError(what, where=where, remedy=remedy))
    content = {"error": told, "where": where, "what": what, "remedy": remedy}
    return _answer(request, content, 507 if error.errno == ENOSPC else 422)


def _answer(request: Request, content: dict[str, str], status: int) -> Response:
    """A page where a browser asked for one: what its address bar leads to."""
    # a name that came as JSON need not be text
    content = {key: word.encode(errors="replace").decode() for key, word in content.items()}
    wants_page = "text/html" in request.headers.get("accept", "")
    if not wants_page or "hx-request" in request.headers or request.method != "GET":
        return JSONResponse(content, status)
    page = render("mistake.html", "", error=content["error"], is_missing=status == 404)
    return HTMLResponse(page.body, status)
