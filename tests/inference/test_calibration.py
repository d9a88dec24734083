"""Temperatures against the formulas, in NumPy."""

import numpy as np
import pytest

from catdog.inference.calibration import (
    apply_temperature,
    fit_temperature,
    scores_of,
    softmax_log_loss,
)


def softmax(scores):
    powers = np.exp(scores)
    return powers / powers.sum(1, keepdims=True)


def test_a_temperature_divides_the_scores():
    scores = np.random.default_rng(0).normal(0, 2, (20, 4))
    found = apply_temperature(softmax(scores), 3)
    np.testing.assert_allclose(found, softmax(scores / 3), rtol=1e-12)
    np.testing.assert_allclose(softmax(scores_of(softmax(scores))), softmax(scores), rtol=1e-12)


def test_the_fitted_temperature_is_the_best_of_a_grid():
    rng = np.random.default_rng(1)
    scores = rng.normal(0, 2, (2000, 3))
    labels = np.array([rng.choice(3, p=row) for row in softmax(scores / 1.7)])
    grid = np.geomspace(0.5, 5, 2000)
    losses = [
        -np.log(softmax(scores / temperature)[np.arange(len(labels)), labels]).mean()
        for temperature in grid
    ]
    best = fit_temperature(scores, labels)
    assert best == pytest.approx(grid[np.argmin(losses)], rel=2e-3)
    assert softmax_log_loss(scores / best, labels) <= min(losses) + 1e-12
