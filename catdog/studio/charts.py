"""Curves as the pages draw them: charts of lines, each thinned to what a screen can show."""

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from catdog.tracking.log_reader import ParsedLog
from catdog.tracking.metrics_csv import number

Points = list[tuple[float, float | None]]

#: Of one line.
_POINTS = 1500
_LOSS, _ACCURACY, _RATE = "Loss", "Accuracy", "Learning rate"
_ORDER = (_ACCURACY, _LOSS, _RATE)


@dataclass(frozen=True)
class Line:
    """A line of a chart; `x` and `y` go together, None is a gap. `of` is the run, if several are
    shown; a line of the training is drawn thinner than one of its tests."""

    name: str
    x: tuple[float, ...]
    y: tuple[float | None, ...]
    of: str = ""
    fine: bool = False


@dataclass(frozen=True)
class Chart:
    """Lines over one axis. `unit` is `%` for shares of a whole, which are drawn times 100."""

    title: str
    across: str
    lines: tuple[Line, ...]
    unit: str = ""
    log: bool = False


def run_charts(logs: Mapping[str, ParsedLog]) -> list[Chart]:
    """Accuracies, losses and learning rates of runs, by their names; of one it is left out."""
    found: dict[str, list[Line]] = {title: [] for title in _ORDER}
    for run, log in logs.items():
        for name, points in _series(log).items():
            of = run if len(logs) > 1 else ""
            fine = name.startswith("train")
            found[_chart_of(name)].append(_line(name, points, of=of, fine=fine))
    found[_RATE] = [line for line in found[_RATE] if len(set(line.y)) > 1]
    return [
        Chart(title, "iteration", tuple(lines), "%" if title == _ACCURACY else "", title == _RATE)
        for title, lines in found.items()
        if lines
    ]


def resource_charts(path: Path) -> list[Chart]:
    """Memory, load and waiting for data of a run, by its resources.csv; none without one."""
    columns = {
        "Memory": {"memory_mb": "of the training", "gpu_own_mb": "on the GPU"},
        "Load": {"load": "of the training", "machine_load": "of the machine", "gpu_load": "GPU"},
        "Waiting for data": {"waiting": "share of the time"},
    }
    rows = _table(path)
    charts = []
    for title, wanted in columns.items():
        lines = []
        for column, name in wanted.items():
            points = [(number(row["seconds"]), number(row.get(column))) for row in rows]
            if any(math.isfinite(value) for _, value in points):
                lines.append(_line(name, points))
        if lines:
            unit = "MB" if title == "Memory" else "%"
            charts.append(Chart(title, "seconds", tuple(lines), unit))
    return charts


def _series(log: ParsedLog) -> dict[str, list[tuple[float, float]]]:
    found: dict[str, list[tuple[float, float]]] = {}
    if log.train_loss:
        found["train loss"] = [(at, value) for at, value in log.train_loss]
    for value in log.test_outputs:
        name = f"test {value.name}" if not value.net else f"test net {value.net} {value.name}"
        found.setdefault(name, []).append((value.iteration, value.value))
    if log.lr:
        found["learning rate"] = [(at, value) for at, value in log.lr]
    return found


def _chart_of(name: str) -> str:
    if name == "learning rate":
        return _RATE
    return _ACCURACY if "accuracy" in name.lower() or "top" in name.lower() else _LOSS


def _line(
    name: str, points: Sequence[tuple[float, float]], *, of: str = "", fine: bool = False
) -> Line:
    shown = _thinned(points)
    x = tuple(at for at, _ in shown)
    y = tuple(float(f"{value:.6g}") if math.isfinite(value) else None for _, value in shown)
    return Line(name, x, y, of, fine)


def _thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """So many at most, the first and the last among them."""
    step = max(1, math.ceil(len(points) / _POINTS))
    return [*points[:-1:step], *points[-1:]]


def _table(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="", errors="replace") as file:
            rows: Iterable[dict[str, str]] = csv.DictReader(file, restval="")
            return [row for row in rows if math.isfinite(number(row.get("seconds")))]
    except (OSError, csv.Error):
        return []
