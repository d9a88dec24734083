"""A sweep of tiny trainings: its trials are runs, it ends bad ones, and it goes on."""

import multiprocessing
import os
import signal
import sys
from dataclasses import replace

import pytest

from catdog.errors import CatdogError
from catdog.tracking.run_file import named, read_run
from catdog.training.options import Options
from catdog.training.sweep import Plan, command_of_best, draw, parse_axis, sweep, table, write_csv
from tests.process_jobs import with_torch
from tests.tiny_solver import write_solver

pytest.importorskip("optuna")
RATE, WIDTH = "base_lr=1e-3..1:log", "net.fc.inner_product_param.num_output=2..8"


@pytest.fixture
def plan(tmp_path):
    axes = [parse_axis(text) for text in (RATE, WIDTH)]
    return Plan(write_solver(tmp_path), axes, folder=tmp_path / "sweep", trials=4)


def axes(*texts):
    return [parse_axis(text) for text in texts]


def run(plan, **options):
    told = []
    return sweep(plan, told.append, **options), told


def record(found, number):
    folder = found.plan.folder / f"trial_{number:03d}"
    return read_run(folder / "tiny_run.yaml")


def test_each_trial_is_a_run_of_its_own(plan):
    found, told = run(plan)
    assert [trial.state for trial in found.trials] == ["done"] * 4
    assert len(told) == 4
    for trial in found.trials:
        run_of = record(found, trial.number)
        assert trial.value == run_of["best"]["accuracy"]["value"]
        assert trial.iteration == run_of["best"]["accuracy"]["iteration"]
        width = trial.values["net.fc.inner_product_param.num_output"]
        assert f"num_output: {width}\n" in run_of["train_net"]
        assert f"base_lr: {float(trial.values['base_lr']):.9g}"[:14] in run_of["solver"]
    best = found.best
    assert best is not None
    assert best.value == max(trial.value for trial in found.trials)
    assert not found.waiting
    assert f"base_lr={best.values['base_lr']}" in command_of_best(found, best)


def test_more_trials_go_on_where_a_single_call_would_have_come(plan, tmp_path):
    whole, _ = run(plan)
    half = replace(plan, folder=tmp_path / "half", trials=2)
    run(half)
    rest, told = run(replace(half, trials=4))
    assert len(told) == 2
    assert [trial.values for trial in rest.trials] == [trial.values for trial in whole.trials]
    assert [trial.value for trial in rest.trials] == [trial.value for trial in whole.trials]


def test_a_trial_that_diverges_is_one_of_many(plan):
    options = Options(overrides=["max_iter=40", "test_interval=40"])
    found, told = run(
        replace(plan, axes=axes("base_lr=0.01,1e30"), sampler="grid", options=options)
    )
    # a grid has no more trials than values
    assert sorted(trial.state for trial in found.trials) == ["done", "failed"]
    assert found.best is not None
    assert found.best.values == {"base_lr": "0.01"}
    assert any("failed: " in line for line in told)
    failed = next(trial for trial in found.trials if trial.state == "failed")
    assert record(found, failed.number)["status"] == "failed"


def test_a_sweep_in_which_all_fail_is_a_mistake(plan):
    bad = replace(plan, options=Options(overrides=["train_net.data.data_param.source=nowhere"]))
    with pytest.raises(CatdogError, match=r"all 3 trials failed: .*no such LMDB"):
        run(replace(bad, trials=9))


def test_bad_trials_are_ended_early(plan):
    # with a rate of 1e-30 nothing is learned
    options = Options(overrides=["max_iter=60", "test_interval=20", "momentum=0.9"])
    rates = axes("base_lr=0.1,0.11,0.12,1e-30")
    plan = replace(plan, axes=rates, sampler="random", trials=14, options=options)
    found, _ = run(plan)
    early = [trial for trial in found.trials if trial.state == "ended early"]
    assert early
    assert {trial.values["base_lr"] for trial in early} == {"1e-30"}
    ended = record(found, early[0].number)
    assert (ended["status"], ended["reason"].split(":")[0]) == ("stopped", "ended early")
    assert ended["iteration"] < 60


