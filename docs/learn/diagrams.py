"""The diagrams of docs/learn, in the colours of the charts: neuron, kernel, pooling, layers."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, Rectangle
from numpy.typing import NDArray

from catdog.runtime.picture_style import BLUE, GREEN, GRID, INK, ORANGE, SOFT, YELLOW

Numbers = NDArray[np.float64]
#: The neuron that the page works through: what it sees, and what it makes of it.
SEEN = (0.9, 0.2, 0.5)
WEIGHTS = (1.0, -2.0, 0.5)
BIAS = -0.1
#: The picture and the kernel of the sliding diagram: a bright bar on the right, an upright edge.
PICTURE = np.array([[1, 1, 1, 8, 8], [1, 1, 1, 8, 8], [2, 1, 1, 8, 9], [1, 1, 2, 8, 8]], float)
KERNEL = np.array([[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]], float)
POOLED = np.array([[1, 0, 2, 3], [4, 6, 0, 1], [0, 2, 9, 5], [1, 3, 4, 7]], float)
_PALE, FAINT = "#eef3f8", "#66717d"


def neuron_sum() -> float:
    """What the neuron's sum is before the ReLU."""
    return sum(x * w for x, w in zip(SEEN, WEIGHTS, strict=True)) + BIAS


def slide(picture: Numbers, kernel: Numbers) -> Numbers:
    """A kernel at every place of a picture (Caffe's and torch's convolution: not turned round)."""
    windows = np.lib.stride_tricks.sliding_window_view(picture, kernel.shape)
    return np.asarray((windows * kernel).sum(axis=(2, 3)))


def pool(picture: Numbers, side: int = 2) -> Numbers:
    """The largest number of each square."""
    high, wide = (size // side for size in picture.shape)
    return np.asarray(picture.reshape(high, side, wide, side).max(axis=(1, 3)))


def blank(width: float, height: float) -> tuple[Figure, Axes]:
    """White paper, in units of about a character; y grows downwards."""
    figure = Figure(figsize=(width * 0.62, height * 0.62), dpi=110, facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0), aspect="equal")
    axes.set_axis_off()
    return figure, axes


def say(axes: Axes, x: float, y: float, text: str, **look: object) -> None:
    """Text with its middle at x, y."""
    style = {"color": INK, "ha": "center", "va": "center", "fontsize": 11, **look}
    axes.text(x, y, text, **style)  # type: ignore[arg-type]


def arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], color: str) -> None:
    """An arrow between two places."""
    axes.add_patch(
        FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=12, color=color, lw=1.4)
    )


def grid(axes: Axes, numbers: Numbers, x: float, y: float, colors: Sequence[Sequence[str]]) -> None:
    """A table of numbers, a square for each, with its upper left corner at x, y."""
    for (row, column), number in np.ndenumerate(numbers):
        place = (x + column, y + row)
        axes.add_patch(Rectangle(place, 1, 1, fc=colors[row][column], ec=SOFT, lw=0.8))
        say(axes, place[0] + 0.5, place[1] + 0.5, f"{number:g}".replace("-", "−"))


def shades(numbers: Numbers, color: str = BLUE) -> list[list[str]]:
    """A tint for each number: the larger, the fuller; none for what is not above 0."""
    top = max(float(numbers.max()), 1e-9)
    return [[f"{color}{round(110 * max(each, 0) / top):02x}" for each in row] for row in numbers]


