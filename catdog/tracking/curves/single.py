"""The learning curve of a log as a picture."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from catdog.runtime.picture_style import (
    BLUE,
    GREEN,
    INDIGO,
    ORANGE,
    PURPLE,
    SMALL,
    TEAL,
    YELLOW,
    legend_above,
    style_axes,
    title_left,
    white_figure,
)
from catdog.runtime.shown_figure import ShownFigure
from catdog.solver.events import of_net
from catdog.tracking.curves.data import Series, Style, series
from catdog.tracking.log_reader import ParsedLog, Value

#: Places and values of each output.
Rows = dict[str, list[tuple[int, float]]]

_TRAIN = BLUE
_TEST = (ORANGE, YELLOW, PURPLE)
_ACCURACY = (GREEN, "#7a9e2e", TEAL, INDIGO)
# with more changes the rate follows a curve, and no drops are marked
_MOST_DROPS = 12
# beyond, a line through every display is a thicket; a running mean goes over it
MANY_POINTS = 150
#: Width and height of what a drop of the rate is called, as shares of the axes.
_RATE = (0.025, 0.14)
#: How accuracies of the training batches are drawn, beside those of the tests.
TRAINED_LOOK: dict[str, Any] = {"lw": 1.2, "ls": (0, (4, 2)), "alpha": 0.6}
# losses of such different sizes need a logarithmic axis
_WIDE = 100.0


def draw(log: ParsedLog, title: str = "", style: Style | None = None) -> ShownFigure:
    """The picture of one log: losses on the left, accuracies on the right, drops of the rate."""
    style = style or Style()
    figure = blank((10, 5.6))
    left = figure.add_subplot()
    _losses(left, log, style)
    accuracies = named(v for v in log.test_outputs if v.loss_weight is None)
    if accuracies:
        _accuracies(left.twinx(), accuracies, log)
    _not_finite(left, log, style)
    title_left(left, title)
    furnish(figure, style)
    _rate_drops(left, log)
    legend(left, [h for axes in figure.axes for h in axes.get_legend_handles_labels()[0]])
    return figure


def _losses(axes: Axes, log: ParsedLog, style: Style) -> None:
    train = series([*log.train_loss, *log.final_loss])
    if len(train[0]):
        line, smooth = smoothed(train, style)
        if smooth:
            axes.plot(*train, color=_TRAIN, lw=0.8, alpha=0.35)
        axes.plot(*line, color=_TRAIN, lw=2, label="train loss")
    tests = named(v for v in log.test_outputs if v.loss_weight is not None)
    for color, (name, rows) in zip(_repeat(_TEST, len(tests)), tests.items(), strict=True):
        dotted(axes, rows, color, label=f"test {name}")
    if len(tests) == 1 and not any(v.loss_weight is None for v in log.test_outputs):
        ((_, rows),) = tests.items()
        mark_best(axes, series(rows), _TEST[0], lowest=True)
    axes.set_ylabel("loss")
    scale(axes, [train[1], *(series(rows)[1] for rows in tests.values())], style)


def scale(axes: Axes, values: Sequence[np.ndarray], style: Style) -> None:
    """An axis for these losses: from 0, or logarithmic where asked for or needed."""
    every = np.concatenate(values) if values else np.zeros(0)
    every = every[np.isfinite(every)]
    if not every.size:
        return
    wide = every.min() > 0 and every.max() > _WIDE * np.median(every)
    if style.log_scale or wide:
        axes.set_yscale("log")
    elif every.min() >= 0:
        axes.set_ylim(0, (every.max() or 1) * 1.06)


def _accuracies(axes: Axes, accuracies: Rows, log: ParsedLog) -> None:
    """Those of the tests, and of the training batches between them; the ring is at the test whose
    weights were kept, else at the best."""
    trained = log.train_scores
    colors = _repeat(_ACCURACY, len(accuracies))
    for color, (name, rows) in zip(colors, accuracies.items(), strict=True):
        at, values = series(rows)
        dotted(axes, rows, color, label=f"test {name}")
        if name in trained:
            axes.plot(*series(trained[name]), color=color, label=f"train {name}", **TRAINED_LOOK)
        if len(accuracies) == 1:
            mark_best(axes, (at, values), color, kept=log.kept)
    every = [*accuracies.values(), *trained.values()]
    percent(axes, np.array([value for rows in every for _, value in rows]))
    axes.set_ylabel("accuracy")


def percent(axes: Axes, values: np.ndarray) -> None:
    """An axis from 0 to 100 % where the values are shares."""
    if np.nanmin(values, initial=0) >= 0 and np.nanmax(values, initial=0) <= 1:
        # room for the best above 100 %, and no tick at 110 %
        axes.set_ylim(0, 1.09)
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))


def mark_best(
    axes: Axes, found: Series, color: str, *, lowest: bool = False, kept: float | None = None
) -> None:
    """A ring around the best value, or the one that is kept, and the value."""
    index = ring(axes, found, color, lowest=lowest, kept=kept)
    if index is None:
        return
    first, at, last = (float(found[0][i]) for i in (0, index, -1))
    beside = 0.05 * (last - first)
    axes.annotate(
        value_text(found, index, lowest=lowest),
        (at, float(found[1][index])),
        xytext=(0, -16 if lowest else 8),
        textcoords="offset points",
        # not over the edge
        ha="right" if at > last - beside else "left" if at < first + beside else "center",
        color=color,
        fontsize=SMALL,
        fontweight="bold",
        zorder=6,
    )


def ring(
    axes: Axes, found: Series, color: str, *, lowest: bool = False, kept: float | None = None
) -> int | None:
    """A ring around the value of the iteration that is kept, else the best; gives its index."""
    here = np.flatnonzero(found[0] == kept)
    index = int(here[-1]) if len(here) else best(found, lowest=lowest)
    if index is not None:
        x, y = float(found[0][index]), float(found[1][index])
        axes.scatter([x], [y], 80, facecolors="none", edgecolors=color, linewidths=1.6, zorder=5)
    return index


def best(found: Series, *, lowest: bool) -> int | None:
    """The index of the best value after the start, where x is 0; None where none is a number."""
    values = np.where(found[0] > 0, found[1], np.nan)
    if not np.isfinite(values).any():
        return None
    return int(np.nanargmin(values) if lowest else np.nanargmax(values))


def value_text(found: Series, index: int, *, lowest: bool) -> str:
    """A value as text: in percent where all are shares and more is better."""
    values = found[1]
    shares = not lowest and np.nanmin(values) >= 0 and np.nanmax(values) <= 1
    return f"{values[index]:.1%}" if shares else f"{values[index]:.4g}"


def dotted(axes: Axes, rows: list[tuple[int, float]], color: str, **kind: Any) -> None:
    """A line with a point for each test."""
    at, values = series(rows)
    marker = "o" if len(at) <= MANY_POINTS else ""
    kind = {"lw": 1.8, "marker": marker, "ms": 5, "mec": "white", **kind}
    axes.plot(at, values, color=color, **kind)


def rate_drops(log: ParsedLog) -> list[tuple[float, float]]:
    """Where the learning rate changes, and to what; none of a rate that changes all the time."""
    at, rates = series(log.lr)
    changes = [i for i in range(1, len(rates)) if rates[i] != rates[i - 1]]
    return [(float(at[i]), float(rates[i])) for i in changes] if len(changes) <= _MOST_DROPS else []


def _rate_drops(axes: Axes, log: ParsedLog) -> None:
    """Lines at the drops, each with its rate where no curve passes."""
    drops = rate_drops(log)
    feet = [_free(axes, x) for x, _ in drops]
    for (x, rate), foot in zip(drops, feet, strict=True):
        axes.axvline(x, color="#9a9a9a", lw=1, ls=(0, (4, 3)), zorder=0)
        axes.annotate(
            f"lr {rate:g}",
            (x, foot),
            xycoords=("data", "axes fraction"),
            xytext=(4, 0),
            textcoords="offset points",
            va="bottom",
            rotation=90,
            fontsize=8,
            color="#777777",
        )


def _free(axes: Axes, x: float) -> float:
    """The lowest of some heights, as shares of the axis, where a rate right of x meets no curve."""
    left = float(axes.transLimits.transform((x, 1))[0])
    places = np.linspace(left, left + _RATE[0], 20)
    heights = np.concatenate([_heights(each, places) for each in axes.figure.axes])
    feet = np.arange(0.015, 1 - _RATE[1], 0.05)
    crossed = [((heights > foot - 0.02) & (heights < foot + _RATE[1])).sum() for foot in feet]
    return float(feet[int(np.argmin(crossed))])


def _heights(axes: Axes, places: np.ndarray) -> np.ndarray:
    """How high the curves are at these places, both as shares of the axes."""
    found = [np.zeros(0)]
    for line in axes.lines:
        points = np.asarray((axes.transScale + axes.transLimits).transform(line.get_xydata()))
        if len(points):
            at, height = points.T
            found.append(np.interp(places, at, height, left=math.nan, right=math.nan))
    return np.concatenate(found)


def _not_finite(axes: Axes, log: ParsedLog, style: Style) -> None:
    bad = [i for i, loss in [*log.train_loss, *log.final_loss] if not math.isfinite(loss)]
    if bad:
        last = max(i for i, _ in [*log.train_loss, *log.final_loss])
        axes.axvspan(min(bad), max(last, min(bad) + 1), color="#c0392b", alpha=0.08, lw=0)
        axes.annotate(
            f"loss is no number\nfrom {style.across} {min(bad):.4g}",
            ((min(bad) + last) / 2, 0.5),
            xycoords=("data", "axes fraction"),
            ha="center",
            va="center",
            color="#c0392b",
            fontsize=SMALL,
        )


def blank(size: tuple[float, float]) -> ShownFigure:
    """A white sheet of this many inches."""
    figure = white_figure(size)
    FigureCanvasAgg(figure)
    return figure


def furnish(figure: Figure, style: Style) -> None:
    """Axes, grid and numbers as all curves have them."""
    axes = figure.axes[-1] if figure.axes[-1].get_xlabel() else figure.axes[0]
    axes.set_xlabel(axes.get_xlabel() or style.label)
    whole = style.across == "iteration"
    axes.xaxis.set_major_locator(MaxNLocator(integer=whole, nbins=10, steps=[1, 2, 5, 10]))
    if whole:
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}".replace(",", " ")))
    for each in figure.axes:
        each.margins(x=0.02)
        style_axes(each, grid=each is figure.axes[0])


def legend(axes: Axes, handles: Sequence[Any]) -> None:
    """Names above the upper right corner."""
    if handles:
        legend_above(axes, min(len(handles), 4), handles)


def named(values: Iterable[Value]) -> dict[str, list[tuple[int, float]]]:
    """Rows of each output; the first number of a blob, and the net where there are several."""
    values = list(values)
    several = any(value.net for value in values)
    rows: dict[str, list[tuple[int, float]]] = {}
    for before, value in zip([None, *values], values, strict=False):
        if before and value[:3] == (before.iteration, before.position + 1, before.name):
            continue
        name = of_net(value.name, value.net, first=several)
        rows.setdefault(name, []).append((value.iteration, value.value))
    return rows


def smoothed(train: Series, style: Style) -> tuple[Series, bool]:
    """A running mean over as many points as the style says, by default where there are many.

    And whether it is one.
    """
    many = len(train[0]) > MANY_POINTS
    width = max(5, len(train[0]) // 50) if many else 1
    width = min(style.smooth or width, max(len(train[0]), 1))
    return (_running_mean(train, width), True) if width > 1 else (train, False)


def _running_mean(train: Series, width: int) -> Series:
    at, values = train
    good = np.isfinite(values)
    ones = np.ones(width)
    count = np.convolve(good, ones, "same")
    total = np.convolve(np.where(good, values, 0), ones, "same")
    with np.errstate(invalid="ignore", divide="ignore"):
        return at, np.where(good, total / count, np.nan)


def _repeat(colors: Sequence[str], number: int) -> list[str]:
    return [colors[i % len(colors)] for i in range(number)]
