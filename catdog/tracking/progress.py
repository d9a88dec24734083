"""A bar on the terminal: how far a training is, how fast it goes, how long it will take."""

import os
import time
from collections.abc import Callable
from typing import Any, TextIO

from tqdm import tqdm

from catdog.runtime.progress import progress
from catdog.solver.events import (
    Cached,
    CachedBatch,
    Display,
    Event,
    Iterating,
    NetTested,
    NetTestedBatch,
    NetTesting,
    NetTestInterrupted,
)
from catdog.tracking.schedule import Schedule
from catdog.tracking.throughput import Pace

#: Seconds between two drawings.
_REFRESH = 0.2
#: A shorter test shows no bar.
_DELAY = 1.0
_FORM = "{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}{postfix}]"
_TEST_FORM = "test{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{remaining} left]"


class AboveBar:
    """A terminal with a bar at its foot: lines are written above it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str, /) -> None:
        """Write a text that ends with a line end."""
        with tqdm.external_write_mode(file=self._stream):
            self._stream.write(text)

    def flush(self) -> None:
        self._stream.flush()


class ProgressBar:
    """A listener that keeps a bar on a terminal; `close` takes it away.

    Args:
        plan: what lies ahead.
        stream: the terminal.
        clock: gives seconds.
    """

    def __init__(
        self, schedule: Schedule, stream: TextIO, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._schedule, self._stream, self._clock = schedule, stream, clock
        self._pace = Pace(schedule, clock)
        self._drawn, self._loss = -_REFRESH, ""
        self._delay = _DELAY
        self._test: tqdm[None] | None = None
        self._bar: tqdm[None] = tqdm(
            total=schedule.last,
            initial=schedule.first,
            file=stream,
            bar_format=_FORM,
            ncols=_columns(stream),
            leave=False,
        )

    def __call__(self, event: Event) -> None:
        """Move the bar on."""
        self._pace(event)
        match event:
            case Iterating(iteration):
                self._bar.n = iteration
                self._draw()
            case Display(loss=loss):
                self._loss = f", loss {loss:.4g}"
            case NetTesting(iteration, net):
                self._bar.n = iteration
                self._begin_test(net)
            case NetTestedBatch(batches=batches):
                self._draw_test(batches)
            case NetTested() | NetTestInterrupted():
                self._end_test()

    def close(self) -> None:
        """Take the bars away."""
        self._end_test()
        self._bar.close()

    def _draw(self) -> None:
        now = self._clock()
        if now - self._drawn >= _REFRESH:
            self._drawn = now
            self._bar.ncols = _columns(self._stream)
            self._bar.set_postfix_str(self._state(), refresh=True)

    def _state(self) -> str:
        rate, images, left = self._pace.rate, self._pace.images, self._pace.left
        speed = f"{_short(rate)} it/s" if rate else "? it/s"
        pictures = f", {_short(images)} images/s" if images else ""
        rest = f", {tqdm.format_interval(left)} left" if left is not None else ""
        return speed + pictures + rest + self._loss

    def _begin_test(self, net: int) -> None:
        several = len(self._schedule.tests) > 1
        self._test = tqdm(
            desc=f" #{net}" if several else "",
            total=self._schedule.tests[net] if net < len(self._schedule.tests) else None,
            file=self._stream,
            bar_format=_TEST_FORM,
            ncols=_columns(self._stream),
            leave=False,
            delay=self._delay,
            position=1,
        )

    def _draw_test(self, batches: int) -> None:
        if self._test is not None:
            self._test.update(batches - self._test.n)

    def _end_test(self) -> None:
        if self._test is not None:
            self._test.close()
            self._test = None


class FeatureProgress:
    """A listener that shows how far the features of frozen layers are; `close` takes it away."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._bar: tqdm[Any] | None = None

    def __call__(self, event: Event) -> None:
        """Move the bar on."""
        match event:
            case CachedBatch(net, done, examples):
                if self._bar is None:
                    what = f"features, {net}"
                    self._bar = progress(None, what, examples, unit="examples", stream=self._stream)
                    # a line tells of it in the end
                    self._bar.leave = False
                self._bar.update(done - self._bar.n)
            case Cached():
                self.close()

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _columns(stream: TextIO) -> int | None:
    """The width of a bar: that of the terminal less one, now, as it may have changed.

    Some terminals go to the next row after the last column: a bar that reaches it would be drawn
    below itself again and again. One that does not tell its width shows no bar.
    """
    try:
        return max(0, os.get_terminal_size(stream.fileno()).columns - 1)
    except OSError:
        return None


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"
