"""A sweep of tiny trainings: its trials are runs, it ends bad ones, and it goes on."""

import multiprocessing
import os
import shlex
import signal
import sys
from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from catdog.errors import CatdogError
from catdog.tracking.run_file import named, read_run
from catdog.training.options import Options
from catdog.training.sweep import (
    Plan,
    command_of_best,
    draw,
    parse_axis,
    places,
    sweep,
    table,
    write_csv,
)
from catdog.training.sweep.plan import planned
from catdog.training.sweep.study import open_study
from catdog.training.sweep.sweep import Sweep, Trial
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
    """The sweep, and what it told after its first line."""
    told = []
    return sweep(plan, told.append, **options), told[1:]


def beginning(plan):
    told = []
    sweep(plan, told.append)
    return told[0]


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


def test_the_first_line_tells_what_is_to_run(plan):
    plan = replace(plan, axes=axes(TWO), options=Options(overrides=["max_iter=2"]))
    rest = f"judged by its best accuracy, a folder for each in {plan.folder}"
    assert beginning(replace(plan, trials=1)) == f"1 trial to run, {rest}"
    assert beginning(plan) == f"1 trial to run, beside 1 from before, {rest}"
    assert beginning(plan) == "all 2 trials ran before"


def test_more_trials_go_on_where_a_single_call_would_have_come(plan, tmp_path):
    whole, _ = run(plan)
    half = replace(plan, folder=tmp_path / "half", trials=2)
    run(half)
    rest, told = run(replace(half, trials=4))
    assert len(told) == 2
    assert [trial.values for trial in rest.trials] == [trial.values for trial in whole.trials]
    assert [trial.value for trial in rest.trials] == [trial.value for trial in whole.trials]


def values_of(found):
    return sorted(tuple(trial.values.values()) for trial in found.trials)


TWO, THREE = "momentum=0.5,0.9", "net.fc.inner_product_param.num_output=2..4"
SIX = [(m, n) for m in ("0.5", "0.9") for n in "234"]


@pytest.mark.parametrize("sampler", ["tpe", "random", "grid"])
def test_a_finite_sweep_tries_every_point_once(plan, sampler):
    options = Options(overrides=["max_iter=2"])
    plan = replace(plan, axes=axes(TWO, THREE), sampler=sampler, options=options)
    first, told = run(plan)
    assert len(told) == len(set(values_of(first))) == 4
    assert not first.exhausted
    # the next call goes on with the points that are left
    rest, told = run(replace(plan, trials=20))
    assert (len(told), values_of(rest)) == (2, SIX)
    assert rest.exhausted and not rest.waiting
    again, told = run(replace(plan, trials=20))
    assert not told
    assert again.trials == rest.trials


def test_points_that_an_older_sweep_tried_twice_do_not_count(plan):
    options = Options(overrides=["max_iter=2"])
    plan = replace(plan, axes=axes(TWO), options=options, trials=2)
    run(replace(plan, trials=1))
    study = open_study(planned(plan))
    study.add_trial(study.get_trials()[0])
    found, told = run(plan)
    assert (len(told), found.exhausted) == (0, False)
    found, told = run(replace(plan, trials=9))
    assert (len(told), found.exhausted) == (1, True)


def test_a_point_that_failed_was_tried(plan):
    options = Options(overrides=["max_iter=40", "test_interval=40"])
    plan = replace(plan, axes=axes("base_lr=1e30,0.01,0.02"), options=options, trials=9)
    found, told = run(plan)
    assert values_of(found) == [("0.01",), ("0.02",), ("1e30",)]
    assert sum("failed: " in line for line in told) == 1
    assert not run(plan)[1]


def test_where_a_field_has_no_end_the_others_may_come_again(plan):
    options = Options(overrides=["max_iter=2"])
    found, _ = run(replace(plan, axes=axes(RATE, TWO), options=options, trials=5))
    assert len({trial.values["base_lr"] for trial in found.trials}) == 5
    assert not found.exhausted


def test_the_command_of_the_best_has_a_place_of_its_own_and_all_that_was_asked(plan):
    options = Options(
        overrides=["base_lr=7", "max_iter=3", "snapshot_prefix=elsewhere/tiny", "max_iter=2"],
        stages=["drop"],
        weights=["w.h5"],
        device=torch.device("cpu"),
    )
    found = Sweep(
        replace(planned(replace(plan, options=replace(options, weights=[]))), options=options), ()
    )
    best = Trial(0, "done", {"base_lr": "0.1", WIDTH.partition("=")[0]: "3"}, 1, 2, 1, "", "")
    words = shlex.split(command_of_best(found, best))
    assert words[:4] == ["python", "tools/train.py", "--solver", str(plan.solver)]
    fields = [after for word, after in pairwise(words) if word == "--set"]
    assert fields == [
        "base_lr=0.1",
        "max_iter=2",
        f"snapshot_prefix={plan.folder}/best/tiny",
        "net.fc.inner_product_param.num_output=3",
    ]
    flags = dict(pairwise(words))
    assert (flags["--stage"], flags["--weights"], flags["--device"]) == ("drop", "w.h5", "cpu")


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
    rates = axes("base_lr=0.1,0.11,0.12,0.13,1e-30,1e-31,1e-32")
    plan = replace(plan, axes=rates, sampler="random", trials=7, options=options)
    found, _ = run(plan)
    early = [trial for trial in found.trials if trial.state == "ended early"]
    assert early
    assert {trial.values["base_lr"] for trial in early} <= {"1e-30", "1e-31", "1e-32"}
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
    found = sweep(replace(plan, axes=axes(TWO), trials=9), print, workers=2)
    assert [trial.state for trial in found.trials] == ["done"] * 2
    assert values_of(found) == [("0.5",), ("0.9",)]
    processes = {record(found, trial.number)["process"] for trial in found.trials}
    assert os.getpid() not in processes


def test_table_csv_and_picture(plan, tmp_path):
    found, _ = run(replace(plan, axes=axes(RATE, WIDTH, "momentum=0.5,0.9", "stages=,drop")))
    lines = table(found).splitlines()
    assert len(lines) == 5
    assert lines[0].split()[:2] == ["trial", "state"]
    assert lines[1].split()[0] == str(found.best.number)
    write_csv(found, tmp_path / "sweep.csv")
    assert len((tmp_path / "sweep.csv").read_text().splitlines()) == 5
    draw(found, tmp_path / "sweep.png")
    # of files, those that are there
    best = found.plan.folder / f"trial_{found.best.number:03d}"
    study = f"Optuna's study  {found.plan.folder}/sweep.db"
    assert places(found).splitlines() == [study, f"best trial      {best}"]
    (best / "tiny_best.caffemodel").touch()
    (found.plan.folder / "sweep.csv").touch()
    assert places(found).splitlines() == [
        f"table           {found.plan.folder}/sweep.csv",
        study,
        f"best trial      {best}/tiny_best.caffemodel",
    ]
    assert (tmp_path / "sweep.png").read_bytes()[:4] == b"\x89PNG"


def test_without_optuna(plan, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(CatdogError, match="needs Optuna, which is not installed; pip install"):
        run(plan)
