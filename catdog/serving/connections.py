"""Connections that say too much, or too little, before a request is there."""

import asyncio
import importlib
import json
from importlib.util import find_spec
from typing import Any

from catdog.serving.limits import Limits


def limited_protocol(limits: Limits) -> type[asyncio.Protocol]:
    """What speaks HTTP for uvicorn, the fastest that is installed, with limits on headers."""
    name, kind = ("httptools", "HttpTools") if find_spec("httptools") else ("h11", "H11")
    module = importlib.import_module(f"uvicorn.protocols.http.{name}_impl")
    base = getattr(module, f"{kind}Protocol")
    return type("LimitedProtocol", (_Limited, base), {"limits": limits})


class _Limited(asyncio.Protocol):
    """Closes connections whose request has not begun in time, or has endless headers.

    It stands before a protocol of uvicorn's, whose `cycle` is the request that has begun last.
    """

    limits: Limits
    loop: asyncio.AbstractEventLoop
    transport: Any
    connections: set[Any]
    cycle: Any
    _bytes = 0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait, unless there are too many already."""
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            transport.abort()
        else:
            self._wait_for_request()

    def data_received(self, data: bytes) -> None:
        """Count what comes before a request has begun."""
        before = self.cycle
        is_between = before is None or before.response_complete
        if is_between:
            self._bytes += len(data)
            self._wait_for_request()
        super().data_received(data)
        if not is_between:
            return
        if self.cycle is not before:
            self._begun()
        elif self._bytes > self.limits.header_bytes:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._begun()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, in the form of all refusals, and close."""
        body = json.dumps({"error": msg}).encode()
        head = (
            "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    def _wait_for_request(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(self.limits.header_seconds, self._too_slow)

    def _begun(self) -> None:
        self._bytes = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        self.transport.abort()
