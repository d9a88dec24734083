"""The learning curve of a log as a picture."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from catdog.errors import CatdogError
from catdog.files import replacing
from catdog.log_reader import Log, Value, read_log

#: Iterations and values, the iterations rising.
Series = tuple[np.ndarray, np.ndarray]

_TRAIN, _INK, _GRID = "#3b6ea5", "#333333", "#e6e6e6"
_TEST = ("#d1582c", "#e39b2d", "#a8476f")
_ACCURACY = ("#2f8f5b", "#7a9e2e", "#1f8a8a", "#5b6bbf")
# a policy that changes the rate all the time is a curve of its own, not a row of drops
_MOST_DROPS = 12
# beyond, a line through every display is a thicket; a running mean goes over it
_MANY_POINTS = 150
# losses of such different sizes need a logarithmic axis
_WIDE = 100.0


def plot(path: str | Path, out: str | Path | None = None) -> Path:
    """Draw the curve of a log, by default beside it; gives the picture's path.

    Raises CatdogError where the log has no curve or the picture cannot be written.
    """
    path = Path(path)
    target = Path(out) if out else path.with_name(f"{path.name}.png")
    log = read_log(path)
    if not (log.train_loss or log.test_outputs or log.final_loss):
        raise CatdogError(
            "is the log of a test: it has no curve",
            where=str(path),
            remedy="name the log of a training",
        )
    figure = draw(log, path.name)
    try:
        with replacing(target) as beside:
            figure.savefig(beside, dpi=150)
    except ValueError as error:
        # an ending that no picture has
        raise CatdogError(str(error).splitlines()[0], where=str(target)) from None
    return target


def draw(log: Log, title: str = "") -> Figure:
    """The picture of a log: losses on the left, accuracies on the right, drops of the rate."""
    figure = Figure(figsize=(10, 5.6), facecolor="white")
    figure.set_layout_engine("constrained", w_pad=0.1, h_pad=0.1)
    FigureCanvasAgg(figure)
    left = figure.add_subplot()
    _losses(left, log)
    accuracies = _named(v for v in log.test_outputs if v.loss_weight is None)
    if accuracies:
        _accuracies(left.twinx(), accuracies)
    _rate_drops(left, log)
    _not_finite(left, log)
    _furnish(figure, left, title)
    return figure


def series(rows: Iterable[tuple[int, float]]) -> Series:
    """Rows in the order of their iterations; of two for one iteration the later one counts."""
    latest = sorted(dict(rows).items())
    return np.array([i for i, _ in latest]), np.array([value for _, value in latest], float)


def _losses(axes: Axes, log: Log) -> None:
    train = series([*log.train_loss, *log.final_loss])
    if len(train[0]):
        many = len(train[0]) > _MANY_POINTS
        if many:
            axes.plot(*train, color=_TRAIN, lw=0.8, alpha=0.35)
        line = _running_mean(train) if many else train
        axes.plot(*line, color=_TRAIN, lw=2, label="train loss")
    tests = _named(v for v in log.test_outputs if v.loss_weight is not None)
    for color, (name, rows) in zip(_repeat(_TEST, len(tests)), tests.items(), strict=True):
        _dotted(axes, rows, color, f"test {name}")
    axes.set_ylabel("loss")
    _scale(axes, [train[1], *(series(rows)[1] for rows in tests.values())])


def _scale(axes: Axes, values: Sequence[np.ndarray]) -> None:
    every = np.concatenate(values) if values else np.zeros(0)
    every = every[np.isfinite(every)]
    if not every.size:
        return
    if every.min() > 0 and every.max() > _WIDE * np.median(every):
        axes.set_yscale("log")
    elif every.min() >= 0:
        axes.set_ylim(0, (every.max() or 1) * 1.06)


def _accuracies(axes: Axes, accuracies: dict[str, list[tuple[int, float]]]) -> None:
    colors = _repeat(_ACCURACY, len(accuracies))
    for color, (name, rows) in zip(colors, accuracies.items(), strict=True):
        at, values = series(rows)
        _dotted(axes, rows, color, f"test {name}")
        if len(accuracies) == 1:
            best = int(np.argmax(values))
            _annotate_best(axes, float(at[best]), float(values[best]), color)
    values = np.array([value for rows in accuracies.values() for _, value in rows])
    if np.nanmin(values, initial=0) >= 0 and np.nanmax(values, initial=0) <= 1:
        axes.set_ylim(0, 1.06)
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_ylabel("accuracy")


def _annotate_best(axes: Axes, x: float, y: float, color: str) -> None:
    axes.annotate(
        f"{y:.1%}" if 0 <= y <= 1 else f"{y:g}",
        (x, y),
        xytext=(0, 7),
        textcoords="offset points",
        ha="center",
        color=color,
        fontsize=9,
        fontweight="bold",
    )


def _dotted(axes: Axes, rows: list[tuple[int, float]], color: str, label: str) -> None:
    at, values = series(rows)
    marker = "o" if len(at) <= _MANY_POINTS else ""
    axes.plot(at, values, color=color, label=label, lw=1.8, marker=marker, ms=5, mec="white")


def _rate_drops(axes: Axes, log: Log) -> None:
    at, rates = series(log.lr)
    changes = [i for i in range(1, len(rates)) if rates[i] != rates[i - 1]]
    if len(changes) > _MOST_DROPS:
        return
    for i in changes:
        axes.axvline(float(at[i]), color="#9a9a9a", lw=1, ls=(0, (4, 3)), zorder=0)
        axes.annotate(
            f"lr {rates[i]:g}",
            # at the foot: the best accuracy is written at the top, often right at a drop
            (float(at[i]), 0.015),
            xycoords=("data", "axes fraction"),
            xytext=(4, 0),
            textcoords="offset points",
            va="bottom",
            rotation=90,
            fontsize=8,
            color="#777777",
        )


def _not_finite(axes: Axes, log: Log) -> None:
    bad = [i for i, loss in [*log.train_loss, *log.final_loss] if not math.isfinite(loss)]
    if bad:
        last = max(i for i, _ in [*log.train_loss, *log.final_loss])
        axes.axvspan(min(bad), max(last, min(bad) + 1), color="#c0392b", alpha=0.08, lw=0)
        axes.annotate(
            f"loss is no number\nfrom iteration {min(bad)}",
            ((min(bad) + last) / 2, 0.5),
            xycoords=("data", "axes fraction"),
            ha="center",
            va="center",
            color="#c0392b",
            fontsize=9,
        )


def _furnish(figure: Figure, axes: Axes, title: str) -> None:
    axes.set_title(title, loc="left", color=_INK, fontsize=12, fontweight="bold", pad=12)
    axes.set_xlabel("iteration")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=10, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}".replace(",", " ")))
    axes.grid(axis="y", color=_GRID, lw=0.8)
    handles = []
    for each in figure.axes:
        each.margins(x=0.02)
        each.spines[["top", "left", "right"]].set_visible(False)
        each.spines["bottom"].set_color("#bbbbbb")
        each.tick_params(colors=_INK, length=0, labelsize=9)
        each.set_axisbelow(True)
        handles += each.get_legend_handles_labels()[0]
    if handles:
        legend = axes.legend(handles=handles, ncols=len(handles), frameon=False, fontsize=9)
        legend.set_loc("lower right")
        legend.set_bbox_to_anchor((1.0, 1.0))


def _named(values: Iterable[Value]) -> dict[str, list[tuple[int, float]]]:
    """Rows of each output; the first number of a blob, and the net where there are several."""
    values = list(values)
    several = any(value.net for value in values)
    rows: dict[str, list[tuple[int, float]]] = {}
    for before, value in zip([None, *values], values, strict=False):
        if before and value[:3] == (before.iteration, before.position + 1, before.name):
            continue
        name = f"{value.name} (net #{value.net})" if several else value.name
        rows.setdefault(name, []).append((value.iteration, value.value))
    return rows


def _running_mean(train: Series) -> Series:
    at, values = train
    width = max(5, len(values) // 50)
    good = np.isfinite(values)
    ones = np.ones(width)
    count = np.convolve(good, ones, "same")
    total = np.convolve(np.where(good, values, 0), ones, "same")
    with np.errstate(invalid="ignore", divide="ignore"):
        return at, np.where(good, total / count, np.nan)


def _repeat(colors: Sequence[str], number: int) -> list[str]:
    return [colors[i % len(colors)] for i in range(number)]