def test_losses_are_minimised(plan):
    found, _ = run(replace(plan, metric="loss", trials=3, pruner="none"))
    assert found.best is not None
    assert found.best.value == min(trial.value for trial in found.trials)


def test_stages_and_folds(plan):
    found, _ = run(
        replace(plan, axes=axes("stages=,drop"), sampler="grid", folds=2, pruner="hyperband")
    )
    assert len(found.trials) == 2
    for trial in found.trials:
        runs = [
            read_run(found.plan.folder / f"trial_{trial.number:03d}/tiny_fold{k}/tiny_run.yaml")
            for k in (1, 2)
        ]
        assert all(
            ('type: "Dropout"' in one["train_net"]) == (trial.values["stages"] == "drop")
            for one in runs
        )
        values = [one["best"]["accuracy"]["value"] for one in runs]
        assert trial.value == pytest.approx(sum(values) / 2)


def test_an_interrupted_trial_goes_on_from_its_snapshot(plan, monkeypatch):
    plan = replace(plan, trials=1, options=Options(overrides=["max_iter=6"]))
    whole, _ = run(replace(plan, folder=plan.folder / "whole"))
    with monkeypatch.context() as patch:
        patch.setattr("catdog.training.sweep.trial.named", interrupting)
        first, told = run(plan)
    assert told == ["trial 0 waits: it goes on when the command is repeated"]
    assert [trial.state for trial in first.trials] == ["waits"]
    assert first.waiting == 1
    rest, _ = run(plan)
    assert [trial.state for trial in rest.trials] == ["done"]
    began = [session.get("from") for session in record(rest, 0)["sessions"]]
    assert began[0] is None and began[1] > 0
    assert rest.trials[0].value == whole.trials[0].value


def interrupting(outputs, net):
    """What a person does while a trial tests."""
    os.kill(os.getpid(), signal.SIGINT)
    return named(outputs, net)


def test_the_same_folder_takes_the_same_sweep_only(plan):
    run(replace(plan, trials=1))
    with pytest.raises(CatdogError, match=r"tried something else \(base_lr\).*--out"):
        run(replace(plan, axes=axes("base_lr=1e-3..1", WIDTH)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"metric": "acuracy"}, 'no test output "acuracy".*did you mean "accuracy"'),
        ({"axes": axes("base_lrr=1..2")}, 'unknown field "base_lrr"'),
        ({"axes": axes("net.fcc.x=1..2")}, '"net.fcc" names no layer'),
        ({"axes": axes("average_loss=0..2")}, "average_loss must be 1 or more"),
        ({"axes": axes(RATE), "sampler": "grid"}, "--sampler grid: takes fields with values"),
        ({"axes": axes(RATE, RATE)}, "base_lr: is there twice"),
        ({"options": Options(overrides=["test_interval=0"])}, "tests nothing"),
    ],
)
def test_a_plan_that_cannot_work_is_told_before_the_first_trial(plan, change, words):
    with pytest.raises(CatdogError, match=words):
        run(replace(plan, **change))
    assert not plan.folder.exists()


def test_two_processes_share_a_study(plan, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    # takes its arguments as spawn does, and has torch loaded already
    context = with_torch()
    monkeypatch.setattr(multiprocessing, "get_context", lambda _: context)
    found = sweep(replace(plan, trials=2), print, workers=2)
    assert [trial.state for trial in found.trials] == ["done"] * 2
    processes = {record(found, trial.number)["process"] for trial in found.trials}
    assert os.getpid() not in processes


def test_table_csv_and_picture(plan, tmp_path):
    found, _ = run(replace(plan, axes=axes(RATE, WIDTH, "momentum=0.5,0.9", "stages=,drop")))
    lines = table(found).splitlines()
    assert len(lines) == 5
    assert lines[0].split()[:2] == ["trial", "accuracy"]
    assert lines[1].split()[0] == str(found.best.number)
    write_csv(found, tmp_path / "sweep.csv")
    assert len((tmp_path / "sweep.csv").read_text().splitlines()) == 5
    draw(found, tmp_path / "sweep.png")
    assert (tmp_path / "sweep.png").read_bytes()[:4] == b"\x89PNG"


def test_without_optuna(plan, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(CatdogError, match="needs Optuna, which is not installed; pip install"):
        run(plan)
