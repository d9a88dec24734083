"""Streams whose reader went away."""

import os
from contextlib import suppress


def silence(stream: object) -> None:
    """Let what is written to a stream from now on go nowhere, also what waits in it."""
    number = getattr(stream, "fileno", None)
    if number is None:
        return
    # no file of the system's has no number
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, number())
        os.close(nowhere)
