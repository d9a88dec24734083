"""What lies ahead of a run."""

import pytest

from catdog.tracking.schedule import Schedule, schedule_of
from tests.runs import Run


def test_epochs_are_counted_in_examples() -> None:
    ahead = Schedule(0, 100, examples=30, epoch=100)
    assert [ahead.epochs(i) for i in (0, 5, 10)] == [0, 1.5, 3]
    assert [i for i in range(1, 11) if ahead.ends_epoch(i)] == [4, 7, 10]
    assert not ahead.ends_epoch(0)
    unknown = Schedule(0, 100, examples=30)
    assert unknown.epochs(5) is None
    assert not unknown.ends_epoch(4)


@pytest.mark.parametrize(
    ("first", "last", "count"), [(0, 100, 4), (25, 100, 3), (24, 99, 4), (99, 99, 1)]
)
def test_tests_ahead(first: int, last: int, count: int) -> None:
    """Every 25 iterations, and of the last weights."""
    assert Schedule(0, last, test_interval=25, tests=(8,)).tests_after(first) == count
    assert Schedule(0, last, test_interval=25).tests_after(first) == 0


def test_a_solver_has_a_plan() -> None:
    run = Run(tests=[3], test_interval=5, max_iter=20)
    run.solver.step(2)
    # its feed does not tell how many examples there are
    assert schedule_of(run.solver) == Schedule(2, 20, test_interval=5, tests=(3,))
