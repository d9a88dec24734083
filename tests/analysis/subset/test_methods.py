"""Every method: what it promises for any data, and how near it comes to the best of tiny sets."""

import time
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catdog.analysis.subset import METHODS, METRICS, Distances, Settings, subset_scores
from catdog.analysis.subset.representative import _Search
from catdog.analysis.subset.selection import Selection


def made(count, size=4, seed=0, metric="euclidean"):
    features = np.random.default_rng(seed).normal(size=(count, size))
    return Distances(features.astype(np.float32), metric)


def run(name, distances, count, seed=0, **told):
    return METHODS[name](distances, count, Settings(**told), np.random.default_rng(seed))


def diversity(distances, chosen):
    return subset_scores(distances, np.array(chosen)).diversity


def best_of_all(distances, count, value=diversity):
    return max(value(distances, some) for some in combinations(range(distances.count), count))


@pytest.mark.parametrize("name", METHODS)
@settings(deadline=None)
@given(st.integers(1, 12), st.data())
def test_so_many_without_doubles(name, count, data):
    wanted, seed = data.draw(st.integers(1, count)), data.draw(st.integers(0, 9))
    # few different numbers, so that there are twins
    rng = np.random.default_rng(seed)
    features = rng.integers(0, 3, (count, 2)).astype(np.float32)
    distances = Distances(features, data.draw(st.sampled_from(METRICS)))
    chosen = run(name, distances, wanted, seed, draws=5, steps=20)
    assert chosen.shape == (wanted,)
    assert len(set(chosen.tolist())) == wanted
    assert set(chosen.tolist()) <= set(range(count))


@pytest.mark.parametrize("name", METHODS)
def test_the_seed_decides(name):
    distances = made(60)
    first, again = (run(name, distances, 6, seed=3, draws=50).tolist() for _ in range(2))
    assert first == again
    others = {tuple(sorted(run(name, distances, 6, seed=n, draws=5, steps=1))) for n in range(8)}
    if name in ("random", "draws", "annealing"):
        assert len(others) > 4


@pytest.mark.parametrize("name", ["draws", "annealing", "exchange"])
@pytest.mark.parametrize("seed", range(4))
def test_nearly_the_best_of_all(name, seed):
    distances = made(12, seed=seed)
    best = best_of_all(distances, 4)
    assert diversity(distances, run(name, distances, 4, seed)) >= 0.95 * best
    found = max(diversity(distances, run(name, distances, 4, n, draws=1000)) for n in range(8))
    assert found == pytest.approx(best, rel=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_no_exchange_is_left_that_gains(seed):
    distances = made(15, seed=seed)
    chosen = run("exchange", distances, 5, seed).tolist()
    value = diversity(distances, chosen)
    for place in range(5):
        for other in set(range(15)) - set(chosen):
            changed = [*chosen[:place], other, *chosen[place + 1 :]]
            assert diversity(distances, changed) <= value + 1e-6


@settings(deadline=None)
@given(st.integers(2, 10), st.data())
def test_gains_are_differences_of_the_sum(count, data):
    distances = made(count, seed=data.draw(st.integers(0, 50)))
    chosen = data.draw(
        st.lists(st.sampled_from(range(count)), min_size=1, max_size=count - 1, unique=True)
    )
    selection = Selection(distances, np.array(chosen))
    for _ in range(2):
        pairs = len(chosen) * (len(chosen) - 1) / 2
        before, gains = diversity(distances, chosen) * pairs, selection.gains()
        for place in range(len(chosen)):
            for other in set(range(count)) - set(chosen):
                changed = [*chosen[:place], other, *chosen[place + 1 :]]
                after = diversity(distances, changed) * pairs
                assert gains[place, other] == pytest.approx(after - before, abs=1e-4)
        place, other = data.draw(st.integers(0, len(chosen) - 1)), selection.free.argmax()
        selection.exchange(place, int(other))
        chosen[place] = int(other)
        assert selection.chosen.tolist() == chosen
        assert set(np.flatnonzero(~selection.free)) == set(chosen)


def balance(weight):
    def value(distances, chosen):
        found = subset_scores(distances, np.array(chosen))
        return found.diversity - weight * found.coverage

    return value


@pytest.mark.parametrize("weight", [0, 1, 3])
@pytest.mark.parametrize("seed", range(3))
def test_representative_ends_where_no_exchange_gains(seed, weight):
    distances, value = made(14, seed=seed), balance(weight)
    chosen = run("representative", distances, 4, seed, weight=weight).tolist()
    for place in range(4):
        for other in set(range(14)) - set(chosen):
            changed = [*chosen[:place], other, *chosen[place + 1 :]]
            assert value(distances, changed) <= value(distances, chosen) + 1e-5
    found = [run("representative", distances, 4, n, weight=weight) for n in range(8)]
    best = best_of_all(distances, 4, value)
    assert max(value(distances, some) for some in found) == pytest.approx(best, abs=1e-5)


@settings(deadline=None)
@given(st.integers(3, 10), st.data())
def test_what_representative_adds_is_the_difference(count, data):
    distances = made(count, seed=data.draw(st.integers(0, 50)))
    wanted = data.draw(st.integers(1, count - 1))
    search = _Search(distances, np.arange(wanted), 1.0)
    others = np.arange(wanted, count)
    added = search._added(others)
    rows = distances.rows(np.arange(count)).astype(np.float64)
    before = rows[:wanted].min(0).sum()
    for at, other in enumerate(others):
        for place in range(wanted):
            changed = [*range(place), *range(place + 1, wanted), other]
            assert added[at, place] == pytest.approx(rows[changed].min(0).sum() - before, abs=1e-4)


def test_farthest_points_are_those_of_the_definition():
    distances = made(30)
    every = distances.rows(np.arange(30))
    chosen = run("farthest", distances, 7).tolist()
    assert chosen[0] == distances.outermost()
    for number in range(1, 7):
        nearest = every[chosen[:number]].min(0)
        nearest[chosen[:number]] = -1
        assert chosen[number] == nearest.argmax()


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("seed", range(3))
def test_exchange_beats_ten_thousand_draws_in_less_time(metric, seed):
    distances = made(1000, 32, seed, metric)
    took, found = {}, {}
    for name in ("exchange", "draws"):
        began = time.process_time()
        found[name] = diversity(distances, run(name, distances, 50, seed))
        took[name] = time.process_time() - began
    assert found["exchange"] > found["draws"]
    assert took["exchange"] < took["draws"]


def test_a_hundred_chosen_in_an_order_of_worth():
    distances = made(500, 16)
    found = {name: diversity(distances, run(name, distances, 25, draws=1000)) for name in METHODS}
    assert found["random"] < found["draws"] < found["farthest"] < found["exchange"]
    assert found["annealing"] > found["farthest"]
    covered = {
        name: subset_scores(distances, run(name, distances, 25, draws=1000)).coverage
        for name in METHODS
    }
    assert covered["representative"] < covered["exchange"]


def test_distances_that_are_not_held_give_the_same():
    features = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    held, asked = Distances(features, "euclidean"), Distances(features, "euclidean", held=0)
    for name in METHODS:
        few = {"draws": 20, "steps": 20}
        first, second = (run(name, some, 6, **few) for some in (held, asked))
        assert sorted(first) == sorted(second), name
