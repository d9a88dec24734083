"""The best weights, an early end and a rate that drops, and that a resumed run knows of them."""

from pathlib import Path

import pytest
import torch

from catdog.errors import SpecError
from catdog.proto.caffe_pb2 import TEST, RunState, SolverParameter
from catdog.solver.action import Action
from catdog.solver.early_stopping import Ending, faults
from catdog.solver.events import Best, Display, Done, NetTested, Noted, Output, Snapshotted, Warned
from catdog.solver.lr_policy import learning_rate
from catdog.solver.solverstate import best_of_run, load_net, read_state
from catdog.solver.test_pass import TestNet
from tests.runs import NET, Run, rows, small
from tests.solver.test_ema import same, weights
from tests.test_resume import FORMS, shown

#: A rate at which the losses go up and down.
WILD = {"base_lr": 0.7, "momentum": 0.9, "tests": [None], "test_interval": 1}


def rates(run: Run) -> list[float]:
    return [event.lr for event in run.said(Display)]


def scores(run: Run, name: str) -> list[tuple[int, float]]:
    """The values of a test output by iteration."""
    return [
        (event.iteration, output.value)
        for event in run.said(NetTested)
        for output in event.outputs
        if output.name == name
    ]


def notes(run: Run) -> list[str]:
    return [event.what for event in run.said(Noted)]


@pytest.mark.parametrize(("name", "best"), [("accuracy", max), ("loss", min)])
def test_the_best_weights_are_kept(name: str, best: object, tmp_path: Path) -> None:
    prefix = str(tmp_path / "snap")
    run = Run(snapshot_best=name, snapshot_prefix=prefix, max_iter=12, **WILD)
    kept: dict[int, list[torch.Tensor]] = {}
    emit = run.solver._emit
    run.solver._emit = lambda event: (
        kept.update({event.iteration: weights(run.solver.net)})
        if isinstance(event, NetTested)
        else None,
        emit(event),
    )
    run.solver.solve()
    values = dict(scores(run, name))
    want = best(values.values())
    first = min(at for at, value in values.items() if value == want)
    assert 0 < first < 12, "the case shows nothing"
    last = run.said(Best)[-1]
    assert (last.iteration, last.name, last.value) == (first, name, want)
    assert last.model == f"{prefix}_best.caffemodel"
    load_net(run.solver.net, Path(last.model))
    assert same(weights(run.solver.net), kept[first])
    assert notes(run) == [f"Best {name}: {want:g} at iteration {first}"]


@pytest.mark.parametrize("asks", [{}, {9: Action.STOP}])
def test_the_start_is_no_result_and_the_last_weights_are(
    asks: dict[int, Action], tmp_path: Path
) -> None:
    """A run that is over, or is stopped, before its second test."""
    prefix = str(tmp_path / "snap")
    run = Run(
        tests=[None],
        test_interval=100,
        snapshot_best="loss",
        snapshot_prefix=prefix,
        max_iter=12,
        snapshot_after_train=True,
        asks=asks,
    )
    run.solver.solve()
    at = run.solver.iteration
    assert 0 < at < 12 if asks else at == 12
    assert [iteration for iteration, _ in scores(run, "loss")] == [0, at]
    (best,) = run.said(Best)
    assert best.iteration == at
    last, kept = (tmp_path / f"snap_{name}.caffemodel" for name in (f"iter_{at}", "best"))
    assert last.read_bytes() == kept.read_bytes()
    assert best_of_run(last) == kept
    assert read_state(tmp_path / f"snap_iter_{at}.solverstate").run.best.iteration == at
    # what went on from there knows of it
    again = Run(tests=[None], test_interval=100, snapshot_best="loss", snapshot_prefix=prefix)
    again.solver.restore(tmp_path / f"snap_iter_{at}.solverstate")
    assert again.solver._ending.best is not None
    assert again.solver._ending.best[1].best == scores(run, "loss")[-1][1]


def test_early_stopping_ends_the_run(tmp_path: Path) -> None:
    fields = {"early_stop_patience": 3, "watched_score": "loss", "max_iter": 50, **WILD}
    run = Run(snapshot_after_train=True, snapshot_prefix=str(tmp_path / "snap"), **fields)
    run.solver.solve()
    values = [value for _, value in scores(run, "loss")]
    at = values.index(min(values))
    assert len(values) == at + 4 and run.solver.iteration == at + 3 < 50
    assert notes(run) == [
        f"Stopping early: 3 tests in a row no better than the best loss, {min(values):g} "
        f"at iteration {at}"
    ]
    assert isinstance(run.events[-1], Done)
    # the snapshot knows: it ends again at once, and goes on with more patience
    state = Path(run.said(Snapshotted)[-1].state)
    again = Run(snapshot_prefix=str(tmp_path / "snap"), **fields)
    again.solver.restore(state)
    again.solver.solve()
    assert again.solver.iteration == run.solver.iteration and notes(again) == notes(run)
    patient = Run(snapshot_prefix=str(tmp_path / "snap"), **{**fields, "early_stop_patience": 5})
    patient.solver.restore(state)
    patient.solver.solve()
    assert patient.solver.iteration >= run.solver.iteration + 2


