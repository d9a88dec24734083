"""How often sets are right, by counting."""

import numpy as np
import pytest

from catdog.analysis.coverage import by_weights, coverage_lines, in_halves, record_of
from tests.analysis.test_metrics import judged


def test_halves_keep_the_promise_and_the_counts():
    found = in_halves(judged(2000, classes=4, hot=3), 0.9)
    assert found.photos == 2000
    assert found.right / found.photos == pytest.approx(0.9, abs=0.02)
    assert 1 < found.classes < 4
    assert in_halves(judged(30), 0.95) is None


def test_weights_tell_whether_photos_are_those_of_their_calibration():
    fitted, others = judged(500, seed=1), judged(400, seed=2)
    names = [f"{at}.jpg" for at in range(500)]
    carried = record_of(fitted, names, "flip")
    assert (carried.views, len(carried.misfit)) == ("flip", 500)
    found = by_weights(others, names, carried, 0.9)
    worst = np.sort(1 - fitted.own)[450]
    inside = (others.probabilities >= 1 - worst - 1e-6) | (
        others.probabilities == others.probabilities.max(1, keepdims=True)
    )
    assert found.right == inside[np.arange(400), others.label].sum()
    assert found.classes == pytest.approx(inside.sum(1).mean())
    (line,) = coverage_lines(found)
    assert line.endswith("fitted on other photos")
    assert f"{found.right / 400:.2%} (" in line
    assert "very photos" in by_weights(fitted, names, carried, 0.9).fitted
    assert by_weights(others, names, carried, 0.999) is None
