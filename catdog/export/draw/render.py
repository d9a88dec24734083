"""A graph as a picture through matplotlib, where Graphviz is not installed."""

import io
from itertools import pairwise
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle
from matplotlib.path import Path
from matplotlib.textpath import TextPath

from catdog.export.draw.columns import LANE, fold
from catdog.export.draw.graph import Box, Graph
from catdog.export.draw.layout import Knot, Layout, layout

# all extents in points
NAME, TEXT, SIZE = 10.0, 8.0, 7.0
ROW, SMALL_ROW, PAD = 30.0, 15.0, 9.0
GAP, RANK_GAP, MARGIN = 22.0, 30.0, 24.0
#: Pixels an inch, and the most pixels on a side, of a PNG.
DPI, MOST_PIXELS = 120, 6_000

Point = tuple[float, float]


def picture(
    graph: Graph, rankdir: str, form: str, title: str = "", *, columns: bool = False
) -> bytes:
    """The graph as a png, svg or pdf; the flow goes as in Graphviz: LR, RL, TB or BT.

    With `columns` a long flow from top to bottom goes on in the next column.
    """
    boxes = [_extent(box) for box in graph.boxes]
    upright = rankdir in ("TB", "BT")
    sizes = boxes if upright else [(height, width) for width, height in boxes]
    found = layout(graph, sizes, GAP, RANK_GAP + (0 if upright else 14))
    if columns:
        found = fold(found, MOST_PIXELS * 72 / DPI - 2 * MARGIN)
    plan = _Plan(found, rankdir)
    top = 26.0 if title else 0.0
    width, height = plan.width + 2 * MARGIN, plan.height + 2 * MARGIN + top
    figure = Figure(figsize=(width / 72, height / 72))
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set(xlim=(-MARGIN, width - MARGIN), ylim=(height - MARGIN - top, -MARGIN - top))
    if title:
        words: dict[str, Any] = {"weight": "bold", "color": "#2b313b", "parse_math": False}
        axes.text(0, -top / 2 - 4, title, fontsize=14, va="center", **words)
    labelled: set[tuple[int, str]] = set()
    for arrow, way in zip(graph.arrows, found.ways, strict=True):
        # blobs of one name that meet at a box show it once
        label = "" if (arrow.end, arrow.label) in labelled else arrow.label
        labelled.add((arrow.end, arrow.label))
        _draw_arrow(axes, plan, way, label)
    for box, extent, knot in zip(graph.boxes, boxes, found.boxes, strict=True):
        _draw_box(axes, box, extent, plan.point(knot.across, knot.along))
    file = io.BytesIO()
    dpi = min(DPI, MOST_PIXELS * 72 / max(width, height))
    figure.savefig(file, format=form, dpi=dpi, facecolor="white")
    return file.getvalue()


class _Plan:
    """Across and along to x and y."""

    def __init__(self, found: Layout, rankdir: str) -> None:
        self._upright = rankdir in ("TB", "BT")
        self._backwards = rankdir in ("BT", "RL")
        self._length = found.length
        self._columns = found.columns
        self._cut = [0] * len(found.columns)
        extents = (found.breadth, found.length)
        self.width, self.height = extents if self._upright else extents[::-1]

    def detour(self, start: Knot, end: Knot) -> list[Point]:
        """The corners of an arrow that leads to the next column, each on a lane of its own."""
        column = self._columns[start.column]
        lane = LANE * (1 + self._cut[start.column])
        self._cut[start.column] += 1
        down, beside = column.end + lane, column.right + LANE + lane
        top = end.along - end.length / 2 - LANE - lane
        return [(start.across, down), (beside, down), (beside, top), (end.across, top)]

    def point(self, across: float, along: float) -> Point:
        """The point in the figure, y downwards."""
        flow = self._length - along if self._backwards else along
        return (across, flow) if self._upright else (flow, across)


def _extent(box: Box) -> Point:
    """Width and height of a box."""
    widths = [_width(row.name, NAME, "bold") for row in box.rows]
    widths += [_width(row.text, TEXT) for row in box.rows]
    widths.append(_width(box.size, SIZE))
    return max(widths) + 2 * PAD, ROW * len(box.rows) + (SMALL_ROW if box.size else 0)


def _width(words: str, size: float, weight: str = "normal") -> float:
    if not words.strip():
        return 0.0
    # a $ would begin a formula
    font = FontProperties(weight=weight)
    path = TextPath((0, 0), words.replace("$", "S"), size=size, prop=font)
    return float(path.get_extents().width)


def _draw_box(axes: Any, box: Box, extent: Point, middle: Point) -> None:
    width, height = extent
    left, top = middle[0] - width / 2, middle[1] - height / 2
    shape = "round,pad=0,rounding_size=5"
    rim = FancyBboxPatch((left, top), width, height, boxstyle=shape, lw=1.1, zorder=4)
    rim.set(facecolor="none", edgecolor=box.rows[0].colour.rim)
    ground = FancyBboxPatch((left, top), width, height, boxstyle=shape, lw=0, fc="white", zorder=2)
    axes.add_patch(ground)
    axes.add_patch(rim)
    for index, row in enumerate(box.rows):
        y = top + index * ROW
        band = Rectangle((left, y), width, ROW, facecolor=row.colour.fill, lw=0, zorder=3)
        axes.add_patch(band)
        band.set_clip_path(rim)
        words = {"ha": "center", "va": "center", "zorder": 5, "parse_math": False}
        axes.text(
            middle[0], y + 10.5, row.name, fontsize=NAME, weight="bold", color="#20262e", **words
        )
        axes.text(middle[0], y + 22, row.text, fontsize=TEXT, color="#3c4450", **words)
    if box.size:
        y = top + height - SMALL_ROW / 2
        axes.text(
            middle[0],
            y,
            box.size,
            fontsize=SIZE,
            color="#5b6472",
            ha="center",
            va="center",
            zorder=5,
        )


def _draw_arrow(axes: Any, plan: _Plan, way: list[Knot], label: str) -> None:
    """A curve that leaves and reaches boxes along the flow and passes ranks straight."""
    start, end = way[0], way[-1]
    stops = [(start.across, start.along + start.length / 2)]
    for knot in way[1:-1]:
        stops += [(knot.across, knot.along - knot.length / 2 + d * knot.length) for d in (0, 1)]
    stops.append((end.across, end.along - end.length / 2))
    points, codes = [plan.point(*stops[0])], [Path.MOVETO]
    # a knot that is passed has two stops, in one column
    knots = [knot for knot in way for _ in range(2)][1:-1]
    for (one, other), (before, after) in zip(pairwise(stops), pairwise(knots), strict=True):
        if before.column != after.column:
            bends = [*plan.detour(before, after), other]
            codes += [Path.LINETO] * len(bends)
        else:
            half = (one[1] + other[1]) / 2
            bends = [(one[0], half), (other[0], half), other]
            codes += [Path.CURVE4] * 3
        points += [plan.point(*bend) for bend in bends]
    style = "-|>,head_length=4.5,head_width=2.2"
    arrow = FancyArrowPatch(path=Path(points, codes), arrowstyle=style, mutation_scale=1, lw=1.0)
    arrow.set(color="#5b6472", zorder=1)
    axes.add_patch(arrow)
    if label:
        x, y = plan.point(stops[-1][0], stops[-1][1] - 11)
        words = {"va": "bottom", "zorder": 5, "parse_math": False}
        words["bbox"] = {"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.8}
        axes.text(x + 4, y, label, fontsize=SIZE, color="#5b6472", **words)
