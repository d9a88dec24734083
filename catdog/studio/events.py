"""Server-sent events: a page is told that what it shows has changed, and asks for it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

from fastapi import Request
from fastapi.responses import StreamingResponse

from catdog.errors import CatdogError
from catdog.studio.here import Studio

#: Seconds between looks; of a look that takes long, so many times what it takes.
_PAUSE, _SHARE = 1.0, 10
#: A line that says nothing, so often, keeps the connection: seconds.
_HEARTBEAT = 15


def changes(request: Request, studio: Studio, look: Callable[[], str]) -> StreamingResponse:
    """A stream that says `changed` whenever what `look` gives is another text than before."""

    async def stream() -> AsyncIterator[str]:
        yield "retry: 2000\n\n"
        before, said = None, time.monotonic()
        while not studio.stopping.is_set() and not await request.is_disconnected():
            began = time.monotonic()
            found = await asyncio.to_thread(_seen, look)
            now = time.monotonic()
            if before is not None and found != before:
                yield "event: changed\ndata: \n\n"
                said = now
            elif now - said > _HEARTBEAT:
                yield ": still here\n\n"
                said = now
            before = found
            await _wait(studio, max(_PAUSE, _SHARE * (now - began)))

    headers = {"X-Accel-Buffering": "no"}
    return StreamingResponse(stream(), media_type="text/event-stream", headers=headers)


def _seen(look: Callable[[], str]) -> str:
    """What a look gives; of what is gone, that it is."""
    try:
        return look()
    except (CatdogError, OSError) as error:
        return str(error)


async def _wait(studio: Studio, seconds: float) -> None:
    """So long, or until the studio is told to stop."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and not studio.stopping.is_set():
        await asyncio.sleep(min(0.25, seconds))
