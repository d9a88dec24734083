"""How much a request may bring: an ASGI middleware."""

from collections.abc import Mapping

from catdog.web.guard import App, Message, Receive, Scope, Send


class BodyLimit:
    """Refuses a body of more bytes than `most`, as announced or as it comes in, with 413.

    Args:
        app: what answers.
        most: bytes of a body.
        paths: how those begin where it is another number.
    """

    def __init__(self, app: App, *, most: int, paths: Mapping[str, int] | None = None) -> None:
        self._app, self._most, self._paths = app, most, dict(paths or {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse what is too large of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = str(scope["path"])
        most = next((each for at, each in self._paths.items() if path.startswith(at)), self._most)
        if _announced(scope, most) > most:
            await _refuse(send, most)
            return
        body = _Body(receive, send, most)
        try:
            await self._app(scope, body.receive, body.send)
        except Exception:
            # the app's own way with a body that breaks off; the answer is ours
            if not body.is_over:
                raise
        if body.is_over and not body.is_answered:
            await _refuse(send, most)


def _announced(scope: Scope, most: int) -> int:
    for name, value in scope["headers"]:
        if name.lower() == b"content-length":
            return int(value) if value.isdigit() else most + 1
    return 0


async def _refuse(send: Send, most: int) -> None:
    text = f"error: more than {most:,} bytes in one request\n".encode()
    # what is still to come of the body is not read
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": text})


class _Body:
    """The way of one request and its answer; a body that grows too large breaks off."""

    def __init__(self, receive: Receive, send: Send, most: int) -> None:
        self._receive, self._send, self._left = receive, send, most
        self.is_answered = False

    @property
    def is_over(self) -> bool:
        """Whether more came than may."""
        return self._left < 0

    async def receive(self) -> Message:
        """The next part. Raises _TooLarge."""
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self.is_over:
            raise _TooLarge
        return message

    async def send(self, message: Message) -> None:
        """The app's answer, unless the body broke off before it began."""
        if self.is_answered or not self.is_over:
            self.is_answered = True
            await self._send(message)


class _TooLarge(Exception):
    """More came than may."""
