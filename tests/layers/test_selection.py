import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from catdog.errors import LayerError
from tests.layers.single import build, numbers, run


@given(st.lists(st.integers(0, 4), min_size=1, max_size=9))
def test_batch_reindex_takes_and_adds_gradients(index):
    x = numbers(5, 2, 3, grad=True)
    y = run('type: "BatchReindex"', x, torch.tensor(index, dtype=torch.float32))
    assert torch.equal(y, torch.stack([x[i] for i in index]))
    y.sum().backward()
    assert x.grad[:, 0, 0].tolist() == [index.count(i) for i in range(5)]


@pytest.mark.parametrize("index", [[0.0, 5.0], [-1.0]])
def test_batch_reindex_outside_the_batch(index):
    with pytest.raises(LayerError, match="for a batch of 5"):
        run('type: "BatchReindex"', numbers(5, 2), torch.tensor(index))


@given(st.lists(st.sampled_from([0.0, 1.0, 0.5, -1.0]), min_size=6, max_size=6))
def test_filter_keeps_what_is_not_zero(selector):
    x, other = numbers(6, 2, grad=True), numbers(6, 1, 3, seed=1)
    first, second = run('type: "Filter"', x, other, torch.tensor(selector), tops=2)
    kept = [i for i, value in enumerate(selector) if value != 0]
    assert torch.equal(first, x[kept])
    assert torch.equal(second, other[kept])
    first.sum().backward()
    assert x.grad[:, 0].tolist() == [float(value != 0) for value in selector]


def test_filter_is_planned_for_the_whole_batch():
    layer = build('type: "Filter"', (6, 2), (6, 1, 1, 1))
    assert layer.top_shapes((6, 2), (6, 1, 1, 1)) == [(6, 2)]


@pytest.mark.parametrize(
    ("text", "given", "tops", "message", "field"),
    [
        ('type: "BatchReindex"', [(4, 2), (4, 1)], 1, "one axis", "bottom"),
        ('type: "BatchReindex" bottom: "a" bottom: "i" top: "a"', [(4, 2), (4,)], 1, '"a"', "top"),
        ('type: "Filter"', [(4, 2), (4,)], 2, "2 tops for 2 bottoms", "top"),
        ('type: "Filter"', [(4, 2), (4, 2)], 1, "one number for each", "bottom"),
        ('type: "Filter"', [(4, 2), (3,)], 1, "different first axes", "bottom"),
    ],
)
def test_faults(text, given, tops, message, field):
    with pytest.raises(LayerError, match=message) as caught:
        build(text, *given, tops=tops)
    assert caught.value.field == field
    assert caught.value.remedy