def neuron() -> Figure:
    """Three numbers, a weight for each, their sum, what is left of it."""
    figure, axes = blank(15, 6.4)
    for place, (x, w) in enumerate(zip(SEEN, WEIGHTS, strict=True)):
        y = 1.4 + 1.8 * place
        axes.add_patch(Circle((1.6, y), 0.62, fc=_PALE, ec=BLUE, lw=1.4))
        say(axes, 1.6, y, f"{x:g}")
        color = BLUE if w > 0 else ORANGE
        arrow(axes, (2.3, y), (6.1, 3.2 + 0.35 * (place - 1)), color)
        sign = "×  " + f"{w:g}".replace("-", "−")
        say(axes, 4.0, (y + 0.75 * 0 + 3.2) / 2 + (y - 3.2) * 0.12 - 0.28, sign, color=color)
    total = neuron_sum()
    axes.add_patch(Circle((7.1, 3.2), 1.0, fc=BLUE, ec=BLUE))
    say(axes, 7.1, 3.2, "sum", color="white", fontweight="bold")
    arrow(axes, (8.2, 3.2), (10.1, 3.2), INK)
    say(axes, 9.1, 2.75, f"{total:g}")
    box = FancyBboxPatch((10.2, 2.5), 2.0, 1.4, "round,pad=0,rounding_size=0.2", fc=_PALE, ec=BLUE)
    axes.add_patch(box)
    axes.plot([10.5, 11.2, 11.9], [3.5, 3.5, 2.8], color=BLUE, lw=2)
    arrow(axes, (12.3, 3.2), (13.6, 3.2), INK)
    say(axes, 14.1, 3.2, f"{max(total, 0):g}", fontweight="bold")
    say(axes, 1.6, 0.35, "what it sees", color=FAINT, fontsize=10)
    say(axes, 4.2, 0.35, "weights", color=FAINT, fontsize=10)
    say(axes, 7.1, 4.75, f"bias {BIAS:g}".replace("-", "−"), color=FAINT, fontsize=10)
    say(axes, 11.2, 4.4, "ReLU: nothing\nbelow 0", color=FAINT, fontsize=10, va="top")
    return figure


def sliding() -> Figure:
    """A kernel on a picture of 4 x 5 numbers, and what it says at each place."""
    figure, axes = blank(15.6, 6.0)
    found = slide(PICTURE, KERNEL)
    grid(axes, PICTURE, 0.6, 1.2, shades(PICTURE))
    axes.add_patch(Rectangle((2.6, 1.2), 3, 3, fill=False, ec=ORANGE, lw=3))
    say(axes, 7.0, 2.7, "×", fontsize=18)
    colors = [
        [BLUE + "44" if w > 0 else ORANGE + "44" if w else "white" for w in row] for row in KERNEL
    ]
    grid(axes, KERNEL, 8.0, 1.2, colors)
    say(axes, 11.6, 2.7, "→", fontsize=18)
    tints = shades(found, GREEN)
    grid(axes, found, 12.2, 1.7, tints)
    axes.add_patch(Rectangle((14.2, 1.7), 1, 1, fill=False, ec=ORANGE, lw=3))
    for x, text in ((3.1, "picture"), (9.5, "kernel: nine weights"), (13.7, "feature map")):
        say(axes, x, 0.6, text, color=FAINT, fontsize=10)
    window = PICTURE[:3, 2:5]
    lit = " + ".join(f"{each:g}" for each in window[:, 2])
    dark = " − ".join(f"{each:g}" for each in window[:, 0])
    say(axes, 7.8, 5.55, f"orange place:  {lit} − {dark} = {found[0, 2]:g}")
    return figure


def pooling() -> Figure:
    """Sixteen numbers, and the largest of each four."""
    figure, axes = blank(11, 5.4)
    quarters = [[BLUE, ORANGE], [GREEN, YELLOW]]
    tints = [[quarters[row // 2][column // 2] + "33" for column in range(4)] for row in range(4)]
    grid(axes, POOLED, 0.6, 0.9, tints)
    say(axes, 5.9, 2.9, "→", fontsize=20)
    small = [[color + "66" for color in row] for row in quarters]
    grid(axes, pool(POOLED), 7.2, 1.9, small)
    say(axes, 2.6, 0.4, "feature map", color=FAINT, fontsize=10)
    say(axes, 8.2, 0.4, "the largest of each four", color=FAINT, fontsize=10)
    return figure


def layers(shapes: Sequence[tuple[str, int, int]]) -> Figure:
    """Feature maps that get smaller and more: (name, how many, how large) from left to right."""
    figure, axes = blank(17, 5.6)
    x = 0.7
    for number, (name, count, side) in enumerate(shapes):
        edge, sheets = max(side / 18, 0.28), min(6, max(1, count // 8))
        y = 2.5 - edge / 2
        for sheet in reversed(range(sheets)):
            shift = 0.16 * sheet
            color = BLUE if number == 0 else GREEN if number == len(shapes) - 1 else GRID
            axes.add_patch(Rectangle((x + shift, y - shift), edge, edge, fc=color, ec=SOFT, lw=0.8))
        middle = x + edge / 2 + 0.08 * sheets
        say(axes, middle, 4.75, f"{name}\n{count} × {side} × {side}", fontsize=9)
        end = x + edge + 0.16 * sheets
        if number < len(shapes) - 1:
            arrow(axes, (end + 0.1, 2.5), (end + 0.75, 2.5), INK)
        x = end + 0.95
    axes.set_xlim(0, x)
    return figure
