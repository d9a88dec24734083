"""Steady growth is found, and nothing else is."""

import numpy as np
import pytest

from catdog.tracking.memory_leak import steady_growth

COUNT = 100
TIMES = np.arange(COUNT) * 3.0
NOISE = np.random.default_rng(0).normal(size=COUNT)


@pytest.mark.parametrize("noise", [0.0, 5.0])
@pytest.mark.parametrize("count", [30, 100, 1000])
def test_a_leak_is_found(noise: float, count: int) -> None:
    times = np.arange(count) * 3.0
    rows = 1000 + 2 * times + noise * np.random.default_rng(1).normal(size=count)
    # some looks in the middle of an odd moment
    rows[:: count // 4] += 300
    growth = steady_growth(list(times), list(rows))
    assert growth
    assert growth.pace == pytest.approx(2, rel=0.1)
    assert growth.after - growth.before == pytest.approx(2 * times[-1], rel=0.25)


@pytest.mark.parametrize(
    "values",
    [
        1000 + NOISE,
        1000 + 0 * NOISE,
        # what a warm-up does
        1000 * (1 - np.exp(-TIMES / 30)) + NOISE,
        1000 * (1 - np.exp(-TIMES / 100)),
        # one step, two steps
        np.where(TIMES < 150, 1000, 2000) + NOISE,
        np.where(TIMES < 100, 0, np.where(TIMES < 200, 1000, 2000)) + NOISE,
        # next to nothing, and the first test of a net at the end
        534 + TIMES / 3600 + np.where(TIMES < 276, 0, 120),
        # a saw: gathered and given back
        500 + 10 * (TIMES % 60),
        2000 - 2 * TIMES,
        1000 + 300 * np.sin(TIMES / 20),
    ],
    ids=[
        "noise",
        "flat",
        "warm-up",
        "slow warm-up",
        "step",
        "steps",
        "late",
        "saw",
        "fall",
        "wave",
    ],
)
def test_what_is_no_leak_is_none(values: np.ndarray) -> None:
    assert steady_growth(list(TIMES), list(values)) is None


def test_a_few_looks_are_not_enough() -> None:
    assert steady_growth([1, 2, 3], [1, 2, 3]) is None
