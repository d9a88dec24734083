"""The drawings of reports: histograms, bars, calibration, ROC."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from catdog.runtime.picture_style import (
    BLUE,
    CYCLE,
    INK,
    ORANGE,
    SMALL,
    SOFT,
    save_figure,
    style_axes,
)

Numbers = NDArray[np.float64]

#: Bars of a histogram.
BINS = 40
#: A share this small at either end of a histogram is gathered in its last bar.
_TAIL = 0.005
_MOST_BARS = 30


def save(figure: Figure, path: Path) -> Path:
    """Write a figure in the format of the path's suffix; returns the path."""
    save_figure(figure, path, dpi=150)
    return path


def histogram(values: Numbers, label: str, of: str = "photos") -> Figure:
    """How many there are of each size; the rare ones far off are in the last bar."""
    figure, axes = _blank(label, of)
    draw_histogram(axes, values)
    return figure


def draw_histogram(axes: Axes, values: Numbers) -> None:
    """The bars of `histogram`, with their median."""
    low, high = shown_range(values)
    axes.hist(np.clip(values, low, high), bins=BINS, color=BLUE, edgecolor="white", lw=0.4)
    middle = float(np.median(values))
    axes.axvline(middle, color=ORANGE, lw=1.2)
    axes.set_title(
        f"median {middle:.4g}, from {values.min():.4g} to {values.max():.4g}",
        loc="left",
        fontsize=SMALL,
        color=INK,
    )


def shown_range(values: Numbers) -> tuple[float, float]:
    """From where to where a histogram goes: what lies beyond is gathered in its last bars."""
    low, high = np.quantile(values, (_TAIL, 1 - _TAIL))
    if high <= low:
        low, high = values.min() - 0.5, values.max() + 0.5
    return float(low), float(high)


def bars(names: Sequence[str], counts: Sequence[int], label: str) -> Figure:
    """A bar for each name, the first on top; of very many the largest ones."""
    order = sorted(range(len(names)), key=lambda i: -counts[i])[:_MOST_BARS]
    shown = [i for i in range(len(names)) if i in set(order)]
    figure, axes = _blank(label, "", height=max(1.6, 0.9 + 0.3 * len(shown)))
    drawn = axes.barh(range(len(shown)), [counts[i] for i in shown], color=BLUE, height=0.7)
    axes.bar_label(drawn, [f"{counts[i]:,}" for i in shown], padding=4, fontsize=SMALL, color=INK)
    # the names come from folders: no formula is meant by a dollar sign
    axes.set_yticks(range(len(shown)), [names[i] for i in shown], parse_math=False)
    axes.invert_yaxis()
    axes.margins(x=0.14)
    axes.grid(visible=False)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    if len(names) > len(shown):
        axes.set_title(f"the {len(shown)} largest of {len(names)}", loc="left", fontsize=SMALL)
    return figure


def reliability(confidence: Numbers, accuracy: Numbers, count: NDArray[np.int64]) -> Figure:
    """Calibration: how often the net is right where it is so sure; larger dots for more photos."""
    figure, axes = _blank("confidence", "share that is right")
    axes.plot([0, 1], [0, 1], color=SOFT, lw=1, ls=(0, (4, 3)))
    size = 20 + 160 * count / max(count.max(initial=1), 1)
    axes.scatter(confidence, accuracy, s=size, color=BLUE, edgecolor="white", zorder=3)
    _shares(axes, low=min(0.5, float(confidence.min(initial=1))))
    axes.set_ylim(-0.03, 1.05)
    return figure


def class_reliability(curves: Sequence[tuple[str, Numbers, Numbers]]) -> Figure:
    """Calibration of each class: (name, its probability, the share of photos that are of it)."""
    figure, axes = _blank("probability of the class", "share that is of it")
    axes.plot([0, 1], [0, 1], color=SOFT, lw=1, ls=(0, (4, 3)))
    for (name, said, share), color in zip(curves, CYCLE, strict=False):
        axes.plot(said, share, color=color, lw=1.4, marker="o", ms=4, label=name)
    _shares(axes)
    axes.set_ylim(-0.03, 1.05)
    _legend(axes)
    return figure


def roc(curves: Sequence[tuple[str, Numbers, Numbers]]) -> Figure:
    """ROC curves: (name, false positive rate, true positive rate) of each."""
    figure, axes = _blank("false positive rate", "true positive rate")
    axes.plot([0, 1], [0, 1], color=SOFT, lw=1, ls=(0, (4, 3)))
    for (name, false, true), color in zip(curves, CYCLE, strict=False):
        axes.plot(false, true, color=color, lw=1.8, label=name if len(curves) > 1 else None)
    _shares(axes)
    axes.set_ylim(-0.03, 1.05)
    _legend(axes)
    return figure


def confidences(right: Numbers, wrong: Numbers) -> Figure:
    """How sure the net is where it is right, and where it is wrong."""
    figure, axes = _blank("confidence", "photos")
    low = min(right.min(initial=1), wrong.min(initial=1))
    edges = list(np.linspace(min(float(low), 0.5), 1, 21))
    axes.hist(
        [right, wrong],
        bins=edges,
        stacked=True,
        color=[BLUE, ORANGE],
        label=["right", "wrong"],
        edgecolor="white",
        lw=0.4,
    )
    _shares(axes, low=edges[0], both=False)
    _legend(axes)
    return figure


def _blank(across: str, up: str, height: float = 3.0) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(4.3, height), facecolor="white", layout="constrained")
    axes = figure.add_subplot()
    axes.set_xlabel(across, color=INK, fontsize=10)
    axes.set_ylabel(up, color=INK, fontsize=10)
    style_axes(axes)
    return figure, axes


def _shares(axes: Axes, low: float = 0.0, *, both: bool = True) -> None:
    axes.set_xlim(low - 0.02, 1.03)
    for axis in (axes.xaxis, axes.yaxis) if both else (axes.xaxis,):
        axis.set_major_formatter(PercentFormatter(1, decimals=0))


def _legend(axes: Axes) -> None:
    handles = axes.get_legend_handles_labels()[0]
    if handles:
        axes.legend(frameon=False, fontsize=SMALL)
