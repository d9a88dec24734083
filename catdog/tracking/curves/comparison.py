"""The learning curves of several runs in one picture, each in its own color."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from catdog.runtime.picture_style import CYCLE, GRID, SMALL
from catdog.tracking.curves.data import Curve, Series, Style, series
from catdog.tracking.curves.single import (
    TRAINED_LOOK,
    Rows,
    best,
    blank,
    dotted,
    furnish,
    named,
    percent,
    rate_drops,
    ring,
    scale,
    smoothed,
    value_text,
)

_SOFT = "#8a8a8a"
#: Letters in a line of the picture.
_WIDTH = 110
_DROP = "drop of the learning rate"


class _Lines(NamedTuple):
    """What one run has to draw."""

    train: Series
    losses: Rows
    accuracies: Rows
    trained: Rows


def compare(curves: Sequence[Curve], style: Style | None = None) -> Figure:
    """Losses above, test accuracies below; a run's best test has a ring and its value."""
    style = style or Style()
    lines = [_lines(curve) for curve in curves]
    scored = any(each.accuracies for each in lines)
    figure = blank((10, 8.4 if scored else 5.6))
    panels = figure.subplots(2 if scored else 1, 1, sharex=True, squeeze=False)[:, 0]
    panels[-1].set_xlabel(style.label)
    for number, (curve, each) in enumerate(zip(curves, lines, strict=True)):
        color = CYCLE[number % len(CYCLE)]
        _draw_losses(panels[0], each, color, style, marked=not each.accuracies)
        _mark_drops(panels[0], curve, color)
        if scored:
            _draw_accuracies(panels[-1], each, color)
    panels[0].set_ylabel("loss")
    scale(panels[0], [values for each in lines for values in _losses(each)], style)
    if scored:
        panels[-1].set_ylabel("accuracy" if any(x.trained for x in lines) else "test accuracy")
        shares = (rows for each in lines for rows in each.accuracies.values())
        values = np.array([value for rows in shares for _, value in rows])
        percent(panels[-1], values)
        # of several runs the differences matter
        low = np.nanmin(values, initial=1.0)
        if low > 0:
            panels[-1].set_ylim(bottom=0.9 * low)
    furnish(figure, style)
    panels[-1].grid(axis="y", color=GRID, lw=0.8)
    _explain(
        figure, [_title(*pair) for pair in zip(curves, lines, strict=True)], _kinds(figure, lines)
    )
    return figure


def _lines(curve: Curve) -> _Lines:
    log = curve.log
    return _Lines(
        series([*log.train_loss, *log.final_loss]),
        named(v for v in log.test_outputs if v.loss_weight is not None),
        named(v for v in log.test_outputs if v.loss_weight is None),
        log.train_scores,
    )


def _losses(lines: _Lines) -> list[np.ndarray]:
    return [lines.train[1], *(series(rows)[1] for rows in lines.losses.values())]


def _draw_losses(axes: Axes, lines: _Lines, color: str, style: Style, *, marked: bool) -> None:
    if len(lines.train[0]):
        line, smooth = smoothed(lines.train, style)
        if smooth:
            axes.plot(*lines.train, color=color, lw=0.6, alpha=0.2)
        axes.plot(*line, color=color, lw=1.2, alpha=0.75)
    for number, rows in enumerate(lines.losses.values()):
        dotted(axes, rows, color, ls=_DASHES[number % len(_DASHES)])
        if marked and len(lines.losses) == 1:
            ring(axes, series(rows), color, lowest=True)


def _draw_accuracies(axes: Axes, lines: _Lines, color: str) -> None:
    for number, rows in enumerate(lines.accuracies.values()):
        dotted(axes, rows, color, ls=_DASHES[number % len(_DASHES)])
        if len(lines.accuracies) == 1:
            for trained in lines.trained.values():
                axes.plot(*series(trained), color=color, **TRAINED_LOOK)
            ring(axes, series(rows), color)


def _mark_drops(axes: Axes, curve: Curve, color: str) -> None:
    """Drops of the learning rate as small triangles at the foot."""
    drops = [x for x, _ in rate_drops(curve.log)]
    if not drops:
        # a line of no points that is not clipped has no end for the layout
        return
    foot = axes.get_xaxis_transform()
    axes.plot(drops, [0.0] * len(drops), "v", color=color, ms=7, clip_on=False, transform=foot)


def _kinds(figure: Figure, lines: Sequence[_Lines]) -> list[Line2D]:
    """What a line or a sign means, of those that are drawn."""
    drawn = {
        "train": any(len(each.train[0]) for each in lines),
        "test": any(each.losses or each.accuracies for each in lines),
        "train accuracy": any(each.trained for each in lines),
        "best test": any(axes.collections for axes in figure.axes),
        _DROP: any(line.get_marker() == "v" for line in figure.axes[0].lines),
    }
    looks: dict[str, dict[str, Any]] = {
        "train": {"lw": 1.2},
        "test": {"lw": 1.8, "marker": "o", "ms": 5, "mec": "white"},
        "train accuracy": TRAINED_LOOK,
        "best test": {"lw": 0, "marker": "o", "ms": 9, "mfc": "none", "mew": 1.6},
        _DROP: {"lw": 0, "marker": "v", "ms": 7},
    }
    return [
        Line2D([], [], color=_SOFT, label=name, **look)
        for name, look in looks.items()
        if drawn[name]
    ]


def _explain(figure: Figure, names: Sequence[str], kinds: Sequence[Line2D]) -> None:
    """The names of the runs above, what lines and signs mean below."""
    runs = [
        Line2D([], [], color=CYCLE[i % len(CYCLE)], lw=2.5, label=name)
        for i, name in enumerate(names)
    ]
    columns = max(1, min(len(names), _WIDTH // (max(map(len, names)) + 8)))
    named = figure.legend(handles=runs, loc="outside upper left", ncols=columns, frameon=False)
    for text in named.get_texts():
        # names come from folders: no formula is meant by a dollar sign
        text.set_parse_math(False)
    figure.legend(handles=kinds, loc="outside lower left", ncols=5, frameon=False, fontsize=SMALL)


def _title(curve: Curve, lines: _Lines) -> str:
    """The name of a run with its best test."""
    of = lines.accuracies or lines.losses
    if len(of) != 1:
        return curve.name
    (found,) = (series(rows) for rows in of.values())
    lowest = not lines.accuracies
    index = best(found, lowest=lowest)
    if index is None:
        return curve.name
    return f"{curve.name}: best {value_text(found, index, lowest=lowest)}"


_DASHES = ("-", (0, (4, 2)), (0, (1, 1.5)))
