"""The addresses of a server, and what is sent there."""

import json
import sys
import time
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qsl

from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from catdog.errors import CatdogError
from catdog.serving.intake import Gone
from catdog.serving.metrics import CONTENT_TYPE
from catdog.serving.refusal import Refusal
from catdog.serving.schema import ABOUT, PREDICT
from catdog.serving.service import Service
from catdog.web.address import Address
from catdog.web.guard import App, Guard, Message, Receive, Scope, Send

PATH = "/predict"
#: What is asked by machines that have no token.
OPEN = ("/healthz", "/readyz")
_CLOSE = (b"connection", b"close")
_KINDS = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
_PAGES = {"/": "photo.html", "/docs": "docs.html"}
_FILES = ("page.css", "photo.js", "docs.js")


def application(service: Service, place: Address) -> App:
    """All that is answered on an address."""
    api = FastAPI(
        title="catdog serve", description=ABOUT, version="1", docs_url=None, redoc_url=None
    )
    _add_state(api, service)
    for path, name in (*_PAGES.items(), *((f"/static/{name}", name) for name in _FILES)):
        _add_file(api, path, name)
    api.openapi_schema = _described(api)
    api.add_exception_handler(HTTPException, _not_found)
    guarded = Guard(
        _Front(api, service),
        token=place.token,
        hosts=place.hosts,
        open_paths=OPEN,
        refuse=_refuse_by_guard,
    )
    return _Counted(guarded, service)


def _add_state(api: FastAPI, service: Service) -> None:
    @api.get("/net", tags=["net"])
    async def net() -> dict[str, Any]:
        """The classes of the net, and how it takes photos."""
        return {**service.net.about, "limits": vars(service.limits)}

    @api.get("/healthz", tags=["state"])
    async def healthz() -> dict[str, str]:
        """Whether the process lives."""
        return {"status": "lives"}

    @api.get("/readyz", tags=["state"], responses={503: {"description": "Why it is not ready"}})
    async def readyz() -> Response:
        """Whether photos are taken: the weights are loaded, the net is warm, the queue has room."""
        if reason := service.not_ready:
            return _json(503, {"error": f"the server {reason}"}, {"retry-after": "1"})
        return _json(200, {"status": "ready"})

    @api.get("/metrics", tags=["state"], response_class=Response)
    async def metrics() -> Response:
        """What was counted and measured, for Prometheus."""
        return Response(service.metrics.text(), media_type=CONTENT_TYPE)


def _add_file(api: FastAPI, path: str, name: str) -> None:
    content = files("catdog.serving").joinpath("templates", name).read_bytes()
    kind = _KINDS[name.rpartition(".")[2]]

    @api.get(path, include_in_schema=False)
    async def file() -> Response:
        return Response(content, media_type=kind)


def _described(api: FastAPI) -> dict[str, Any]:
    schema = api.openapi()
    return {**schema, "paths": {PATH: {"post": PREDICT}, **schema["paths"]}}


class _Front:
    """Answers photos itself, and leaves other requests to the app.

    What a framework does for each request costs a tenth of what a small net costs.
    """

    def __init__(self, app: App, service: Service) -> None:
        self._app, self._service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or scope["path"] != PATH:
            await self._app(scope, receive, send)
            return
        if scope["method"] != "POST":
            told = _not_taken(scope["method"], PATH, "POST")
            await _send_json(send, 405, {"error": told}, [(b"allow", b"POST"), _CLOSE])
            return
        try:
            status, found = await self._service.predict(
                dict(scope["headers"]),
                parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True),
                receive,
            )
            await _send_json(send, status, found)
        except Refusal as error:
            extra = [(b"retry-after", b"%d" % error.retry_after)] if error.retry_after else []
            extra += [_CLOSE] if error.close else []
            await _send_json(send, error.status, {"error": str(error)}, extra)


def _encoded(content: object) -> bytes:
    # beyond ASCII all is escaped, so that no terminal and no page can be led astray
    return json.dumps(content, separators=(",", ":")).encode()


async def _send_json(
    send: Send, status: int, content: object, extra: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    body = _encoded(content)
    length = (b"content-length", b"%d" % len(body))
    headers = [(b"content-type", b"application/json"), length, *extra]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _json(status: int, content: object, headers: Mapping[str, str] | None = None) -> Response:
    return Response(_encoded(content), status, headers, media_type="application/json")


async def _not_found(request: Request, error: Exception) -> Response:
    """What the router refuses: another path, another method."""
    assert isinstance(error, HTTPException)
    path = request.scope["path"]
    allowed = (error.headers or {}).get("Allow", "")
    told = (
        _not_taken(request.method, path, allowed)
        if allowed
        else str(CatdogError("there is nothing", where=path, remedy="/docs tells what there is"))
    )
    headers = {**(error.headers or {}), "connection": "close"}
    return _json(error.status_code, {"error": told}, headers)


def _not_taken(method: str, path: str, allowed: str) -> str:
    what = f"{method} is not taken"
    return str(CatdogError(what, where=path, remedy=f"it takes {allowed}"))


async def _refuse_by_guard(send: Send, status: int, reason: str) -> None:
    await _send_json(send, status, {"error": reason}, [_CLOSE])


class _Counted:
    """Counts answers; a fault of ours is told here, and answered with 500."""

    def __init__(self, app: App, service: Service) -> None:
        self._app, self._service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 0

        async def sent(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app(scope, receive, sent)
        except Gone:
            # nobody is there for an answer; 499 is what proxies write of it
            status = 499
        except Exception as error:
            print(f"error: {scope['path']}: {type(error).__name__}: {error}", file=sys.stderr)
            if not status:
                await _refuse_by_guard(sent, 500, "a fault of the server, which its log tells")
        self._service.metrics.answered(status, time.perf_counter() - began)
