"""Distances against plain formulas, held or computed when asked for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catdog.analysis.subset import METRICS, Distances, subset_scores


def points(count, size=5, seed=0):
    return np.random.default_rng(seed).normal(size=(count, size)).astype(np.float32)


def plain(features, metric):
    """Every distance by itself, in double precision."""
    rows = features.astype(np.float64)
    if metric == "euclidean":
        return np.array([[np.linalg.norm(a - b) for b in rows] for a in rows])
    lengths = np.linalg.norm(rows, axis=1)
    return np.array(
        [[1 - a @ b / (la * lb) for b, lb in zip(rows, lengths, strict=True)]
         for a, la in zip(rows, lengths, strict=True)]
    )  # fmt: skip


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("held", [0, 1 << 20])
@pytest.mark.parametrize("block", [3, 1024])
def test_against_the_formulas(metric, held, block, monkeypatch):
    monkeypatch.setattr("catdog.analysis.subset.distances._BLOCK", block)
    features = points(11)
    made, expected = Distances(features, metric, held=held), plain(features, metric)
    rows = made.rows(np.array([4, 0, 10]))
    np.testing.assert_allclose(rows, expected[[4, 0, 10]], atol=2e-6)
    assert (rows[[0, 1, 2], [4, 0, 10]] == 0).all()
    some = np.array([7, 2, 5])
    np.testing.assert_allclose(made.exact(some), expected[np.ix_(some, some)], atol=1e-6)
    draws = np.array([[0, 1, 2], [5, 9, 3], [10, 4, 6]])
    means = [np.mean([expected[a, b], expected[a, c], expected[b, c]]) for a, b, c in draws]
    np.testing.assert_allclose(made.means(draws), means, rtol=1e-6)


@pytest.mark.parametrize("metric", METRICS)
def test_bytes_and_twins(metric):
    pixels = np.random.default_rng(0).integers(0, 256, (9, 3072), dtype=np.uint8)
    pixels[5] = pixels[2]
    rows = Distances(pixels, metric).rows(np.array([2]))[0]
    np.testing.assert_allclose(rows, plain(pixels, metric)[2], rtol=1e-4, atol=1e-3)
    before = pixels.copy()
    Distances(before, metric)
    assert (before == pixels).all()


def test_an_example_of_zeros_has_a_cosine_distance():
    features = np.array([[0, 0], [1, 0], [-1, 0]], np.float32)
    assert Distances(features, "cosine").rows(np.array([0, 1])).tolist() == [[0, 1, 1], [1, 0, 2]]


def test_the_outermost():
    features = np.array([[0, 1], [1, 0], [0, 0], [5, 5]], np.float32)
    assert Distances(features, "euclidean").outermost() == 3


@settings(deadline=None)
@given(st.integers(2, 9), st.data())
def test_scores_are_those_of_the_definition(count, data):
    features = points(count, seed=data.draw(st.integers(0, 99)))
    chosen = data.draw(st.lists(st.sampled_from(range(count)), min_size=1, unique=True))
    found = subset_scores(Distances(features, "euclidean"), np.array(chosen))
    every = plain(features, "euclidean")
    pairs = [every[a, b] for at, a in enumerate(chosen) for b in chosen[:at]]
    rest = [min(every[a, b] for b in chosen) for a in range(count) if a not in chosen]
    assert found.diversity == pytest.approx(np.mean(pairs) if pairs else 0, abs=1e-5)
    assert found.closest == pytest.approx(min(pairs, default=0), abs=1e-5)
    assert found.coverage == pytest.approx(np.mean(rest) if rest else 0, abs=1e-5)
