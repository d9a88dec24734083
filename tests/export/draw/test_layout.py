"""Boxes have places that do not overlap, and arrows lead forwards."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from catdog.export.draw.graph import Arrow, Box, Graph
from catdog.export.draw.layout import layout

GAP, RANK_GAP = 10.0, 20.0


@st.composite
def graphs(draw):
    number = draw(st.integers(1, 14))
    arrows = [
        Arrow(start, end)
        for end in range(1, number)
        for start in draw(st.sets(st.integers(0, end - 1), max_size=3))
    ]
    sizes = draw(st.lists(st.tuples(*[st.floats(5, 90)] * 2), min_size=number, max_size=number))
    return Graph([Box([]) for _ in range(number)], arrows), sizes


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_nothing_overlaps_and_everything_flows(drawn):
    graph, sizes = drawn
    found = layout(graph, sizes, GAP, RANK_GAP)
    ranks = {}
    knots = [*found.boxes, *(knot for way in found.ways for knot in way)]
    for knot in {id(knot): knot for knot in knots}.values():
        ranks.setdefault(knot.rank, []).append(knot)
        assert knot.across - knot.breadth / 2 >= -1e-6
        assert knot.across + knot.breadth / 2 <= found.breadth + 1e-6
        assert knot.along + knot.length / 2 <= found.length + 1e-6
    for row in ranks.values():
        row.sort(key=lambda knot: knot.across)
        for left, right in pairwise(row):
            apart = right.across - right.breadth / 2 - left.across - left.breadth / 2
            assert apart >= GAP - 1e-6
    for arrow, way in zip(graph.arrows, found.ways, strict=True):
        assert way[0] is found.boxes[arrow.start] and way[-1] is found.boxes[arrow.end]
        for above, below in pairwise(way):
            assert below.rank == above.rank + 1
            assert (
                below.along - below.length / 2 >= above.along + above.length / 2 + RANK_GAP - 1e-6
            )


def test_a_row_of_layers_is_straight_also_beside_a_long_arrow():
    graph = Graph([Box([]) for _ in range(6)], [Arrow(i, i + 1) for i in range(5)])
    graph.arrows.append(Arrow(0, 5))
    sizes = [(30.0, 10.0), (80.0, 10.0), (20.0, 10.0), (60.0, 10.0), (40.0, 10.0), (30.0, 10.0)]
    found = layout(graph, sizes, GAP, RANK_GAP)
    inner = [knot.across for knot in found.boxes[1:5]]
    assert max(inner) - min(inner) < 3
    passing = [knot.across for knot in found.ways[-1][1:-1]]
    assert max(passing) - min(passing) < 3


def test_a_label_stands_right_before_its_loss():
    arrows = [Arrow(0, 2), Arrow(2, 3), Arrow(3, 4), Arrow(1, 4)]
    found = layout(Graph([Box([]) for _ in range(5)], arrows), [(9.0, 9.0)] * 5, GAP, RANK_GAP)
    assert [knot.rank for knot in found.boxes] == [0, 2, 1, 2, 3]
