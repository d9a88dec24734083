"""The bodies of requests, read within their limits."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from catdog.serving.limits import Limits
from catdog.serving.refusal import Refusal
from catdog.web.guard import Message, Receive

Headers = Mapping[bytes, bytes]
"""Of a request, by their names in small letters."""

#: Seconds for which a refused body is read on.
_LEAVE = 2.0


class Gone(Exception):
    """The client went away before its request was whole."""


class Held:
    """The bytes of a request that are held; see `Intake.request`."""

    def __init__(self) -> None:
        self.count = 0


class Intake:
    """Reads bodies; all that are read or wait at the same time have `limits.held` bytes at most."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        #: Bytes that are held now.
        self.held = 0

    @contextmanager
    def request(self) -> Iterator[Held]:
        """While a request is under way, its bytes count."""
        held = Held()
        try:
            yield held
        finally:
            self.held -= held.count

    async def read(self, receive: Receive, headers: Headers, held: Held) -> bytes:
        """The whole body of a request.

        Raises Refusal for one that is too large or too slow, or for which there is no room now,
        and Gone.
        """
        parts: list[bytes] = []
        try:
            self._check_announced(headers)
            async with asyncio.timeout(self._limits.seconds):
                while True:
                    message = await receive()
                    self._take(message, parts, held)
                    if not message.get("more_body", False):
                        return b"".join(parts) if len(parts) > 1 else parts[0]
        except TimeoutError:
            what = f"has not come within {self._limits.seconds:g} seconds"
            raise Refusal(408, what, where="body", close=True) from None
        except Refusal:
            parts.clear()
            if b"expect" not in headers:
                await self._leave(receive)
            raise

    async def _leave(self, receive: Receive) -> None:
        """Read what still comes of a body that is refused, for a little while, and keep nothing.

        A connection that is closed while its client sends takes the answer with it.
        """
        left = 2 * self._limits.body
        with suppress(TimeoutError):
            async with asyncio.timeout(_LEAVE):
                while left > 0:
                    message = await receive()
                    left -= len(message.get("body", b""))
                    if not message.get("more_body", False):
                        return

    def _check_announced(self, headers: Headers) -> None:
        if (said := headers.get(b"content-length")) is None:
            return
        announced = said.decode("latin-1")
        if not (announced.isascii() and announced.isdecimal()):
            raise Refusal(400, "is no number", where="Content-Length", close=True)
        # numbers of thousands of digits are not read
        if len(announced) > 18 or int(announced) > self._limits.body:
            raise self._too_large()
        if self.held + int(announced) > self._limits.held:
            raise self._no_room()

    def _take(self, message: Message, parts: list[bytes], held: Held) -> None:
        if message["type"] == "http.disconnect":
            raise Gone
        part = message.get("body", b"")
        parts.append(part)
        held.count += len(part)
        self.held += len(part)
        if held.count > self._limits.body:
            raise self._too_large()
        if self.held > self._limits.held:
            raise self._no_room()

    def _too_large(self) -> Refusal:
        what = f"more than {self._limits.body:,} bytes"
        remedy = "send smaller photos, or fewer of them"
        return Refusal(413, what, where="body", remedy=remedy, close=True)

    def _no_room(self) -> Refusal:
        what = f"{self._limits.held:,} bytes of other requests wait already"
        remedy = "send it again after Retry-After"
        return Refusal(503, what, remedy=remedy, retry_after=1, close=True)
