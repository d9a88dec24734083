"""When test and training loss go apart, and that it is said once."""

from pathlib import Path

import pytest

from catdog.solver.events import NetTested, Output, Warned
from catdog.solver.overfitting import OverfittingDetector
from tests.runs import NET, Run


def told(tests: list[float], trained: list[float], net: int = 0) -> list[tuple[int, str]]:
    """What is said after which test; each training loss is that of four iterations before it."""
    watch, said = OverfittingDetector(), []
    for at, (test, train) in enumerate(zip(tests, trained, strict=True)):
        for part in (-0.3, 0.3, -0.1, 0.1):
            watch.train(train + part)
        outputs = (Output("accuracy", at), Output("a", test), Output("b", test, 2.0))
        if what := watch.test(NetTested(at, net, outputs)):
            said.append((at, what))
    return said


def test_three_rises_while_the_training_falls_are_told_once() -> None:
    tests = [3, 2, 2.1, 2.2, 2.3, 2.4, 2.5, 2.6]
    ((at, text),) = told(tests, [8, 7, 6, 5, 4, 3, 2, 1])
    assert at == 4
    assert text.startswith(
        "iteration 4: the test loss has risen in 3 tests in a row (4, 4.2, 4.4, 4.6) while the "
        "training loss fell from 7 to 4: overfitting"
    )


@pytest.mark.parametrize(
    ("tests", "trained"),
    [
        # a pause, a training loss that rises, a rise too small to mean anything
        ([2, 2.1, 2.2, 2.2, 2.3, 2.4], [8, 7, 6, 5, 4, 3]),
        ([2, 2.1, 2.2, 2.3, 2.4, 2.5], [8, 7, 6, 6.5, 4, 3]),
        ([2, 2.01, 2.02, 2.03], [8, 7, 6, 5]),
        ([2, 1.9, 1.8, 1.7, 1.6], [8, 7, 6, 5, 4]),
    ],
)
def test_other_courses_are_not(tests: list[float], trained: list[float]) -> None:
    assert told(tests, trained) == []


def test_other_test_nets_do_not_count() -> None:
    assert told([2, 3, 4, 5, 6], [8, 7, 6, 5, 4], net=1) == []


def test_a_training_says_so_and_a_resumed_one_knows(tmp_path: Path) -> None:
    fields = {
        "tests": [None],
        "test_interval": 5,
        "base_lr": 0.5,
        "text": NET.replace('"Dropout"', '"Power"'),
        "snapshot_prefix": str(tmp_path / "snap"),
    }

    def spoilt(max_iter: int, resume: int = 0) -> list[str]:
        run = Run(max_iter=max_iter, snapshot_after_train=True, **fields)
        # labels of the tests that are wrong: the better the net, the worse they come out
        labels = run.solver.tests[0].feed.arrays["label"]
        labels.copy_((labels + 1) % 3)
        if resume:
            run.solver.restore(tmp_path / f"snap_iter_{resume}.solverstate")
        run.solver.solve()
        return [warning.what for warning in run.said(Warned)]

    whole = spoilt(40)
    assert len(whole) == 1 and "overfitting" in whole[0]
    at = int(whole[0].split(":")[0].split()[1])
    assert spoilt(at - 2) == []
    assert spoilt(40, resume=at - 2) == whole
    assert spoilt(at + 2) == whole
    assert spoilt(40, resume=at + 2) == []
