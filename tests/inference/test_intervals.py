"""Intervals against SciPy's, and against a bootstrap."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from catdog.inference.intervals import of_share, with_interval


@given(st.integers(1, 5000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_wilsons_interval_is_scipys(counts):
    right, of = counts
    wanted = stats.binomtest(right, of).proportion_ci(0.95, "wilson")
    assert of_share(right, of) == pytest.approx((wanted.low, wanted.high), abs=1e-9)


def test_of_many_photos_it_is_what_a_bootstrap_finds():
    right = np.arange(2000) < 1800
    found = stats.bootstrap(
        (right,), np.mean, method="percentile", rng=np.random.default_rng(0), batch=500
    ).confidence_interval
    assert of_share(1800, 2000) == pytest.approx((found.low, found.high), abs=2e-3)


def test_words():
    assert of_share(0, 0) == (0, 1)
    assert with_interval(20, 20) == "100.00% (83.9% to 100.0%)"
