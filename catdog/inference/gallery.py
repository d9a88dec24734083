"""A grid of photos with their predictions."""

from collections.abc import Sequence
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

import cv2

from catdog.data.build.listing import in_utf8
from catdog.data.images import decode, read_file
from catdog.inference.foreign import NEITHER
from catdog.inference.heads import Head, Row
from catdog.inference.predictor import Prediction
from catdog.runtime.picture_style import save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

COLUMNS, ROWS = 6, 3
#: Photos in a picture.
MOST = COLUMNS * ROWS
_SURE, _UNSURE, _PLAIN = "#1a7f37", "#b35900", "#444444"
_DOUBT = 0.8
#: Inches of a photo with its caption, and of the line below all.
_CELL, _FOOT = (1.7, 2.1), 0.3
#: Letters that fit over a photo.
_WIDTH = 24


def draw_gallery(
    path: str | Path, predictions: Sequence[Prediction], heads: Sequence[Head], most: int = MOST
) -> Path:
    """Draw the first predictions as a grid, each above the name of its file; returns the path.

    Predictions with a probability below 80 % have another colour, which a line below tells: a net
    may be sure and wrong. Scores have no such colours.
    """
    # a quarter of a second, for those alone who want a picture
    from matplotlib.figure import Figure

    shown = predictions[:most]
    rows = max(1, ceil(len(shown) / COLUMNS))
    size = COLUMNS * _CELL[0], rows * _CELL[1] + _FOOT
    figure = Figure(figsize=size, layout="constrained", dpi=110)
    grid, foot = figure.subfigures(2, 1, height_ratios=[rows * _CELL[1], _FOOT], squeeze=False).flat
    for index in range(rows * COLUMNS):
        axes = grid.add_subplot(rows, COLUMNS, index + 1)
        axes.set_axis_off()
        if index < len(shown):
            _draw(axes, shown[index], heads)
    if not any(head.scores for head in heads):
        _tell_colors(foot)
    target = Path(path)
    save_figure(figure, target)
    return target


def _tell_colors(foot: "SubFigure") -> None:
    words = f"the net is sure of it ({_DOUBT:.0%} or more), which does not make it right"
    foot.text(0.02, 0.5, f"green: {words}", color=_SURE, va="center", fontsize=9)
    foot.text(
        0.98, 0.5, "orange: it is less sure", color=_UNSURE, va="center", ha="right", fontsize=9
    )


def _draw(axes: "Axes", prediction: Prediction, heads: Sequence[Head]) -> None:
    pixels = decode(read_file(prediction.path)).pixels
    axes.imshow(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))
    pairs = list(zip(heads, prediction.rows, strict=True))
    color = _SURE if min(head.sureness(row) for head, row in pairs) >= _DOUBT else _UNSURE
    if any(head.scores for head in heads) or prediction.is_refused:
        color = _PLAIN
    lines = [line for head, row in pairs for line in _said(head, row)]
    if prediction.is_refused:
        lines = [NEITHER]
    title = axes.set_title("\n".join(lines), fontsize=10, color=color)
    # a name with a dollar sign is no formula
    title.set_parse_math(False)
    name = in_utf8(Path(str(prediction.path)).name)
    below = axes.text(
        0.5,
        -0.02,
        name if len(name) <= _WIDTH else f"…{name[1 - _WIDTH :]}",
        transform=axes.transAxes,
        ha="center",
        va="top",
        fontsize=7,
        color=_PLAIN,
    )
    below.set_parse_math(False)


def _said(head: Head, row: Row) -> list[str]:
    """A line for what applies, with its probability; long names are cut."""
    chosen = head.chosen(row)
    if not chosen:
        return ["none of them"]
    return [f"{_short(head.names[index])} {head.word(row[index], 0)}" for index in chosen]


def _short(name: str) -> str:
    return name if len(name) <= _WIDTH else f"{name[: _WIDTH - 1]}…"
