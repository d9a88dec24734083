"""A sweep as a picture: how the trials went one after another, and each field against the score."""

from collections.abc import Sequence
from math import ceil
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from catdog.runtime.picture_style import (
    BLUE,
    ORANGE,
    SPINE,
    legend_above,
    save_figure,
    style_axes,
    title_left,
    white_figure,
)
from catdog.runtime.wording import counted
from catdog.training.sweep.axis import Axis
from catdog.training.sweep.sweep import Sweep, Trial

_DONE, _EARLY, _FAILED, _BEST = BLUE, "#b9b9b9", "#c0392b", ORANGE
_COLUMNS = 3
# a logarithmic axis of less than this has names between its powers of ten
_NARROW = 200
# and one of less than this has no power of ten in it, or one
_ONE_POWER = 10
#: Of a range, on either side.
_PAD = 0.04


def draw(sweep: Sweep, path: Path) -> None:
    """Write the picture of a sweep: its history above, a field in each panel below."""
    axes = sweep.plan.axes
    columns = 2 if len(axes) == 4 else min(_COLUMNS, len(axes))
    lines = ceil(len(axes) / columns)
    figure = white_figure((10, 3.6 + 3.1 * lines), h_pad=0.12)
    grid = figure.add_gridspec(1 + lines, columns, height_ratios=[1.15] + [1] * lines)
    history = figure.add_subplot(grid[0, :])
    _history(history, sweep)
    for index, axis in enumerate(axes):
        panel = figure.add_subplot(grid[1 + index // columns, index % columns], sharey=history)
        _slice(panel, sweep, axis)
        panel.set_ylabel(sweep.plan.metric if index % columns == 0 else "")
    for each in figure.axes:
        style_axes(each)
        each.tick_params(axis="x", which="both", length=3, color=SPINE)
    save_figure(figure, path, dpi=130)


def _history(axes: Axes, sweep: Sweep) -> None:
    done, early = _parts(sweep)
    last = max(trial.number for trial in sweep.trials)
    if early:
        axes.scatter(
            *_xy(early, [t.number for t in early]), s=34, color=_EARLY, label="ended early"
        )
    if done:
        at = [t.number for t in done]
        axes.scatter(*_xy(done, at), s=40, color=_DONE, label="done", zorder=3)
        best = np.maximum if sweep.plan.direction.better(1, 0) else np.minimum
        values = list(best.accumulate([float(t.value or 0) for t in done]))
        if last > at[0]:
            at, values = [*at, last], [*values, values[-1]]
            axes.step(at, values, where="post", color=_BEST, lw=1.8, label="best so far", zorder=2)
    if sweep.best:
        _star(axes, sweep.best, sweep.best.number, label="best")
    failed = [t.number for t in sweep.trials if t.state == "failed"]
    for number in failed:
        axes.axvline(number, color=_FAILED, lw=1, ls=(0, (2, 3)), zorder=0)
    if failed:
        axes.plot([], [], color=_FAILED, lw=1, ls=(0, (2, 3)), label="failed")
    axes.set_xlabel("trial")
    axes.set_ylabel(sweep.plan.metric)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlim(-0.5, last + 0.5)
    title_left(axes, f"{sweep.plan.stem}: {counted(len(sweep.trials), 'trial')}")
    legend_above(axes, len(axes.get_legend_handles_labels()[0]))
    _limits(axes, done, early)


def _limits(axes: Axes, done: Sequence[Trial], early: Sequence[Trial]) -> None:
    """One trial that went far astray must not press the others into a line."""
    values = np.array([t.value for t in [*done, *early] if t.value is not None], float)
    values = values[np.isfinite(values)]
    if len(values) < 4:
        return
    low, middle, high = np.quantile(values, [0.1, 0.5, 0.9])
    room = 4 * max(high - low, 1e-9)
    bottom, top = max(values.min(), middle - room), min(values.max(), middle + room)
    pad = 0.08 * max(top - bottom, 1e-9)
    axes.set_ylim(bottom - pad, top + pad)


def _slice(axes: Axes, sweep: Sweep, axis: Axis) -> None:
    """The score of each trial over one field; the best is a star."""
    done, early = _parts(sweep)
    place = {choice: at for at, choice in enumerate(axis.choices)}

    def at(trials: Sequence[Trial]) -> list[float]:
        words = [trial.values[axis.field] for trial in trials]
        return [float(place[word]) if axis.choices else float(word) for word in words]

    axes.scatter(*_xy(early, at(early)), s=26, color=_EARLY)
    axes.scatter(*_xy(done, at(done)), s=40, color=_DONE, alpha=0.85, zorder=3)
    if sweep.best:
        _star(axes, sweep.best, at([sweep.best])[0])
    if axis.choices:
        axes.set_xticks(range(len(axis.choices)), [_short(choice) for choice in axis.choices])
        axes.set_xlim(-0.5, len(axis.choices) - 0.5)
    else:
        _range(axes, axis)
    axes.set_xlabel(_name(axis.field))


def _star(axes: Axes, best: Trial, at: float, label: str | None = None) -> None:
    axes.scatter(*_xy([best], [at]), s=120, marker="*", color=_BEST, zorder=4, label=label)


def _range(axes: Axes, axis: Axis) -> None:
    """All of the range that was asked for, with ticks also where there was one trial."""
    if axis.log:
        axes.set_xscale("log")
        narrow = axis.high < _NARROW * axis.low
        one = axis.high < _ONE_POWER * axis.low
        places = MaxNLocator(5) if one else LogLocator(subs=(1, 2, 5) if narrow else (1,))
        axes.xaxis.set_major_locator(places)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        pad = (axis.high / axis.low) ** _PAD
        axes.set_xlim(axis.low / pad, axis.high * pad)
        return
    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=axis.whole, steps=[1, 2, 5, 10]))
    pad = (axis.high - axis.low) * _PAD
    axes.set_xlim(axis.low - pad, axis.high + pad)


def _parts(sweep: Sweep) -> tuple[list[Trial], list[Trial]]:
    """Those with a value: run to the end, ended early."""
    done = [trial for trial in sweep.trials if trial.done]
    early = [t for t in sweep.trials if t.state == "ended early" and t.value is not None]
    return done, early


def _xy(trials: Sequence[Trial], at: Sequence[float]) -> tuple[list[float], list[float]]:
    return list(at), [float(trial.value or 0) for trial in trials]


def _short(word: str) -> str:
    return word if len(word) <= 12 else f"{word[:11]}…"


def _name(field: str) -> str:
    """The ends of a long path: `net.fc1…dropout_ratio`."""
    keys = field.split(".")
    return field if len(field) <= 34 else f"{'.'.join(keys[:2])} … {keys[-1]}"
