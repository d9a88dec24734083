"""How a training goes, in a notebook: a bar, the time that is left, the tests so far."""

import time
from collections.abc import Callable
from html import escape
from typing import Protocol

from google.protobuf import text_format
from tqdm import tqdm

from catdog.proto.caffe_pb2 import SolverParameter
from catdog.runtime.notebook import NotebookPlace
from catdog.solver.events import (
    Cached,
    CachedBatch,
    Display,
    Done,
    Event,
    Failed,
    Iterating,
    NetTested,
    Preparing,
    Resuming,
    Solving,
    Stopped,
    Warned,
)
from catdog.tracking.run_file import named

#: Seconds between two looks at it.
_REFRESH = 0.3
#: So many tests are shown, the first one and the last ones.
_TESTS = 8
_BLUE, _GREEN, _RED = "#3b6ea5", "#2f8f5b", "#c0392b"


class HtmlPlace(Protocol):
    """Where it is shown."""

    def show(self, html: str) -> None:
        """Show this in place of what was there."""


class NotebookProgress:
    """A listener that shows a training in a notebook.

    Args:
        place: where it is shown; by default below the cell that runs.
        clock: gives seconds.
    """

    def __init__(
        self, place: HtmlPlace | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._place, self._clock = place or NotebookPlace(), clock
        self._first = self._at = self._last = 0
        self._began = self._shown = clock()
        self._loss = self._end = ""
        self._color = _BLUE
        self._caching: CachedBatch | None = None
        self._cached_before = 0
        self._tests: dict[int, dict[str, float]] = {}
        self._warnings: list[str] = []

    def __call__(self, event: Event) -> None:
        """Take what is shown from an event."""
        match event:
            case Preparing(solver=text):
                self._last = text_format.Parse(text, SolverParameter()).max_iter
            case Resuming(iteration=iteration):
                self._first = self._at = iteration
            case CachedBatch():
                if self._caching is None:
                    self._began, self._cached_before = self._clock(), event.done
                self._caching = event
            case Cached():
                self._caching = None
            case Solving():
                self._began = self._clock()
            case Iterating(iteration):
                self._at = iteration
            case Display(loss=loss):
                self._loss = f"loss {loss:.4g}"
            case NetTested(iteration, net, outputs):
                row = self._tests.setdefault(iteration, {})
                row.update((name, output.value) for name, output in named(outputs, net))
            case Warned(what):
                self._warnings.append(what)
            case Done(iteration) | Stopped(iteration):
                done = isinstance(event, Done)
                self._finish("done" if done else "stopped", _GREEN if done else _RED, iteration)
            case Failed(what):
                self._finish(what, _RED, self._at)
        if self._clock() - self._shown >= _REFRESH or self._end:
            self._show()

    def _finish(self, how: str, color: str, iteration: int) -> None:
        self._end, self._color, self._at = how, color, iteration

    def _show(self) -> None:
        self._shown = self._clock()
        self._place.show(self._html())

    def _html(self) -> str:
        share = self._share()
        bar = (
            "<div style='background:#8883;border-radius:3px;height:8px;max-width:32em'>"
            f"<div style='background:{self._color};border-radius:3px;height:8px;"
            f"width:{min(share, 100):.1f}%'></div></div>"
        )
        words = " &middot; ".join(map(escape, filter(None, self._words())))
        told = "".join(f"<div>&#9888; {escape(line)}</div>" for line in self._warnings)
        return f"<div>{bar}<div>{words}</div>{told}{self._table()}</div>"

    def _share(self) -> float:
        """How much of what goes on is done, in percent."""
        if self._caching:
            return 100 * self._caching.done / self._caching.examples
        return 100 * self._at / self._last if self._last else 0

    def _words(self) -> list[str]:
        if at := self._caching:
            words = [f"features, {at.net}: {at.done:,} of {at.examples:,} examples"]
            done, rest = at.done - self._cached_before, at.examples - at.done
            return words + self._pace(done, rest, "examples/s")
        words = [f"iteration {self._at:,} of {self._last:,}", self._loss]
        return words + self._pace(self._at - self._first, self._last - self._at, "it/s")

    def _pace(self, done: int, rest: int, unit: str) -> list[str]:
        """How fast it goes, and the time that is left; the end, once there."""
        spent = self._clock() - self._began
        if not done or spent <= 0:
            return [self._end]
        rate = done / spent
        speed = f"{rate:,.0f}" if rate >= 100 else f"{rate:.3g}"
        left = f"{tqdm.format_interval(max(rest, 0) / rate)} left"
        return [f"{speed} {unit}", self._end or left]

    def _table(self) -> str:
        names = list(dict.fromkeys(name for row in self._tests.values() for name in row))
        if not names:
            return ""
        rows = sorted(self._tests.items())
        gap = len(rows) > _TESTS
        rows = [rows[0], *rows[1 - _TESTS :]] if gap else rows
        lines = [
            "<tr>"
            + "".join(f"<td>{word}</td>" for word in (f"{at:,}", *(_cell(row, n) for n in names)))
            + "</tr>"
            for at, row in rows
        ]
        if gap:
            lines.insert(1, f"<tr><td colspan='{len(names) + 1}'>&hellip;</td></tr>")
        head = "".join(f"<th>{escape(name)}</th>" for name in ("iteration", *names))
        return f"<table><tr>{head}</tr>{''.join(lines)}</table>"


def _cell(row: dict[str, float], name: str) -> str:
    return f"{row[name]:.4g}" if name in row else ""
