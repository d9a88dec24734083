"""Positions of boxes: in ranks along the flow, arrows between neighbours as straight as can be.

After K. Sugiyama, S. Tagawa, M. Toda, "Methods for visual understanding of hierarchical system
structures" (1981): ranks by the longest way, order in a rank by the mean of the neighbours, then
positions by least squares.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from catdog.export.draw.graph import Graph

#: Passes over the ranks, to order them and to place what is in them.
SWEEPS, PLACING = 12, 80
#: How much more a long arrow keeps to its line than a box to its neighbours.
STRAIGHT = 8.0


@dataclass
class Knot:
    """A box, or a point where a longer arrow passes a rank; `across` is its middle there.

    `breadth` is its extent across the flow, `length` that along it. `pull` is how much it draws
    boxes: the longer an arrow, the less. `column` is that of a layout in columns.
    """

    breadth: float
    length: float
    rank: int
    box: int | None = None
    pull: float = 1.0
    across: float = 0.0
    along: float = 0.0
    column: int = 0
    before: list["Knot"] = field(default_factory=list)
    after: list["Knot"] = field(default_factory=list)


@dataclass(frozen=True)
class Column:
    """The right edge of a column of boxes, and its end along the flow."""

    right: float
    end: float


@dataclass
class Layout:
    """The knots of the boxes, by number, and for each arrow the knots on its way."""

    boxes: list[Knot]
    ways: list[list[Knot]]
    breadth: float = 0.0
    length: float = 0.0
    columns: list[Column] = field(default_factory=list)


def layout(
    graph: Graph, sizes: Sequence[tuple[float, float]], gap: float, rank_gap: float
) -> Layout:
    """Positions of boxes of these extents, each across and along the flow."""
    ranks = _ranks(graph)
    boxes = [
        Knot(breadth, length, rank, box=number)
        for number, ((breadth, length), rank) in enumerate(zip(sizes, ranks, strict=True))
    ]
    rows: list[list[Knot]] = [[] for _ in range(max(ranks, default=-1) + 1)]
    for knot in boxes:
        rows[knot.rank].append(knot)
    ways = [_way(boxes[arrow.start], boxes[arrow.end], rows, gap) for arrow in graph.arrows]
    _order(rows)
    _place(rows, gap)
    return _measured(Layout(boxes, ways), rows, rank_gap)


def _ranks(graph: Graph) -> list[int]:
    """The longest way to each box; boxes that nothing leads to stand right before their readers."""
    ranks = [0] * len(graph.boxes)
    # a box comes after all those that lead to it
    for arrow in sorted(graph.arrows, key=lambda arrow: arrow.end):
        ranks[arrow.end] = max(ranks[arrow.end], ranks[arrow.start] + 1)
    led_to = {arrow.end for arrow in graph.arrows}
    readers: dict[int, list[int]] = {}
    for arrow in graph.arrows:
        readers.setdefault(arrow.start, []).append(ranks[arrow.end])
    for box in readers.keys() - led_to:
        ranks[box] = min(readers[box]) - 1
    return ranks


def _way(start: Knot, end: Knot, rows: list[list[Knot]], gap: float) -> list[Knot]:
    """The knots of an arrow, one in each rank; new ones between start and end."""
    way = [start]
    for rank in range(start.rank + 1, end.rank):
        knot = Knot(gap / 2, 0.0, rank, pull=(end.rank - start.rank - 1) ** -3.0)
        rows[rank].append(knot)
        way.append(knot)
    way.append(end)
    for above, below in pairwise(way):
        above.after.append(below)
        below.before.append(above)
    return way


def _order(rows: list[list[Knot]]) -> None:
    """Sort each rank by the mean position of its neighbours, down and up in turn."""
    for row in rows:
        _number(row)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        for row in rows if down else reversed(rows):
            wanted = {id(knot): _mean(knot.before if down else knot.after, knot) for knot in row}
            row.sort(key=lambda knot: wanted[id(knot)])
            _number(row)


def _number(row: list[Knot]) -> None:
    for number, knot in enumerate(row):
        knot.across = number - (len(row) - 1) / 2


def _mean(neighbours: Sequence[Knot], knot: Knot) -> float:
    return (
        sum(other.across for other in neighbours) / len(neighbours) if neighbours else knot.across
    )


def _place(rows: list[list[Knot]], gap: float) -> None:
    """Put each rank where its neighbours are, in its order and with the gap between."""
    for row in rows:
        begin = _spread(row, [0.0] * len(row), gap)
        for knot, across in zip(row, begin, strict=True):
            knot.across = across
    for sweep in range(PLACING):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wanted = [_drawn(knot) for knot in row]
            for knot, across in zip(row, _spread(row, wanted, gap), strict=True):
                knot.across = across


def _drawn(knot: Knot) -> float:
    """Where the neighbours on both sides draw a knot."""
    pulls = [(_pull(knot, other), other.across) for other in knot.before + knot.after]
    whole = sum(pull for pull, _ in pulls)
    return sum(pull * across for pull, across in pulls) / whole if whole else knot.across


def _pull(knot: Knot, other: Knot) -> float:
    """How much two neighbours draw each other."""
    both_of_an_arrow = knot.box is None and other.box is None
    return STRAIGHT if both_of_an_arrow else min(knot.pull, other.pull)


def _spread(row: Sequence[Knot], wanted: Sequence[float], gap: float) -> list[float]:
    """The positions nearest to those wanted that keep the gap (pool adjacent violators)."""
    offsets = [0.0]
    for left, right in pairwise(row):
        offsets.append(offsets[-1] + (left.breadth + right.breadth) / 2 + gap)
    # without the offsets, positions only have to rise
    pools: list[tuple[float, float, int]] = []
    for knot, position, offset in zip(row, wanted, offsets, strict=True):
        mean, weight, count = position - offset, STRAIGHT if knot.box is None else 1.0, 1
        while pools and pools[-1][0] > mean:
            other, others, number = pools.pop()
            mean = (mean * weight + other * others) / (weight + others)
            weight, count = weight + others, count + number
        pools.append((mean, weight, count))
    means = [mean for mean, _, count in pools for _ in range(count)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]


def _measured(found: Layout, rows: list[list[Knot]], rank_gap: float) -> Layout:
    """Shift everything to begin at 0, and put the ranks one after the other."""
    knots = [knot for row in rows for knot in row]
    least = min((knot.across - knot.breadth / 2 for knot in knots), default=0.0)
    for row in rows:
        thickest = max(knot.length for knot in row)
        for knot in row:
            knot.across -= least
            knot.along = found.length + thickest / 2
            if knot.box is None:
                knot.length = thickest
        found.length += thickest + rank_gap
    found.length -= rank_gap
    found.breadth = max((knot.across + knot.breadth / 2 for knot in knots), default=0.0)
    return found
