"""Who may ask, from where, and what a browser may do with the answer: an ASGI middleware.

Binding to 127.0.0.1 keeps other machines out, not the pages of other sites that a browser on this
machine has open: they could send forms here, or reach it under a name of their own (DNS
rebinding). Hence the rules for hosts and origins, which hold on every address.
"""

import hmac
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Refuse = Callable[[Send, int, str], Awaitable[None]]

#: How the cookie is called that holds the token once it has been shown, up to its port.
COOKIE = "catdog_token"
#: Names of this machine that no other site can have.
LOOPBACK = ("localhost", "127.0.0.1", "::1")
_SAFE = ("GET", "HEAD", "OPTIONS")
_CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "font-src 'self'; connect-src 'self'; frame-src 'self'; form-action 'self'; "
    "frame-ancestors 'self'; base-uri 'none'"
)
_HEADERS = {
    "content-security-policy": _CONTENT_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-store",
}


class Guard:
    """Lets through what may ask, and adds to each answer what a browser must know.

    Args:
        app: what answers.
        token: what each request must bring: as `Authorization: Bearer`, as cookie, or once as
            `?token=` of a page, which sets the cookie. Empty: none.
        hosts: names under which it may be reached; with a token any will do.
        open_paths: those that need no token, such as health checks.
        refuse: how a refusal is sent, by its status and reason; as text by default.
    """

    def __init__(
        self,
        app: App,
        *,
        token: str = "",
        hosts: Iterable[str] = LOOPBACK,
        open_paths: Iterable[str] = (),
        refuse: Refuse | None = None,
    ) -> None:
        self._app, self._token, self._refuse = app, token, refuse or _refuse
        self._hosts, self._open = frozenset(hosts), frozenset(open_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            # no page speaks websockets, whose handshake knows no same origin
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            else:
                await receive()
                await send({"type": "websocket.close", "code": 1008})
            return
        headers = _headers(scope)
        refused = self._refused(scope, headers)
        if refused:
            await self._refuse(_with_headers(send), *refused)
        elif fresh := self._fresh_token(scope):
            cookie = f"{_cookie_of(scope)}={self._token}; Path=/; HttpOnly; SameSite=Strict"
            await _redirect(send, fresh, cookie)
        else:
            await self._app(scope, receive, _with_headers(send))

    def _refused(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str] | None:
        """The status and the reason for which this request gets no answer."""
        host = headers.get("host", "")
        if not self._token and _name(host) not in self._hosts:
            names = " or ".join(sorted(self._hosts))
            return 421, f"this server is reached as {names}; other names need --token"
        if not (_is_opened(headers) if scope["method"] in _SAFE else _is_own(headers, host)):
            return 403, "this request comes from a page of another site"
        if not self._is_known(scope, headers):
            return 401, "a token is needed: open the address that was printed at the start"
        return None

    def _is_known(self, scope: Scope, headers: dict[str, str]) -> bool:
        if not self._token or scope["path"] in self._open:
            return True
        kind, _, bearer = headers.get("authorization", "").partition(" ")
        shown = [bearer.strip() if kind.lower() == "bearer" else ""]
        shown += _cookies(headers, _cookie_of(scope))
        if scope["method"] in _SAFE:
            shown.append(dict(_query(scope)).get("token", ""))
        return any(_same(each, self._token) for each in shown)

    def _fresh_token(self, scope: Scope) -> str:
        """Where a page was asked for with the token in its address: the address without it."""
        query = _query(scope)
        rest = [(key, value) for key, value in query if key != "token"]
        if not self._token or scope["method"] != "GET" or len(rest) == len(query):
            return ""
        # a path that begins with two slashes, of which a browser takes \\ for one, would lead to
        # another site, and the path of a scope is not quoted any more
        path = quote("/" + str(scope["path"]).lstrip("/"))
        return path + (f"?{urlencode(rest)}" if rest else "")


def _is_opened(headers: dict[str, str]) -> bool:
    """Whether what is read is read by a page of this server, by a program, or opened as a page.

    What pages of other sites load into themselves would tell them of what is here, and costs work.
    """
    if headers.get("sec-fetch-site", "none") in ("same-origin", "none"):
        return True
    return headers.get("sec-fetch-dest") == "document"


def _is_own(headers: dict[str, str], host: str) -> bool:
    """Whether a request that changes something comes from a page of this server, or from none.

    Browsers say where a request comes from (Sec-Fetch-Site, Origin); programs say nothing.
    """
    site = headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or (origin != "null" and urlsplit(origin).netloc == host)


def _headers(scope: Scope) -> dict[str, str]:
    return {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
    }


def _query(scope: Scope) -> list[tuple[str, str]]:
    return parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)


def _name(host: str) -> str:
    """The name in a Host header, without its port and without the brackets of IPv6."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _cookie_of(scope: Scope) -> str:
    """The name of the cookie: browsers do not keep the ports of a machine apart."""
    _, port = scope.get("server") or ("", "")
    return f"{COOKIE}_{port}"


def _cookies(headers: dict[str, str], name: str) -> list[str]:
    """The values of a cookie, whatever others of this machine's ports look like."""
    pairs = (pair.strip().partition("=") for pair in headers.get("cookie", "").split(";"))
    return [value for known, _, value in pairs if known == name]


def _same(one: str, other: str) -> bool:
    # in a time that does not tell how far they agree
    return hmac.compare_digest(one.encode(), other.encode())


def _with_headers(send: Send) -> Send:
    """Adds the headers to the start of an answer, unless that has its own."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            there = {name.lower() for name, _ in message["headers"]}
            message["headers"] = [*message["headers"], *_encoded(_HEADERS, there)]
        await send(message)

    return sent


def _encoded(headers: dict[str, str], there: Iterable[bytes] = ()) -> list[tuple[bytes, bytes]]:
    pairs = ((name.encode(), value.encode()) for name, value in headers.items())
    return [pair for pair in pairs if pair[0] not in there]


async def _refuse(send: Send, status: int, reason: str) -> None:
    headers = {"content-type": "text/plain; charset=utf-8", "connection": "close"}
    await send({"type": "http.response.start", "status": status, "headers": _encoded(headers)})
    await send({"type": "http.response.body", "body": f"error: {reason}\n".encode()})


async def _redirect(send: Send, path: str, cookie: str) -> None:
    headers = _HEADERS | {"location": path, "set-cookie": cookie}
    await send({"type": "http.response.start", "status": 303, "headers": _encoded(headers)})
    await send({"type": "http.response.body", "body": b""})
