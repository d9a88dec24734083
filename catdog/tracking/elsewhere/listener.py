"""A run in another program while it goes on; that this fails costs a line, never the training."""

import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from catdog.errors import Unwritable
from catdog.runtime.provenance import without_passwords
from catdog.solver.events import (
    Display,
    EndRun,
    Event,
    FinalLoss,
    Listener,
    NetTested,
    Noted,
    Snapshotted,
    Stopped,
    Tracked,
)
from catdog.tracking.elsewhere.run_files import RunFilesElsewhere
from catdog.tracking.elsewhere.tracker import Point, Tracker
from catdog.tracking.failures import Failures
from catdog.tracking.scalars import Scalars
from catdog.tracking.schedule import Schedule
from catdog.tracking.shell_hook import DONE, FAILED, STOPPED

#: Seconds from sending to sending, and until a program that does not answer is asked again.
EVERY, PAUSE = 5.0, 60.0
#: So many points wait for a program that does not answer; then the oldest are forgotten.
_WAITING = 100_000
#: Characters of what a program says is wrong.
_BRIEF = 200


class Elsewhere:
    """A listener that keeps a run in another program; `end` is for an ExitStack's push.

    Numbers are sent every few seconds, after tests and at the end. What cannot be sent waits and
    is sent later; one line tells of it.

    Args:
        name: of the program, as `--track` has it.
        begin: opens the run there.
        files: what of the run is kept there too.
        schedule: of the run.
        failures: hears of a program that does not answer.
        emit: gets what there is to tell.
        clock: gives seconds.
    """

    def __init__(
        self,
        name: str,
        begin: Callable[[], Tracker],
        files: RunFilesElsewhere,
        schedule: Schedule,
        failures: Failures,
        emit: Listener,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name, self._begin, self._files = name, begin, files
        self._failures, self._emit, self._clock = failures, emit, clock
        self._scalars = Scalars(schedule)
        self._waiting: deque[Point] = deque(maxlen=_WAITING)
        self._tracker: Tracker | None = None
        self._told = False
        self._last: Path | None = None
        self._status = DONE
        self._due, self._paused = clock(), False

    def __call__(self, event: Event) -> None:
        """Take what belongs there from an event."""
        values = self._scalars.values(event)
        match event:
            case Display(iteration) | NetTested(iteration) | FinalLoss(iteration):
                self._waiting.append(Point(iteration, time.time(), values))
            case Snapshotted(model=model):
                self._last = Path(model)
            case Stopped():
                self._status = STOPPED
        tested = isinstance(event, NetTested) and not self._paused
        if tested or self._clock() >= self._due:
            self._send()

    def end(self, _: object, error: BaseException | None, __: object) -> None:
        """Send what is left, with the files, and say there how the run ended."""
        if isinstance(error, EndRun | KeyboardInterrupt):
            self._status = STOPPED
        elif error is not None:
            self._status = FAILED
        self._send()
        tracker = self._tracker
        # whoever wants to be gone at once does not wait for a model
        if tracker and not self._paused and not isinstance(error, KeyboardInterrupt):
            self._send_files(tracker)
        if tracker and not self._paused:
            with self._answering():
                tracker.end(self._status)

    def _send(self) -> None:
        self._due = self._clock() + EVERY
        with self._answering():
            tracker = self._tracker or self._opened()
            self._send_specs(tracker)
            if points := list(self._waiting):
                tracker.points(points)
                self._waiting.clear()

    def _opened(self) -> Tracker:
        # what is emitted comes back here
        self._tracker = tracker = self._begin()
        self._emit(Tracked(self._name, tracker.run, without_passwords(tracker.place)))
        return tracker

    def _send_specs(self, tracker: Tracker) -> None:
        if self._told:
            return
        with TemporaryDirectory(prefix="catdog-track-") as scratch:
            tracker.files(self._files.specs(Path(scratch)))
        self._told = True

    def _send_files(self, tracker: Tracker) -> None:
        def tell(text: str) -> None:
            self._emit(Noted(text))

        with self._answering(), TemporaryDirectory(prefix="catdog-track-") as scratch:
            tracker.files(self._files.results(Path(scratch)))
            if model := self._files.model(self._last, Path(scratch), tell):
                tracker.model(model)

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Inside, the other program may fail in whatever way."""
        try:
            with warnings.catch_warnings():
                # of the other program's making, and nothing that a user of catdog can mend
                warnings.simplefilter("ignore")
                yield
        except Exception as error:
            self._due, self._paused = self._clock() + PAUSE, True
            self._failures.take(f"--track {self._name}", self._fault(error))
        else:
            self._due, self._paused = self._clock() + EVERY, False
            self._failures.mended(f"--track {self._name}")

    def _fault(self, error: Exception) -> Unwritable:
        text = " ".join(without_passwords(str(error)).split())
        brief = f"{type(error).__name__}: {text}"[:_BRIEF].rstrip(": ")
        return Unwritable(f"does not answer: {brief}", where=f"--track {self._name}")
