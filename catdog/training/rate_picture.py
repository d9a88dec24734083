"""A learning-rate range test as a picture."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from catdog.runtime.picture_style import (
    BLUE,
    ORANGE,
    SMALL,
    SPINE,
    legend_above,
    style_axes,
    title_left,
    white_figure,
)
from catdog.runtime.shown_figure import ShownFigure
from catdog.training.rate_curve import RateCurve

#: Room above the losses before they explode, as a share of their height.
_ROOM = 0.35


def draw(found: RateCurve) -> ShownFigure:
    """The losses over the rates, their mean, and the rate that is suggested."""
    figure = white_figure((9, 5))
    axes = figure.add_subplot()
    rates, losses = found.rates, found.losses
    axes.set_xscale("log")
    axes.scatter(rates, losses, s=12, color=BLUE, alpha=0.35, lw=0, label="loss")
    axes.plot(rates, found.smoothed, color=BLUE, lw=2, label="smoothed")
    _height(axes, found)
    _above(axes, found)
    if found.suggestion is not None:
        _suggestion(axes, found, found.suggestion)
    if rates[0] < found.base_lr < rates[-1]:
        about = f"base_lr {found.base_lr:g}"
        axes.axvline(found.base_lr, color=SPINE, lw=1.2, ls=(0, (4, 3)), zorder=0, label=about)
    axes.set_xlabel("learning rate")
    axes.set_ylabel("train loss")
    style_axes(axes)
    axes.tick_params(axis="x", which="both", length=3, color=SPINE)
    axes.xaxis.set_major_locator(LogLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    title_left(axes, "Range test")
    legend_above(axes, 5)
    return figure


def _height(axes: Axes, found: RateCurve) -> None:
    """An axis for the losses before they explode."""
    curve = found.smoothed
    low, high = float(curve.min()), float(np.max(curve[: int(curve.argmin()) + 1]))
    low, high = min(low, float(found.losses.min())), max(high, 1.2 * low)
    room = _ROOM * (high - low)
    axes.set_ylim(max(0.0, low - room / 2), high + room)


def _above(axes: Axes, found: RateCurve) -> None:
    """A mark on the upper edge for each loss that is higher: they are why the mean rises."""
    top = axes.get_ylim()[1]
    rates = found.rates[found.losses > top]
    if len(rates):
        height = np.full(len(rates), top)
        axes.scatter(rates, height, 22, marker="^", color=BLUE, lw=0, clip_on=False, label="higher")


def _suggestion(axes: Axes, found: RateCurve, rate: float) -> None:
    """A ring on the curve at the rate, and its number."""
    height = float(np.interp(np.log(rate), np.log(found.rates), found.smoothed))
    axes.axvline(rate, color=ORANGE, lw=1.2, zorder=0)
    axes.scatter([rate], [height], 80, facecolors="white", edgecolors=ORANGE, lw=1.8, zorder=5)
    axes.annotate(
        f"{rate:g}",
        (rate, 1),
        xycoords=("data", "axes fraction"),
        # the curve goes up at the right of it
        xytext=(-5, -4),
        textcoords="offset points",
        ha="right",
        va="top",
        color=ORANGE,
        fontsize=SMALL + 2,
        fontweight="bold",
    )
    axes.scatter([], [], 50, facecolors="white", edgecolors=ORANGE, lw=1.8, label="suggested")