def test_the_rate_drops_when_the_tests_do_not_get_better() -> None:
    fields = {"lr_policy": "plateau", "gamma": 0.1, "plateau_patience": 2, "display": 1}
    run = Run(max_iter=20, min_lr=0.01, watched_score="loss", **fields, **WILD)
    run.solver.solve()
    want, rate, best, waited = [], 0.7, float("inf"), 0
    for _, value in scores(run, "loss")[:-1]:
        best, waited = (value, 0) if value < best else (best, waited + 1)
        if waited >= 2:
            rate, waited = max(rate * 0.1, 0.01), 0
        want.append(rate)
    assert rates(run) == pytest.approx(want)
    assert want[-1] == 0.01, "the case shows nothing"
    said = [text for text in notes(run) if "the rate drops to" in text]
    assert [text.rpartition(" ")[2] for text in said] == ["0.07", "0.01"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("stop", [5, 6, 12, 13])
def test_a_resumed_run_ends_as_the_uninterrupted_one(
    form: SolverParameter.SnapshotFormat, stop: int, tmp_path: Path
) -> None:
    def run(name: str, **more: object) -> Run:
        return Run(
            **{
                **WILD,
                "tests": [2, None],
                "test_interval": 2,
                "max_iter": 20,
                "display": 1,
                "lr_policy": "plateau",
                "gamma": 0.5,
                "plateau_patience": 1,
                "snapshot_best": "accuracy",
                "watched_score": "loss",
                "early_stop_patience": 4,
                "ema_decay": 0.6,
                "snapshot_format": form,
                "snapshot_prefix": str(tmp_path / name / "snap"),
                **more,
            }
        )

    whole = run("whole")
    whole.solver.solve()
    first = run("parts", asks={2 * stop: Action.STOP}, snapshot_after_train=True)
    # a run's name is the one thing that differs
    first.solver._snapshots.run = whole.solver.run
    first.solver.solve()
    (snapshot,) = first.said(Snapshotted)
    second = run("parts", seed=99)
    second.solver.restore(Path(snapshot.state))
    second.solver.solve()
    begun = next(i for i, row in enumerate(shown(whole)) if row[1] >= snapshot.iteration)
    assert shown(second) == shown(whole)[begun:]
    assert second.solver.iteration == whole.solver.iteration
    assert notes(second)[-2:] == notes(whole)[-2:]
    assert same(weights(second.solver.net), weights(whole.solver.net))
    for one, other in ((first, whole), (second, whole)):
        with one.solver._average.applied(), other.solver._average.applied():
            equal = same(weights(one.solver.net), weights(other.solver.net))
        assert equal is (one is second)
    best = ["snap_best.caffemodel" + ".h5" * (form == SolverParameter.HDF5)] * 2
    files = [(tmp_path / n / b).read_bytes() for n, b in zip(("whole", "parts"), best, strict=True)]
    if form == SolverParameter.BINARYPROTO:
        assert files[0] == files[1]


def test_tests_and_the_best_have_the_averaged_weights(tmp_path: Path) -> None:
    fields = {**WILD, "max_iter": 4, "ema_decay": 0.5, "snapshot_best": "loss"}
    run = Run(snapshot_after_train=True, snapshot_prefix=str(tmp_path / "snap"), **fields)
    run.solver.solve()
    net = run.solver.net
    own = weights(net)

    def loaded(name: str) -> list[torch.Tensor]:
        load_net(net, tmp_path / name)
        return weights(net)

    assert same(own, loaded("snap_iter_4.caffemodel"))
    average = loaded("snap_iter_4_ema.caffemodel")
    # what the last test saw
    tested = run.said(NetTested)[-1]
    plain = Run(**{**WILD, "max_iter": 0})
    load_net(plain.solver.net, tmp_path / "snap_iter_4_ema.caffemodel")
    plain.solver.test(0)
    assert plain.said(NetTested)[0].outputs == tested.outputs
    assert not same(own, average)
    assert read_state(tmp_path / "snap_iter_4.solverstate").run.averaged == 4


def test_an_average_begins_where_a_snapshot_has_none(tmp_path: Path) -> None:
    fields = {**WILD, "snapshot_prefix": str(tmp_path / "snap")}
    first = Run(max_iter=3, snapshot_after_train=True, **fields)
    first.solver.solve()
    second = Run(max_iter=3, ema_decay=0.9, **fields)
    second.solver.restore(tmp_path / "snap_iter_3.solverstate")
    with second.solver._average.applied():
        assert same(weights(first.solver.net), weights(second.solver.net))


def test_max_iter_can_be_raised(tmp_path: Path) -> None:
    fields = {"lr_policy": "cosine", "display": 1, "snapshot_prefix": str(tmp_path / "snap")}
    Run(max_iter=4, snapshot_after_train=True, **fields).solver.solve()
    state = tmp_path / "snap_iter_4.solverstate"
    done = Run(max_iter=4, **fields)
    done.solver.restore(state)
    done.solver.solve()
    assert notes(done) == [
        "The snapshot is at iteration 4 and max_iter is 4: nothing is left to train; "
        "--set max_iter=N goes on"
    ]
    more = Run(max_iter=8, **fields)
    more.solver.restore(state)
    more.solver.solve()
    assert more.solver.iteration == 8
    assert [warning.what for warning in more.said(Warned)] == [
        'lr_policy "cosine" looks at max_iter, which was 4 and is 8: the rate goes on at 0.05, '
        "not at 0"
    ]
    fixed = Run(max_iter=8, **{**fields, "lr_policy": "fixed"})
    fixed.solver.restore(state)
    fixed.solver.solve()
    assert not fixed.said(Warned) and not notes(fixed)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"early_stop_patience": 2}, "early_stop_patience needs tests"),
        ({"watched_score": "loss"}, "watched_score needs tests"),
        (
            {"lr_policy": "plateau", "gamma": 0.1, "plateau_patience": 2},
            "lr_policy needs tests",
        ),
        ({"early_stop_min_delta": 0.1}, "early_stop_min_delta needs early_stop_patience"),
    ],
)
def test_what_needs_tests_is_refused_without(fields: dict[str, object], words: str) -> None:
    for more in ({}, {"tests": [None]}, {"test_interval": 1}):
        with pytest.raises(SpecError, match=words):
            Run(**fields, **more)


