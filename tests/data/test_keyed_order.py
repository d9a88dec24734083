"""The computed order: each number once, as unordered as a drawn one, the same in any piece."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catdog.data.keyed_order import KeyedOrder


@given(st.integers(1, 5000), st.integers(0, 2**64 - 1))
def test_each_number_once(count, key):
    assert sorted(KeyedOrder(count, key)) == list(range(count))


@given(st.integers(2, 10**12), st.integers(0, 2**64 - 1), st.integers(0, 10**12))
def test_a_place_has_the_same_number_whatever_was_asked_before(count, key, at):
    at %= count
    order = KeyedOrder(count, key)
    number = order[at]
    assert 0 <= number < count
    assert [order[0], order[at]] == [KeyedOrder(count, key)[0], number]


def test_other_keys_give_other_orders():
    orders = {tuple(KeyedOrder(50, key)) for key in range(200)}
    assert len(orders) == 200


@pytest.mark.parametrize("count", [1000, 4096, 70_001])
def test_is_as_unordered_as_a_drawn_order(count):
    """Rank correlations of neighbours and of place and number lie where those of drawn ones do."""
    found = []
    for key in range(40):
        order = np.array(list(KeyedOrder(count, key)))
        found += [
            np.corrcoef(order, np.arange(count))[0, 1],
            np.corrcoef(order[1:], order[:-1])[0, 1],
        ]
    scores = np.array(found) * np.sqrt(count)
    assert np.abs(scores).max() < 4.5
    assert 0.8 < scores.std() < 1.2


def test_each_place_gets_every_number_equally_often():
    count, keys = 64, 4000
    table = np.zeros((count, count))
    for key in range(keys):
        table[np.arange(count), list(KeyedOrder(count, key))] += 1
    expected, freedom = keys / count, (count - 1) ** 2
    assert abs(((table - expected) ** 2 / expected).sum() - freedom) < 4 * np.sqrt(2 * freedom)
