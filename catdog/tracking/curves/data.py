"""What is drawn of some runs: their logs, with a name each, over iterations, epochs or time."""

import csv
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from catdog.errors import CatdogError, some_of
from catdog.tracking.log_reader import LOG, ParsedLog, Value, read_log
from catdog.tracking.metrics_csv import TABLE, TRAINED, number

#: Places on the axis and values, the places rising.
Series = tuple[np.ndarray, np.ndarray]

ACROSS = ("iteration", "epoch", "time")
_UNITS = ((3 * 3600, 3600.0, "hours"), (300, 60.0, "minutes"), (0, 1.0, "seconds"))


@dataclass(frozen=True)
class Style:
    """How curves are drawn.

    Args:
        smooth: the train loss is a mean of this many displays; 0: as many as there is need for.
        log_scale: losses on a logarithmic axis, also where they are of one size.
        across: one of ACROSS.
        unit: of the time.
    """

    smooth: int = 0
    log_scale: bool = False
    across: str = "iteration"
    unit: str = ""

    @property
    def label(self) -> str:
        """What stands under the axis."""
        return f"time, {self.unit}" if self.unit else self.across


class Curve(NamedTuple):
    """A run to draw; "iterations" of its log are places on the axis."""

    name: str
    log: ParsedLog


def series(rows: Iterable[tuple[float, float]]) -> Series:
    """Rows in the order of their iterations; of two for one iteration the later one counts."""
    latest = sorted(dict(rows).items())
    return np.array([i for i, _ in latest]), np.array([value for _, value in latest], float)


def log_path(path: str | Path) -> Path:
    """The log that a path means: itself, or the train.log of a folder.

    Raises CatdogError, with those of folders in it, where a folder has none.
    """
    path = Path(path)
    if not path.is_dir():
        return path
    if (log := path / LOG).exists():
        return log
    below = sorted(str(each.parent) for each in path.glob(f"*/{LOG}"))
    remedy = f"name some of {some_of(below)}" if below else "name a log, or a folder with one"
    raise CatdogError(f"no {LOG} in this folder", where=str(path), remedy=remedy)


def read_curves(paths: Sequence[str | Path], style: Style) -> tuple[list[Curve], Style]:
    """The curves of logs or of folders of runs; with the unit of the time in the style.

    Raises CatdogError for a log without a curve, and where the epochs are not known.
    """
    logs = [log_path(path) for path in paths]
    read = [_read(path) for path in logs]
    if style.across == "epoch":
        read = [_over(log, _epochs(path)) for path, log in zip(logs, read, strict=True)]
    elif style.across == "time":
        most = max(_known_seconds(path, log) for path, log in zip(logs, read, strict=True))
        _, unit, name = next(row for row in _UNITS if most >= row[0])
        style = replace(style, unit=name)
        read = [_over(log, _seconds(log, unit)) for log in read]
    return [Curve(*pair) for pair in zip(_names(logs), read, strict=True)], style


def _read(path: Path) -> ParsedLog:
    log = read_log(path)
    if not (log.train_loss or log.test_outputs or log.final_loss):
        raise CatdogError(
            "is the log of a test: it has no curve",
            where=str(path),
            remedy="name the log of a training",
        )
    if path.name == LOG:
        log.train_scores.update(_train_scores(path.with_name(TABLE), log))
    return log


def _train_scores(table: Path, log: ParsedLog) -> Iterator[tuple[str, list[tuple[int, float]]]]:
    """Of the accuracies of a log's tests those of the training batches, which its table has."""
    tests = {v.iteration for v in log.test_outputs}
    names = dict.fromkeys(v.name for v in log.test_outputs if v.loss_weight is None)
    rows = list(_rows(table))
    for name in names:
        cells = ((number(r.get("iteration")), number(r.get(TRAINED.format(name)))) for r in rows)
        found = [(int(at), value) for at, value in cells if at in tests and math.isfinite(value)]
        if found:
            yield name, found


def _rows(table: Path) -> Iterator[dict[str, str]]:
    """The rows of the table of a run, as far as it can be read; none where there is none."""
    with (
        suppress(csv.Error, OSError),
        table.open(encoding="utf-8", newline="", errors="replace") as file,
    ):
        yield from csv.DictReader(file)


def _names(logs: Sequence[Path]) -> list[str]:
    """Of each log the least that tells it from the others; `train.log` goes by its folder, and one
    in the `snapshots` of a project by the project's."""
    ends = [_named(path.absolute()) for path in logs]
    for count in range(1, max(len(path.parts) for path in ends)):
        names = ["/".join(path.parts[-count:]) for path in ends]
        if len(set(names)) == len(names):
            return names
    return [str(path) for path in logs]


def _named(log: Path) -> Path:
    if log.name != LOG:
        return log
    return log.parent.parent if log.parent.name == "snapshots" else log.parent


def _over(log: ParsedLog, place: Callable[[int], float]) -> ParsedLog:
    """A log whose iterations are moved to other places."""

    def moved(rows: list[tuple[int, float]]) -> list[tuple[int, float]]:
        return [(place(i), value) for i, value in rows]  # type: ignore[misc]

    def moved_values(values: list[Value]) -> list[Value]:
        places = ((value, place(value.iteration)) for value in values)
        return [value._replace(iteration=at) for value, at in places]  # type: ignore[arg-type]

    return replace(
        log,
        train_loss=moved(log.train_loss),
        final_loss=moved(log.final_loss),
        lr=moved(log.lr),
        kept=None if log.kept is None else place(int(log.kept)),
        train_scores={name: moved(rows) for name, rows in log.train_scores.items()},
        train_outputs=moved_values(log.train_outputs),
        # the test before the first iteration is before the training's time too
        test_outputs=[
            new if old.iteration else new._replace(iteration=0)
            for old, new in zip(log.test_outputs, moved_values(log.test_outputs), strict=True)
        ],
    )


def _known_seconds(path: Path, log: ParsedLog) -> float:
    """The last second of a log, from 0; CatdogError where its lines have no times."""
    known = [seconds for _, seconds in log.times if math.isfinite(seconds)]
    if not known:
        raise CatdogError(
            "the times of this log are not known: no line `Solving ...` with a time is in it",
            where=str(path),
            remedy="use --x iteration",
        )
    return max(0.0, *known)


def _seconds(log: ParsedLog, unit: float) -> Callable[[int], float]:
    at, seconds = series(log.times)
    # a part that was trained again after a resume stays where it was first
    rising = np.maximum.accumulate(np.nan_to_num(seconds)) / unit
    return lambda iteration: float(np.interp(iteration, at, rising))


def _epochs(path: Path) -> Callable[[int], float]:
    """Epochs are in the table beside a log."""
    share = _share_of_epoch(path.with_name(TABLE))
    if share is not None:
        return lambda number: number * share
    raise CatdogError(
        "the epochs of this log are not known: there is no metrics.csv with them beside it",
        where=str(path),
        remedy="use --x iteration, or time",
    )


def _share_of_epoch(table: Path) -> float | None:
    """Epochs in an iteration by the first row that tells; None where none does."""
    for row in _rows(table):
        iteration, epoch = number(row.get("iteration")), number(row.get("epoch"))
        if iteration > 0 and math.isfinite(share := epoch / iteration):
            return share
    return None
