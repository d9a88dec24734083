"""The picture of a comparison: accuracy over photos, and over the seconds that it took."""

from collections.abc import Sequence
from math import sqrt
from typing import TYPE_CHECKING

from catdog.project.comparing.record import ComparisonRecord
from catdog.project.measured import MeasuredNet
from catdog.runtime.picture_style import (
    CYCLE,
    GRID,
    INK,
    SMALL,
    style_axes,
    title_left,
    white_figure,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: The side of a dot in points for a square root of megabytes, and the smallest.
_DOT, _LEAST = 3.2, 4.0


def draw(rows: Sequence[MeasuredNet], record: ComparisonRecord) -> "Figure":
    """Left accuracy over photos, a line for each net, with where it may be by 95 %; right over
    seconds, where the area of a dot is the size of the weights."""
    from matplotlib.ticker import PercentFormatter

    figure = white_figure((11, 4.6))
    left, right = figure.subplots(1, 2, sharey=True)
    for number, (net, own) in enumerate(_by_net(rows)):
        color = CYCLE[number % len(CYCLE)]
        _over_photos(left, net, own, color)
        _over_seconds(right, own, color)
    title_left(left, "Accuracy by photos to learn from")
    title_left(right, "By seconds of data and training")
    left.set_xlabel("photos, with the 95 % interval")
    right.set_xlabel(f"seconds, area of a dot: MB of weights ({record.processor})")
    for axes in (left, right):
        style_axes(axes)
        axes.set_xscale("log")
        axes.grid(axis="x", color=GRID, lw=0.5)
        axes.xaxis.label.set(color=INK, fontsize=SMALL)
    _number_ticks(left, [row.photos for row in rows])
    _number_ticks(right, [])
    left.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    handles, names = left.get_legend_handles_labels()
    figure.legend(
        handles, names, loc="outside lower center", ncols=5, frameon=False, fontsize=SMALL
    )
    return figure


def _by_net(rows: Sequence[MeasuredNet]) -> list[tuple[str, list[MeasuredNet]]]:
    """The nets with their rows by photos; the best one first."""
    nets: dict[str, list[MeasuredNet]] = {}
    for row in sorted(rows, key=lambda row: (-row.accuracy, row.photos)):
        nets.setdefault(row.net, []).append(row)
    return [(net, sorted(own, key=lambda row: row.photos)) for net, own in nets.items()]


def _over_photos(axes: "Axes", net: str, rows: Sequence[MeasuredNet], color: str) -> None:
    accuracy = [row.accuracy for row in rows]
    below = [row.accuracy - row.low for row in rows]
    above = [max(0.0, row.high - row.accuracy) for row in rows]
    axes.errorbar(
        [row.photos for row in rows],
        accuracy,
        [below, above],
        color=color,
        marker="o",
        ms=4,
        lw=1.5,
        elinewidth=1,
        capsize=3,
        label=_label(net, rows[-1].megabytes),
    )


def _label(net: str, megabytes: float | None) -> str:
    return net if megabytes is None else f"{net}, {megabytes:.2g} MB"


def _over_seconds(axes: "Axes", rows: Sequence[MeasuredNet], color: str) -> None:
    timed = [(row.seconds, row.accuracy, row.megabytes or 0) for row in rows if row.seconds]
    if not timed:
        return
    seconds, accuracy, megabytes = zip(*timed, strict=True)
    sizes = [max(_LEAST, _DOT * sqrt(size)) ** 2 for size in megabytes]
    axes.plot(seconds, accuracy, color=color, lw=0.8, alpha=0.6)
    axes.scatter(seconds, accuracy, sizes, color=color, alpha=0.7, lw=0)


def _number_ticks(axes: "Axes", values: Sequence[int]) -> None:
    """Ticks at these numbers, or at round ones, written out."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    if values:
        axes.set_xticks(sorted(set(values)))
    else:
        axes.xaxis.set_major_locator(LogLocator(10, (1, 2, 5)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
