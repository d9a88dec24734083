"""A long layout in columns, side by side, as text stands in a newspaper."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from catdog.export.draw.layout import Column, Knot, Layout

#: Between two columns, and between two arrows that lead from one to the next.
GUTTER, LANE = 56.0, 8.0
#: How much longer and shorter than the others a column may be, so that few arrows are cut.
SHORTEST, LONGEST = 0.7, 1.2


@dataclass
class _Rank:
    """Begin and end of a rank along the flow, and how many arrows lead on from it.

    `sources` are what they come from: boxes, and the points where longer arrows pass.
    """

    begin: float
    end: float
    cut: int = 0
    sources: set[int] = field(default_factory=set)


def fold(found: Layout, longest: float) -> Layout:
    """The layout in columns that together are about as wide as high, none much above `longest`."""
    knots = list({id(knot): knot for way in [found.boxes, *found.ways] for knot in way}.values())
    ranks = _ranks(found, knots)
    wide = found.breadth + GUTTER
    count = max(round(math.sqrt(found.length / wide)), math.ceil(found.length * LONGEST / longest))
    firsts = _firsts(ranks, found.length / count) if count > 1 else [0]
    room = LANE * (2 + max((ranks[first - 1].cut for first in firsts[1:]), default=0))
    left = 0.0
    for first, end in zip(firsts, [*firsts[1:], len(ranks)], strict=True):
        column = [knot for knot in knots if first <= knot.rank < end]
        left = _place(found, column, left, room - ranks[first].begin)
        left += GUTTER + room
    found.breadth = left - GUTTER - room
    found.length = max(column.end for column in found.columns) + room
    return found


def _ranks(found: Layout, knots: Sequence[Knot]) -> list[_Rank]:
    number = max((knot.rank for knot in knots), default=-1) + 1
    ranks = [_Rank(math.inf, 0.0) for _ in range(number)]
    for knot in knots:
        rank = ranks[knot.rank]
        rank.begin = min(rank.begin, knot.along - knot.length / 2)
        rank.end = max(rank.end, knot.along + knot.length / 2)
    for way in found.ways:
        for knot in way[:-1]:
            ranks[knot.rank].cut += 1
            ranks[knot.rank].sources.add(id(knot))
    return ranks


def _firsts(ranks: Sequence[_Rank], wanted: float) -> list[int]:
    """The first rank of each column: after as few sources as can be, near the wanted length."""
    firsts = [0]
    while ranks[-1].end - (begin := ranks[firsts[-1]].begin) > LONGEST * wanted:
        lengths = {i: ranks[i].end - begin for i in range(firsts[-1], len(ranks) - 1)}
        near = [i for i, n in lengths.items() if SHORTEST * wanted <= n <= LONGEST * wanted]
        # one box may be longer than a column
        near = near or [min(lengths, key=lambda i: abs(lengths[i] - wanted))]
        firsts.append(
            1 + min(near, key=lambda i: (len(ranks[i].sources), abs(lengths[i] - wanted)))
        )
    return firsts


def _place(found: Layout, knots: Sequence[Knot], left: float, down: float) -> float:
    """Put the knots of a column beside the one before; gives its right edge."""
    shift = left - min(knot.across - knot.breadth / 2 for knot in knots)
    for knot in knots:
        knot.column = len(found.columns)
        knot.across += shift
        knot.along += down
    right = max(knot.across + knot.breadth / 2 for knot in knots)
    found.columns.append(Column(right, max(knot.along + knot.length / 2 for knot in knots)))
    return right
