import pytest

from catdog.errors import LayerError
from catdog.layers.axes import canonical_axis, extents, same_but_one
from tests.layers.single import build

LAYER = build('type: "ReLU"', (1,))


@pytest.mark.parametrize(("axis", "counted"), [(0, 0), (2, 2), (-1, 2), (-3, 0)])
def test_canonical_axis(axis, counted):
    assert canonical_axis(LAYER, axis, (4, 5, 6), "axis") == counted


@pytest.mark.parametrize(("axis", "shape"), [(3, (4, 5, 6)), (-4, (4, 5, 6)), (0, ())])
def test_no_such_axis(axis, shape):
    with pytest.raises(LayerError, match=f"no axis {axis}") as caught:
        canonical_axis(LAYER, axis, shape, "some_param.axis")
    assert caught.value.field == "some_param.axis"


def test_extents():
    assert extents((2, 3, 5, 7), 2) == (6, 5, 7)
    assert extents((2,), 0) == (1, 2, 1)


def test_same_but_one():
    same_but_one(LAYER, ((2, 3), (2, 3)))
    same_but_one(LAYER, ((2, 3), (2, 9)), 1)
    for shapes, axis in ((((2, 3), (2, 9)), None), (((2, 3), (2, 9)), 0), (((2,), (2, 1)), 1)):
        with pytest.raises(LayerError, match="one shape"):
            same_but_one(LAYER, shapes, axis)
