"""How all charts look: colours, axes, titles, legends.

Matplotlib takes a second to import, so that only what draws imports it.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catdog.errors import CatdogError
from catdog.runtime.files import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from catdog.runtime.shown_figure import ShownFigure

BLUE, ORANGE, GREEN, PURPLE = "#3b6ea5", "#d1582c", "#2f8f5b", "#a8476f"
YELLOW, INDIGO, BROWN, TEAL = "#e39b2d", "#5b6bbf", "#7a6a58", "#1f8a8a"
SOFT = "#9aa5b1"
#: Colours of curves, in the order in which they are used.
CYCLE = (BLUE, ORANGE, GREEN, PURPLE, YELLOW, INDIGO, BROWN, TEAL)
#: Of text, grid lines and the one visible spine.
INK, GRID, SPINE = "#333333", "#e6e6e6", "#bbbbbb"
#: Sizes of text in points.
SMALL, TITLE = 9, 12


def white_figure(size: tuple[float, float], *, h_pad: float = 0.1) -> "ShownFigure":
    """An empty figure of this many inches, laid out by its content."""
    from catdog.runtime.shown_figure import ShownFigure

    figure = ShownFigure(figsize=size, facecolor="white")
    figure.set_layout_engine("constrained", w_pad=0.1, h_pad=h_pad)
    return figure


@contextmanager
def boxes_for_unknown_signs() -> Iterator[None]:
    """Inside, signs that the font does not have are drawn as boxes without a warning."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        yield


def check_suffix(path: Path) -> None:
    """Raise CatdogError where a figure cannot be written under this name: its suffix says how."""
    from catdog.runtime.shown_figure import ShownFigure

    known = ShownFigure().canvas.get_supported_filetypes()
    # without a suffix a figure is a PNG
    if path.suffix and path.suffix[1:].lower() not in known:
        raise CatdogError(
            f"{path.suffix} is no form of a picture",
            where=str(path),
            remedy="end the name with .png, .pdf, .svg or .jpg",
        )


def save_figure(figure: "Figure", path: Path, *, dpi: float | None = None) -> None:
    """Write a figure in the format of the path's suffix, whole or not at all.

    `dpi` is the figure's own by default. Raises CatdogError for a suffix of no picture.
    """
    try:
        with replacing(path) as beside, boxes_for_unknown_signs():
            figure.savefig(beside, dpi=dpi or "figure")
    except ValueError as error:
        raise CatdogError(str(error).splitlines()[0], where=str(path)) from None


def style_axes(axes: "Axes", *, grid: bool = True) -> None:
    """A bottom spine, no ticks, and horizontal grid lines behind the data."""
    axes.spines[["top", "left", "right"]].set_visible(False)
    axes.spines["bottom"].set_color(SPINE)
    axes.tick_params(colors=INK, length=0, labelsize=SMALL)
    axes.set_axisbelow(True)
    if grid:
        axes.grid(axis="y", color=GRID, lw=0.8)


def title_left(axes: "Axes", text: str) -> None:
    """A bold title above the upper left corner."""
    axes.set_title(text, loc="left", color=INK, fontsize=TITLE, fontweight="bold", pad=12)


def legend_above(axes: "Axes", columns: int, handles: Sequence[Any] | None = None) -> None:
    """A legend without a frame above the upper right corner."""
    legend = axes.legend(handles=handles, ncols=columns, frameon=False, fontsize=SMALL)
    legend.set_loc("lower right")
    legend.set_bbox_to_anchor((1.0, 1.0))