def test_a_best_that_no_test_can_find_is_a_warning() -> None:
    run = Run(snapshot_best="accuracy", max_iter=0)
    run.solver.solve()
    assert [w.what for w in run.said(Warned)] == ['snapshot_best "accuracy": there are no tests']


def test_the_rate_of_a_plateau_does_not_rise_to_its_floor() -> None:
    param = SolverParameter(base_lr=0.1, lr_policy="plateau", gamma=0.5, min_lr=0.3)
    assert learning_rate(param, 0) == learning_rate(param, 0, drops=1) == pytest.approx(0.1)


@pytest.mark.parametrize("state", [RunState(), RunState(max_iter=8)])
def test_a_max_iter_that_is_not_known_or_the_same_is_not_told(state: RunState) -> None:
    run = Run(lr_policy="cosine", max_iter=8)
    run.solver._ending.load(state, 3)
    run.solver._ending.begin()
    assert not run.events


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"early_stop_patience": 2}, "early_stop_patience"),
        ({"lr_policy": "plateau"}, "lr_policy"),
        ({"lr_policy": "plateau", "early_stop_patience": 2}, "early_stop_patience"),
    ],
)
def test_the_field_that_needs_a_score_is_named(fields: dict[str, object], field: str) -> None:
    no_score = "\n".join(line for line in NET.splitlines() if '"label" top' not in line)
    tests = [TestNet(small(TEST, text=no_score), rows(), None)]
    with pytest.raises(SpecError, match="needs a test net with an accuracy or a loss") as error:
        Ending(SolverParameter(test_interval=1, **fields), tests, print)
    assert error.value.faults[0].field == field
    with pytest.raises(
        SpecError, match=f"{field} needs tests.*; give test_interval and a"
    ) as error:
        Ending(SolverParameter(**fields), (), print)
    assert error.value.faults[0].field == field


@pytest.mark.parametrize("field", ["watched_score", "snapshot_best"])
def test_a_score_that_is_none_is_the_fault_of_the_field_that_names_it(field: str) -> None:
    more = {"snapshot_best": "loss"} if field == "watched_score" else {}
    with pytest.raises(SpecError) as error:
        Run(tests=[None], test_interval=1, early_stop_patience=2, **{**more, field: "los"})
    assert error.value.faults[0].field == field


