"""Steps of a project: each is a tool, called as a person would, in the project's folder."""

import os
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

from catdog.cli.main import call_tool
from catdog.project.request import Tell

#: Seconds for a training that begins when its time is up.
GRACE = 20.0
_LOOK = 0.5


@dataclass(frozen=True)
class ToolStep:
    """A tool and its arguments, whose paths begin in the project's folder.

    `made` is what it writes, of steps that are done again where that is older than the weights.
    """

    tool: str
    words: Sequence[str]
    made: str = ""

    def __str__(self) -> str:
        return shlex.join(["catdog", self.tool, *self.words])


def run(step: ToolStep, folder: Path, tell: Tell) -> int:
    """Tell the command and run it in this process; gives what it would exit with.

    Raises CatdogError and KeyboardInterrupt as the tool does.
    """
    tell(f"\n$ {step}")
    with chdir(folder):
        try:
            call_tool(step.tool, step.words)
        except SystemExit as stop:
            return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        finally:
            sys.stdout.flush()
    return 0


class Deadline:
    """As a context: a training that runs in it is asked to stop after some seconds.

    It stops as by SIGTERM, with a snapshot and a last test. One that has not `begun` by then, as
    features are computed, gets GRACE seconds from its beginning on: else nothing would be learned.
    Outside of the main thread, where there are no signals, nothing is asked.
    """

    def __init__(self, seconds: float | None, begun: Callable[[], bool]) -> None:
        self.passed = False
        self._begun, self._late = begun, False
        self._timer: threading.Timer | None = None
        if seconds is not None and threading.current_thread() is threading.main_thread():
            self._timer = self._after(max(seconds, 1.0))

    def __enter__(self) -> "Deadline":
        if self._timer:
            self._before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
            self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._timer:
            self._timer.cancel()
            signal.signal(signal.SIGTERM, self._before)

    def _after(self, seconds: float) -> threading.Timer:
        timer = threading.Timer(seconds, self._stop)
        timer.daemon = True
        return timer

    def _stop(self) -> None:
        if self._begun() and not self._late:
            self.passed = True
            os.kill(os.getpid(), signal.SIGTERM)
            return
        self._late = not self._begun()
        self._timer = self._after(_LOOK if self._late else GRACE)
        self._timer.start()
