"""A run as the pages show it: where it stands, how well, how long it still takes."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from catdog.studio.growing_log import GrowingLog
from catdog.tracking.log_reader import LOG, ParsedLog
from catdog.tracking.run_file import RUNNING
from catdog.tracking.runs import RunRecord

#: Points of a spark line.
_SPARK = 40


@dataclass(frozen=True)
class RunRow:
    """A run in a list."""

    name: str
    status: str
    net: str
    solver: str
    device: str
    started: str
    iteration: int
    max_iter: int
    seconds: float
    #: Until max_iter, at the pace so far; None where it is not running.
    seconds_left: float | None
    #: The test output that runs are judged by, its best value, and the iteration of that.
    score: str
    best: float | None
    best_at: int | None
    higher_is_better: bool
    #: The best accuracy, where the runs are judged by something else; None without one.
    accuracy: float | None
    note: str
    tags: tuple[str, ...]
    #: The score over the tests, or the loss where there is none yet.
    spark: tuple[float, ...] = ()
    final: Mapping[str, float] = field(default_factory=dict)


class RunLogs:
    """The logs of runs, each read on where it has grown."""

    def __init__(self) -> None:
        self._kept: dict[Path, GrowingLog] = {}

    def read(self, run: RunRecord) -> ParsedLog:
        """The numbers of a run's log; none where it has no log yet."""
        path = log_of(run)
        return self._kept.setdefault(path, GrowingLog(path)).look()

    def row(self, run: RunRecord) -> RunRow:
        """A run as a row."""
        content, log = run.content, self.read(run)
        max_iter = run.solver.max_iter
        best: Mapping[str, Any] = run.best.get(run.score, {})
        status, iteration = run.status, int(content.get("iteration") or 0)
        running = status == RUNNING
        if running and log.train_loss:
            iteration = max(iteration, log.train_loss[-1][0])
        return RunRow(
            name=run.name,
            status=status,
            net=run.train_net.name,
            solver=str(content.get("solver_file") or ""),
            device=str(content.get("device") or ""),
            started=str(content.get("started") or ""),
            iteration=iteration,
            max_iter=max_iter,
            seconds=_seconds(content, log, running=running),
            seconds_left=_left(log, max_iter) if running else None,
            score=run.score,
            best=_number(best.get("value")),
            best_at=best.get("iteration"),
            higher_is_better=best.get("better") != "lower",
            accuracy=_accuracy(run),
            note=run.annotation.note,
            tags=run.annotation.tags,
            spark=_spark(log, run.score),
            final={name: value for name, value in run.final.items() if math.isfinite(value)},
        )


def log_of(run: RunRecord) -> Path:
    """The log of a run, which need not be there."""
    return Path(run.name).parent / LOG


def _seconds(content: Mapping[str, Any], log: ParsedLog, *, running: bool) -> float:
    recorded = float(content.get("seconds") or 0)
    return max(recorded, log.times[-1][1]) if running and log.times else recorded


def _left(log: ParsedLog, max_iter: int) -> float | None:
    """Seconds until max_iter, at the pace of the last displays."""
    recent = log.times[-20:]
    if len(recent) < 2 or recent[-1][0] <= recent[0][0]:
        return None
    (first, began), (last, ended) = recent[0], recent[-1]
    pace = (ended - began) / (last - first)
    return max(0.0, pace * (max_iter - last)) if math.isfinite(pace) else None


def _accuracy(run: RunRecord) -> float | None:
    names = [name for name in run.best if "accuracy" in name.lower()]
    if not names or "accuracy" in run.score.lower():
        return None
    return _number(run.best[names[0]].get("value"))


def _spark(log: ParsedLog, score: str) -> tuple[float, ...]:
    values = [value.value for value in log.test_outputs if value.name == score and not value.net]
    values = values if len(values) > 1 else [value for _, value in log.train_loss]
    values = [value for value in values if math.isfinite(value)]
    step = max(1, math.ceil(len(values) / _SPARK))
    return tuple(values[::step])


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
