"""All that shows and keeps how a run goes beside its log: bar, tables, TensorBoard."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from catdog.data.feed import Feed
from catdog.data.preview import NamedPicture, first_pictures
from catdog.errors import CatdogError
from catdog.net.carried import write_deploy
from catdog.solver.events import Event, Listener, Noted, Preparing, Warned, everyone
from catdog.solver.solver import Solver
from catdog.tracking import tensorboard
from catdog.tracking.annotation import Annotation
from catdog.tracking.console import Console, width_of
from catdog.tracking.elsewhere.listener import Elsewhere
from catdog.tracking.elsewhere.table import TENSORBOARD, TRACKERS, check
from catdog.tracking.elsewhere.tracked_run import TrackedRun
from catdog.tracking.failures import Failures
from catdog.tracking.held_back import HeldBack
from catdog.tracking.log_writer import Lines
from catdog.tracking.metrics_csv import TABLE, MetricsTable
from catdog.tracking.progress import AboveBar, FeatureProgress, ProgressBar
from catdog.tracking.resource_plot import picture, verdict
from catdog.tracking.resources import RESOURCES, Resources
from catdog.tracking.schedule import schedule_of
from catdog.tracking.tensorboard import TensorBoard

#: Seconds between two looks at memory and load.
EVERY = 3.0
#: So many pictures of the first batch TensorBoard shows.
_PICTURES = 32


@dataclass(frozen=True)
class TrackingOptions:
    """What is wanted beside the log.

    Args:
        tensorboard: write TensorBoard's event files to `<snapshot_prefix>_tensorboard/`.
        track: other programs that keep the run too, by their names in `elsewhere.table`;
            `tensorboard` is the same as the field.
        histograms: take those of parameters and gradients: `display` or `test`; none by default.
        resources: seconds between two looks at memory and load, 0 for none.
        log: what a terminal shows: rows for `people`, or the lines of `caffe`, which what is no
            terminal gets always.
        annotation: note and tags of the run.
    """

    tensorboard: bool = False
    track: tuple[str, ...] = ()
    histograms: str = ""
    resources: float = EVERY
    log: str = "people"
    annotation: Annotation = field(default_factory=Annotation)


class RunListeners:
    """A listener, and a context: at its end the bar goes and the tables are closed.

    Args:
        prefix: snapshot_prefix of the run.
        options: what is wanted.
        stream: where the log's lines go; on a terminal they get a bar below them.
        failures: hears of what cannot be written.
        solver: the solver file, whose name groups runs in other programs.
        resumed: the run goes on from a snapshot.

    Raises CatdogError where TensorBoard is wanted and missing, and for seconds below 0.
    """

    def __init__(
        self,
        prefix: str,
        options: TrackingOptions,
        stream: TextIO | None = None,
        failures: Failures | None = None,
        *,
        solver: Path | str = "",
        resumed: bool = False,
    ) -> None:
        check(options.track)
        self._board = options.tensorboard or TENSORBOARD in options.track
        if self._board:
            tensorboard.check()
        if options.resources < 0:
            raise CatdogError("is below 0", where="--resources", remedy="seconds, or 0 for none")
        self._prefix, self._folder = prefix, Path(prefix).parent
        self._options, self._resumed, self._solver_file = options, resumed, Path(solver)
        self._preparing: Preparing | None = None
        self._failures = failures or Failures()
        self._terminal = stream if stream is not None and stream.isatty() else None
        #: Where the log writes its lines.
        self.stream: Lines | None = AboveBar(self._terminal) if self._terminal else stream
        self._console: Console | None = None
        if self._terminal and self.stream and options.log == "people":
            width = partial(width_of, self._terminal)
            self._console = Console(self.stream, width, failed=self._failures.take)
            self.stream = None
        self._stack = ExitStack()
        self._listener: Listener = everyone()
        if stream is not None:
            features = FeatureProgress(stream)
            name = "the progress of features"
            self._stack.callback(self._failures.closing(name, features.close))
            self._listener = self._failures.guarded(name, features)
        self._resources: Resources | None = None
        self._emit: Listener = everyone()

    def begin(self, solver: Solver, emit: Listener) -> None:
        """Follow a solver that is built, and restored where it is resumed, from its first batch."""
        self._emit = emit
        pictures: Sequence[NamedPicture] = ()
        if self._board and isinstance(solver.feed, Feed):
            # now, while nothing reads ahead
            pictures = first_pictures(solver.feed, _PICTURES)
        held = HeldBack(lambda: self._open(solver, pictures))
        path = self._folder / TABLE
        listeners: list[Listener] = [held]
        with self._failures.costing(path):
            table = MetricsTable(path, solver, resumed=self._resumed)
            self._stack.callback(self._failures.closing(path, table.close))
            listeners.insert(0, self._failures.guarded(path, table))
        if self._console:
            self._console.begin(solver, schedule_of(solver))
        if self._terminal:
            bar = ProgressBar(schedule_of(solver), self._terminal)
            self._stack.callback(self._failures.closing("the bar", bar.close))
            listeners.append(self._failures.guarded("the bar", bar))
        self._listener = everyone(*listeners)

    def _open(self, solver: Solver, pictures: Sequence[NamedPicture]) -> Listener:
        failures, listeners = self._failures, list[Listener]()
        with failures.costing(f"{self._prefix}_deploy.prototxt"):
            write_deploy(solver.model, self._prefix, resumed=self._resumed)
        if self._board:
            name = f"{self._prefix}_tensorboard"
            with failures.costing(name):
                board = self._tensorboard(solver, pictures)
                self._stack.callback(failures.closing(name, board.close))
                listeners.append(failures.guarded(name, board))
        for name in self._options.track:
            if name != TENSORBOARD:
                listeners.append(self._elsewhere(name, solver))
        if self._options.resources:
            path, every = self._folder / RESOURCES, self._options.resources
            with failures.costing(path):
                resources = Resources(path, solver, every, self._emit, resumed=self._resumed)
                self._resources = resources
                self._stack.callback(self._report)
                listeners.append(resources)
        return everyone(*listeners)

    def __call__(self, event: Event) -> None:
        """Pass an event on to all."""
        if isinstance(event, Preparing):
            self._preparing = event
        if self._console:
            # from the first event on
            self._console(event)
        self._listener(event)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, at)

    def _tensorboard(self, solver: Solver, pictures: Sequence[NamedPicture]) -> TensorBoard:
        folder = Path(f"{self._prefix}_tensorboard")
        histograms = self._options.histograms
        return TensorBoard(folder, solver, pictures, resumed=self._resumed, histograms=histograms)

    def _elsewhere(self, name: str, solver: Solver) -> Listener:
        tracked = TrackedRun(
            self._prefix, solver, self._solver_file.stem, self._preparing, self._options.annotation
        )
        listener = Elsewhere(
            name,
            lambda: TRACKERS[name].begin(tracked.introduction(name, resumed=self._resumed)),
            tracked.files(),
            schedule_of(solver),
            self._failures,
            self._emit,
        )
        self._stack.push(listener.end)
        return listener

    def _report(self) -> None:
        """What the run used: a line and a picture."""
        resources = self._resources
        if resources is None:
            return
        resources.close()
        if text := verdict(resources):
            self._emit(Noted(text))
        path = self._folder / "resources.png"
        try:
            with self._failures.costing(path):
                picture(resources.looks, path)
        except CatdogError as error:
            self._emit(Warned(str(error)))
