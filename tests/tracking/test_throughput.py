"""How fast a training goes, and how long it will take."""

import math

import pytest

from catdog.solver.events import Iterating, NetTested, NetTesting, NetTestInterrupted
from catdog.tracking.schedule import Schedule
from catdog.tracking.throughput import Pace
from tests.clock import Clock


def test_the_time_left_has_the_tests_in_it() -> None:
    clock = Clock(100.0)
    pace = Pace(Schedule(0, 100, examples=32, test_interval=20, tests=(10,)), clock)
    assert pace.rate is pace.left is pace.images is None
    for iteration in range(41):
        if iteration in (20, 40):
            pace(NetTesting(iteration, 0))
            clock.now += 7
            pace(NetTested(iteration, 0, ()))
        pace(Iterating(iteration, 0.1))
        # the first takes long and counts for nothing
        clock.now += 0.5 if iteration else 60
    assert pace.rate == pytest.approx(2)
    assert pace.images == pytest.approx(64)
    assert pace.testing == 14
    # 60 iterations, and the tests at 60, 80 and 100
    assert pace.left == pytest.approx(60 / 2 + 3 * 7)


def test_a_test_not_seen_yet_is_estimated() -> None:
    clock = Clock(100.0)
    pace = Pace(Schedule(0, 10, test_interval=10, tests=(6,)), clock)
    for iteration in range(4):
        pace(Iterating(iteration, 0.1))
        clock.now += 3
    assert pace.left == pytest.approx(7 * 3 + 6 * 1)


def test_a_change_of_pace_is_followed() -> None:
    clock = Clock(100.0)
    pace = Pace(Schedule(0, 10**6), clock)
    for iteration in range(1000):
        pace(Iterating(iteration, 0.1))
        clock.now += 0.1 if iteration < 500 else 1
    assert pace.rate == pytest.approx(1, rel=1e-3)
    pace(NetTesting(1000, 0))
    clock.now += 5
    assert pace.testing == 5
    pace(NetTestInterrupted(1000, 0))
    assert pace.testing == 5
    assert math.isfinite(pace.left or math.nan)
