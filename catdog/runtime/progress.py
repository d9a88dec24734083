"""How far long work is: a bar on a terminal, elsewhere a plain line now and then."""

import sys
from collections.abc import Iterable
from typing import Any, TextIO

from tqdm import tqdm

#: Seconds between two lines where there is no terminal; shorter work says nothing there.
EVERY = 30.0
_LINE = "{n_fmt} of {total_fmt}{unit}, {rate_noinv_fmt}, {remaining} left"


class _Lines:
    """Where there is no terminal: what would be drawn over becomes lines."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        if self._stream and (line := " ".join(text.split())):
            self._stream.write(f"{line}\n")

    def flush(self) -> None:
        if self._stream:
            self._stream.flush()


def progress(
    items: Iterable[Any] | None = None,
    what: str = "",
    total: int | None = None,
    *,
    unit: str = "photos",
    stream: TextIO | None = None,
    hidden: bool = False,
) -> "tqdm[Any]":
    """The items, which are counted as they are taken; without any, `update` counts.

    Args:
        what: is done, where that is not clear.
        total: how many there are (default: as many as the items).
        stream: where it is shown (default: stderr).
        hidden: show nothing.
    """
    stream = stream or sys.stderr
    unit = f" {unit}"
    if hidden or (stream is not None and stream.isatty()):
        return tqdm(items, what, total, unit=unit, file=stream, disable=hidden)
    return tqdm(
        items,
        total=total,
        unit=unit,
        file=_Lines(stream),
        bar_format=f"{what}: {_LINE}" if what else _LINE,
        mininterval=EVERY,
        maxinterval=EVERY,
        delay=EVERY,
        leave=False,
    )
