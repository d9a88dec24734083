"""Draw docs/flow.png, the picture of docs/architecture.md: `make flow`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

#: A row is things and, between them, the packages that make one of the other.
ROWS: tuple[tuple[str, ...], ...] = (
    ("text\n.yaml, .prototxt", ">spec", "message", ">net, layers", "Net\ntorch module"),
    ("photos", ">data.build", "LMDB, mean,\ndataset.yaml", ">data", "batches"),
    ("Net, batches,\nsolver message", ">solver", "events", ">tracking", "log, tables,\ncurves"),
    ("weight files", "<>weights", "parameters", "<>solver", "snapshots"),
    ("weights, photos", ">engines, inference", "probabilities,\nsubmission", ">analysis", "report"),
    ("snapshot", ">export", "deploy net,\nONNX, PyTorch", "", ""),
)
#: What connects a solver file with all of these, and who calls it.
ABOVE = (
    "cli, tools/",
    "project",
    "pycaffe, opencv",
    "training",
    "interface",
    "web",
    "serving",
    "studio",
)
#: What all of them stand on.
BELOW = ("runtime", "fillers", "proto", "errors")

_WIDTH, _HEIGHT = 2.1, 0.62
_COLUMN, _LINE = 2.62, 0.98
_THING, _PACKAGE, _INK = "#eef3f8", "#2f5d8a", "#1c2833"


@dataclass(frozen=True)
class Box:
    """A rounded box with its middle at x, y; `package` ones are dark."""

    text: str
    x: float
    y: float
    package: bool = False

    def draw(self, axes: Axes) -> None:
        """Add it to a picture."""
        left, low = self.x - _WIDTH / 2, self.y - _HEIGHT / 2
        color = _PACKAGE if self.package else _THING
        style = "round,pad=0,rounding_size=0.09"
        axes.add_patch(
            FancyBboxPatch((left, low), _WIDTH, _HEIGHT, style, fc=color, ec=_PACKAGE, lw=0.8)
        )
        ink = "white" if self.package else _INK
        weight = "bold" if self.package else "normal"
        axes.text(self.x, self.y, self.text, color=ink, ha="center", va="center", weight=weight)


def row(texts: Sequence[str], y: float) -> Iterator[Box]:
    """The boxes of one path through the house."""
    for column, text in enumerate(texts):
        if text:
            yield Box(text.lstrip("<>"), column * _COLUMN, y, package=text[0] in "<>")


def arrows(axes: Axes, texts: Sequence[str], y: float) -> None:
    """From each box of a row to the next; both ways around `<>`."""
    for column in range(1, len(texts)):
        if not texts[column]:
            break
        both = any(text.startswith("<>") for text in texts[column - 1 : column + 1])
        start, end = (column - 1) * _COLUMN + _WIDTH / 2, column * _COLUMN - _WIDTH / 2
        form = {"arrowstyle": "<->" if both else "->", "color": _INK, "lw": 1.1}
        axes.annotate("", (end, y), (start, y), arrowprops=form)


def band(axes: Axes, texts: Sequence[str], y: float) -> None:
    """Packages side by side over the whole width."""
    step = 4 * _COLUMN / (len(texts) - 1)
    for number, text in enumerate(texts):
        Box(text, number * step, y, package=True).draw(axes)


def packages() -> set[str]:
    """The packages that the picture names."""
    named = [text.lstrip("<>") for texts in ROWS for text in texts if text[:1] in ("<", ">")]
    words = [word for text in (*named, *ABOVE, *BELOW) for word in text.split(", ")]
    return {word.partition(".")[0] for word in words} - {"tools/"}


def draw() -> Figure:
    """The whole picture."""
    height = (len(ROWS) + 2) * _LINE
    figure = Figure(figsize=(4 * _COLUMN + _WIDTH + 0.3, height), dpi=110)
    axes = figure.add_axes((0, 0, 1, 1))
    band(axes, ABOVE, _LINE)
    for number, texts in enumerate(ROWS):
        y = -number * _LINE
        arrows(axes, texts, y)
        for box in row(texts, y):
            box.draw(axes)
    band(axes, BELOW, -len(ROWS) * _LINE)
    axes.set(xlim=(-_WIDTH / 2 - 0.15, 4 * _COLUMN + _WIDTH / 2 + 0.15), ylim=(-height + 1.4, 1.6))
    axes.set_axis_off()
    return figure


if __name__ == "__main__":
    draw().savefig(Path(__file__).with_name("flow.png"))
