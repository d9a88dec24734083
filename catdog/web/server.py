"""An app on an address, until it is told to stop."""

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from catdog.errors import CatdogError
from catdog.runtime.optional import optional
from catdog.web.address import Address
from catdog.web.guard import App

if TYPE_CHECKING:
    import uvicorn


def listen(place: Address) -> socket.socket:
    """A socket that listens there; port 0 takes a free one.

    Raises CatdogError where it is taken or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((place.host, place.port))
        found.listen(1024)
    except (OSError, OverflowError) as error:
        found.close()
        reason = getattr(error, "strerror", None) or str(error)
        where, remedy = f"{place.host}:{place.port}", "another --port, or 0 for a free one"
        raise CatdogError(f"cannot listen: {reason}", where=where, remedy=remedy) from None
    return found


def serve(
    app: App,
    listening: socket.socket,
    *,
    remedy: str,
    stopping: Callable[[], object] = lambda: None,
    grace: int = 10,
    idle: int = 5,
    drained: Callable[[], bool] = lambda: True,
    protocol: "type[asyncio.Protocol] | str" = "auto",
) -> None:
    """Answer on a socket until SIGINT or SIGTERM; a second one ends it at once.

    Args:
        remedy: what to run where uvicorn is not installed.
        stopping: called with the first signal, before what is under way has its end.
        grace: seconds that requests under way have after that.
        idle: seconds that a connection may say nothing.
        drained: after the first signal new connections are taken until this is true, so that the
            app can refuse them in its own words.
        protocol: what speaks HTTP: a class, or a name of uvicorn's.
    """
    uvicorn = optional("uvicorn", "a server needs uvicorn", remedy)
    config = uvicorn.Config(
        app,
        http=protocol,
        log_level="error",
        access_log=False,
        timeout_graceful_shutdown=grace,
        timeout_keep_alive=idle,
        proxy_headers=False,
        server_header=False,
        date_header=False,
    )
    server = uvicorn.Server(config)
    with (
        _stopped_by_signals(server, stopping, drained),
        asyncio.Runner(loop_factory=config.get_loop_factory()) as runner,
    ):
        runner.run(server.serve(sockets=[listening]))


@contextmanager
def _stopped_by_signals(
    server: "uvicorn.Server", stopping: Callable[[], object], drained: Callable[[], bool]
) -> Iterator[None]:
    """While it is held, signals end the server in order, and this process lives on."""
    asked, on_tick = False, server.on_tick

    def stop(_: int, __: FrameType | None) -> None:
        nonlocal asked
        stopping()
        server.force_exit = asked
        asked = True
        server.should_exit = server.should_exit or server.force_exit or drained()

    async def tick(counter: int) -> bool:
        server.should_exit = server.should_exit or (asked and drained())
        return await on_tick(counter)

    server.on_tick = tick  # type: ignore[method-assign]
    # uvicorn's own handlers raise the signal again once it has ended, which would be a traceback
    server.capture_signals = _nothing  # type: ignore[method-assign]
    before = {each: signal.signal(each, stop) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextmanager
def _nothing() -> Iterator[None]:
    yield