@pytest.mark.parametrize("score", ["accuracy", "loss"])
def test_less_than_min_delta_is_no_better(score: str) -> None:
    """Every test is better, by 0.125; 0.2 are asked for, so every other one counts."""
    run = Run(
        tests=[None],
        test_interval=1,
        watched_score=score,
        early_stop_patience=2,
        early_stop_min_delta=0.2,
    )
    ending, step = run.solver._ending, 0.125 if score == "accuracy" else -0.125
    for iteration in range(1, 9):
        ending.take(NetTested(iteration, 0, (Output(score, 10 + step * iteration),)))
        assert not ending.over
    ending.take(NetTested(9, 0, (Output(score, 10 + step * 8),)))
    assert "2 tests in a row no better by 0.2 than" in ending.over


@pytest.mark.parametrize("score", ["accuracy", "loss"])
def test_a_plateau_has_a_min_delta_of_its_own(score: str) -> None:
    fields = {"lr_policy": "plateau", "gamma": 0.5, "plateau_patience": 2, "watched_score": score}
    step = 0.17 if score == "accuracy" else -0.17
    for delta, drops in ((0.0, 0), (0.3, 0), (0.4, 2)):
        run = Run(tests=[None], test_interval=1, plateau_min_delta=delta, **fields)
        for iteration in range(1, 9):
            value = Output(score, 10 + step * iteration)
            run.solver._ending.take(NetTested(iteration, 0, (value,)))
        assert run.solver._ending.drops == drops


def test_which_score_is_looked_at() -> None:
    fields = {"tests": [None], "test_interval": 1, "early_stop_patience": 2}
    for named, score in (
        ({}, "accuracy"),
        ({"snapshot_best": "loss"}, "loss"),
        ({"snapshot_best": "accuracy", "watched_score": "loss"}, "loss"),
    ):
        run = Run(**fields, **named)
        for iteration in range(1, 4):
            outputs = (Output("accuracy", 0.5), Output("loss", 0.5))
            run.solver._ending.take(NetTested(iteration, 0, outputs))
        assert f"than the best {score}, 0.5 at iteration 1" in run.solver._ending.over
    with pytest.raises(SpecError) as error:
        Run(**fields, watched_score="loss", snapshot_best="los")
    assert error.value.faults[0].field == "snapshot_best"


def test_one_test_is_no_row_of_tests() -> None:
    run = Run(tests=[None], test_interval=1, early_stop_patience=1, watched_score="loss")
    for iteration in range(3):
        assert not run.solver._ending.over
        run.solver._ending.take(NetTested(iteration, 0, (Output("loss", 0.5),)))
    said = "Stopping early: 1 test no better than the best loss, 0.5 at iteration 1"
    assert run.solver._ending.over == said


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"early_stop_patience": 1, "early_stop_min_delta": -0.1}, "must be 0 or more"),
        ({"plateau_min_delta": -0.1}, "must be 0 or more"),
        ({"min_lr": -0.1}, "must be 0 or more"),
        ({"ema_decay": -0.1}, "must be at least 0 and below 1"),
        ({"ema_decay": 1.0}, "must be at least 0 and below 1"),
        ({"unfreeze": [{"iteration": 1}]}, "needs layers and an iteration above 0; such as"),
        ({"unfreeze": [{"layers": ["a"], "iteration": 0}]}, "needs layers and an iteration"),
        (
            {"cache_features": True, "unfreeze": [{"layers": ["a"], "iteration": 1}]},
            "does not go with cache_features; leave one of them out",
        ),
        ({"early_stop_min_delta": 0.1}, "needs early_stop_patience; say how many tests to wait"),
    ],
)
def test_numbers_that_cannot_work_are_refused(fields: dict[str, object], words: str) -> None:
    """The field that is at fault is the last one."""
    (fault,) = faults(SolverParameter(**fields))
    assert fault.field == list(fields)[-1]
    assert f"{fault.field} {words}" in str(fault)


def test_limits_are_taken() -> None:
    zeros = dict.fromkeys(("early_stop_min_delta", "plateau_min_delta", "min_lr", "ema_decay"), 0.0)
    unfreeze = [{"layers": ["a"], "iteration": 1}]
    assert not list(faults(SolverParameter(unfreeze=unfreeze, **zeros)))
    assert not list(faults(SolverParameter(cache_features=True)))
    assert not list(faults(SolverParameter(early_stop_patience=1, early_stop_min_delta=0.1)))


def test_what_a_run_is_told_when_it_begins() -> None:
    said: list[object] = []
    param = SolverParameter(snapshot_best="accuracy", max_iter=9, ema_decay=0.5, test_interval=1)
    ending = Ending(param, [TestNet(small(TEST), rows())], said.append)
    assert ending.best is None
    ending.load(RunState(), 9)
    ending.begin()
    average, resumed = said
    assert average == Noted("Tests look at a moving average of the weights: ema_decay 0.5")
    assert isinstance(resumed, Noted)
    assert resumed.what.startswith("The snapshot is at iteration 9")
    ending.begin()
    # what concerns the snapshot is told once
    assert said[2:] == [average]
