"""A long flow in columns: nothing overlaps, each column begins where few arrows come."""

from itertools import pairwise

from catdog.export.draw.columns import GUTTER, fold
from catdog.export.draw.graph import Arrow, Box, Graph
from catdog.export.draw.layout import layout


def blocks(number: int) -> Graph:
    """Boxes in a row, with a way around every two of them, and one from the first to the last."""
    arrows = [Arrow(i, i + 1) for i in range(3 * number)]
    arrows += [Arrow(3 * i, 3 * i + 3) for i in range(number)]
    arrows.append(Arrow(0, 3 * number))
    return Graph([Box([]) for _ in range(3 * number + 1)], arrows)


def test_columns_stand_beside_each_other_and_cut_between_blocks():
    graph = blocks(12)
    found = layout(graph, [(100.0, 60.0)] * len(graph.boxes), 20.0, 30.0)
    long = found.length
    fold(found, 1500.0)
    columns = [[knot for knot in found.boxes if knot.column == i] for i in range(4)]
    assert sum(map(len, columns)) == len(graph.boxes)
    assert len(found.columns) == 4
    assert found.length < long / 2
    for before, after in pairwise(columns):
        edge = max(knot.across + knot.breadth / 2 for knot in before)
        assert min(knot.across - knot.breadth / 2 for knot in after) >= edge + GUTTER
        # the box before a cut joins the ways around
        assert found.boxes.index(before[-1]) % 3 == 0
    for column in columns:
        assert [knot.along for knot in column] == sorted(knot.along for knot in column)
        assert column[-1].along + column[-1].length / 2 <= found.length


def test_a_short_flow_stays_one_column():
    found = layout(Graph([Box([])] * 2, [Arrow(0, 1)]), [(100.0, 60.0)] * 2, 20.0, 30.0)
    fold(found, 1500.0)
    assert [knot.column for knot in found.boxes] == [0, 0]
    assert found.breadth == 100.0
