"""`metrics.csv` beside the snapshots: a row for each test and each epoch."""

import csv
import io
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from math import prod
from pathlib import Path
from typing import TextIO

from catdog.runtime.files import keep, replacing
from catdog.solver.events import Done, Event, Iterating, NetTested, NetTesting, Output, Stopped
from catdog.solver.solver import Solver
from catdog.tracking.held_back import under_way
from catdog.tracking.run_file import named
from catdog.tracking.schedule import Schedule, schedule_of

#: What the table of a run is called in its folder.
TABLE = "metrics.csv"
#: The columns before those of the test outputs.
COLUMNS = ("iteration", "epoch", "seconds", "learning_rate", "train_loss")

#: That of a score of the training batches.
TRAINED = "train_{}"

Row = dict[str, object]


class MetricsTable:
    """A listener that writes the table of a run.

    A row has what is known when the iteration begins: `learning_rate` is that of its update,
    `train_loss` the mean of the last average_loss losses, `epoch` the passes over the training
    data so far (empty where they have no end), `seconds` those of the run, of all its parts where
    it was resumed. Columns of test outputs are empty in the row of an epoch without a test, and
    so are those of accuracies of the training batches, `train_accuracy`, which count since the
    last test.

    Args:
        path: the table; nothing is done to it before the run is under way (`held_back`).
        solver: built, and restored where it is resumed.
        resumed: go on in the table that is there, without the rows that come again. Else that of
            an earlier run is kept under the next free name.
        clock: gives seconds.
    """

    def __init__(
        self,
        path: Path,
        solver: Solver,
        *,
        resumed: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._solver, self._schedule = solver, schedule_of(solver)
        self._path, found = path, _rows(path) if resumed else None
        self._new, before = found is None, _before(found or [], solver)
        trained = map(TRAINED.format, solver.train_scores.names)
        earlier = before[0] if before else ()
        columns = dict.fromkeys([*COLUMNS, *trained, *earlier, *_outputs(solver)])
        self._columns = list(columns)
        #: Rows that wait for the file.
        self._waiting: list[Row] = list(before)
        self._file: TextIO | None = None
        spent = number(before[-1]["seconds"]) if before else 0.0
        spent = spent if math.isfinite(spent) else 0.0
        self._clock, self._start = clock, clock() - spent
        self._row = _begun(before, solver.iteration)
        #: Where the run went on with other batches than before, and the epochs until then.
        self._turn = _turn(found or [], solver.iteration, self._schedule)

    def __call__(self, event: Event) -> None:
        """Take what belongs into the table."""
        self._take(event)
        if self._file is None and under_way(event):
            self._open()

    def _take(self, event: Event) -> None:
        match event:
            case NetTesting(iteration, net=0):
                self._row = self._begin(iteration)
            case NetTested(iteration, net, outputs, trained=trained) if self._row:
                self._row.update({TRAINED.format(each.name): _digits(each) for each in trained})
                values = {name: _digits(output) for name, output in named(outputs, net)}
                self._row.update(values)
                if net == len(self._solver.tests) - 1:
                    self._write(self._row)
            case Iterating(iteration) | Done(iteration) | Stopped(iteration):
                if self._schedule.ends_epoch(iteration) and self._row.get("iteration") != iteration:
                    self._row = self._begin(iteration)
                    self._write(self._row)

    def _open(self) -> None:
        """Begin the file with what has waited for it; a table that fails is not begun again."""
        waiting, self._waiting = self._waiting, []
        self._file = io.StringIO()
        if self._new:
            keep(self._path)
        with replacing(self._path) as beside, beside.open("w", encoding="utf-8", newline="") as to:
            self._to(to).writeheader()
            self._to(to).writerows(waiting)
        self._file = self._path.open("a", buffering=1, encoding="utf-8", newline="")

    def _write(self, row: Row) -> None:
        if self._file is None:
            self._waiting.append(dict(row))
        else:
            self._to(self._file).writerow(row)

    def _to(self, file: TextIO) -> "csv.DictWriter[str]":
        return csv.DictWriter(
            file, self._columns, restval="", extrasaction="ignore", lineterminator="\n"
        )

    def close(self) -> None:
        """Close the file; raises FileNotFoundError where somebody has removed it."""
        if self._file is None:
            return
        self._file.close()
        if not self._path.exists():
            raise FileNotFoundError(0, "is gone")

    def _epochs(self, iteration: int) -> float | None:
        at, passed = self._turn
        since, skipped = self._schedule.epochs(iteration), self._schedule.epochs(at)
        return None if since is None or skipped is None else since - skipped + passed

    def _begin(self, iteration: int) -> Row:
        epochs, loss = self._epochs(iteration), self._solver.recent_loss
        return {
            "iteration": iteration,
            "epoch": "" if epochs is None else f"{epochs:.6g}",
            "seconds": f"{self._clock() - self._start:.3f}",
            "learning_rate": f"{self._solver.rate:.7g}",
            "train_loss": "" if loss != loss and not iteration else f"{loss:.7g}",
        }


def _outputs(solver: Solver) -> list[str]:
    """The columns of the test nets: as many as their outputs have numbers."""
    return [
        name
        for number, test in enumerate(solver.tests)
        for name, _ in named(_numbers(test.net.outputs, test.net.shapes), number)
    ]


def _numbers(outputs: tuple[str, ...], shapes: Mapping[str, tuple[int, ...]]) -> list[Output]:
    return [Output(name, 0.0) for name in outputs for _ in range(prod(shapes[name]))]


def _digits(output: Output) -> str:
    # a float32 has no more digits than these
    return f"{output.value:.7g}"


def _rows(path: Path) -> list[Row] | None:
    """The rows of a table, one for an iteration; None where there is no such table."""
    if not path.exists():
        return None
    with path.open(encoding="utf-8", newline="", errors="replace") as file:
        reader = csv.DictReader(file)
        if not set(COLUMNS) <= set(_columns(reader)):
            return None
        # of two rows for an iteration the first one is that of the snapshot
        rows: dict[float, Row] = {}
        with suppress(csv.Error):
            for row in reader:
                # cells beyond the columns stand under None
                cells = {name: cell for name, cell in row.items() if name is not None}
                rows.setdefault(number(row["iteration"]), cells)
    return list(rows.values())


def _before(rows: list[Row], solver: Solver) -> list[Row]:
    """The rows that do not come again."""
    interval, at = solver.param.test_interval, solver.iteration
    # the snapshot's own test comes again, unless none is due there
    end = at + 1 if interval and at % interval else at
    return [row for row in rows if number(row["iteration"]) < end]


def _columns(reader: "csv.DictReader[str]") -> Sequence[str]:
    """The columns of a table; none where it is no table."""
    try:
        return reader.fieldnames or ()
    except csv.Error:
        return ()


def _begun(rows: list[Row], iteration: int) -> Row:
    """The row of an iteration that has one."""
    last = rows[-1] if rows else {}
    return {**last, "iteration": iteration} if number(last.get("iteration")) == iteration else {}


def _turn(rows: list[Row], iteration: int, schedule: Schedule) -> tuple[int, float]:
    """An iteration, and the epochs until then; (0, 0) where batches have been the same so far."""
    epochs = [(number(row["iteration"]), number(row["epoch"])) for row in rows]
    known = [
        (at, passed) for at, passed in epochs if 0 <= at <= iteration and math.isfinite(passed)
    ]
    if not known:
        return 0, 0.0
    at, passed = known[-1]
    expected = schedule.epochs(int(at))
    if expected is None or f"{expected:.6g}" == f"{passed:.6g}":
        return 0, 0.0
    before, less = known[-2] if len(known) > 1 else (0.0, 0.0)
    each = (passed - less) / (at - before) if at > before else 0.0
    return iteration, passed + (iteration - at) * each


def number(text: object) -> float:
    """A cell as a number; nan for other text."""
    try:
        return float(str(text))
    except ValueError:
        return math.nan
