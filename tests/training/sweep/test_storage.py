"""Sweeps that several machines share: no trial twice, and those of dead workers are taken over."""

import json
import multiprocessing
import os
import re
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from catdog.tools.sweep import main as sweep_tool

from catdog.cli.main import run_tool
from catdog.errors import CatdogError
from catdog.tracking.run_file import read_run
from catdog.training.options import Options
from catdog.training.sweep import Plan, parse_axis, places, sweep
from catdog.training.sweep.claim import Claim
from catdog.training.sweep.plan import planned
from catdog.training.sweep.study import open_study
from tests import postgresql
from tests.process_jobs import a_tool, with_torch
from tests.tiny_solver import write_solver

pytest.importorskip("optuna")
RATE = "base_lr=1e-3..1:log"


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.chdir(tmp_path)
    return Plan(
        write_solver(tmp_path),
        [parse_axis(RATE)],
        folder=Path("sweep"),
        trials=6,
        storage="journal:shared/study.log",
        options=Options(overrides=["max_iter=6", "snapshot=2"]),
    )


def processes(found) -> set[int]:
    """Those that ran the trials, one each."""
    runs = [read_run(Path(trial.folder, "tiny_run.yaml")) for trial in found.trials]
    assert all(len(run["sessions"]) == 1 for run in runs)
    return {run["process"] for run in runs}


def words(plan: Plan, trials: int = 6, *more: str) -> list[str]:
    given = ["--set", "max_iter=6", "--set", "snapshot=2", "--trials", str(trials)]
    return ["--solver", str(plan.solver), RATE, "--out", "sweep", *given, *more]


def test_two_machines_share_a_journal(plan):
    shared = words(plan, 6, "--storage", plan.storage)
    with a_tool(sweep_tool, shared) as (_, first), a_tool(sweep_tool, shared) as (_, second):
        told = [*first, *second]
    ended = sorted(line.split(":")[0] for line in told if re.match(r"trial \d+: accuracy", line))
    assert ended == [f"trial {number}" for number in range(6)]
    found = sweep(plan, told.append)
    assert told[-1] == "all 6 trials ran before"
    assert [trial.state for trial in found.trials] == ["done"] * 6
    assert len(processes(found)) == 2
    assert "Optuna's study  journal:shared/study.log" in places(found).splitlines()
    # the table of each command has all trials that there were
    assert len(Path("sweep/sweep.csv").read_text().splitlines()) == 7
    # one process alone would have chosen the first values alike
    alone = sweep(replace(plan, storage="", folder=Path("alone"), trials=1), told.append)
    assert alone.trials[0].values == found.trials[0].values


def test_the_trial_of_a_worker_that_is_killed_goes_on_elsewhere(plan):
    plan = replace(plan, trials=1)
    whole = sweep(replace(plan, storage="", folder=Path("whole")), print)
    slow = [*words(plan, 1, "--storage", plan.storage), "--set", "max_iter=1000000"]
    with a_tool(sweep_tool, slow) as (program, _):
        while not list(Path("sweep").glob("trial_000/*_iter_2.solverstate")):
            time.sleep(0.01)
        os.kill(program.pid, signal.SIGKILL)
    # before it counts as dead nobody takes it
    told: list[str] = []
    found = sweep(plan, told.append)
    assert (found.at_work, found.waiting, len(told)) == (1, 0, 1)
    found = sweep(replace(plan, lost_after=0.01), told.append)
    assert [trial.state for trial in found.trials] == ["done"]
    sessions = read_run(Path(found.trials[0].folder, "tiny_run.yaml"))["sessions"]
    assert len(sessions) == 2 and sessions[1]["from"] > 0
    assert whole.trials[0].values == found.trials[0].values


def test_a_worker_whose_trial_was_taken_over_leaves_it(plan):
    plan = planned(plan)
    study = open_study(plan)
    mine = Claim(study.ask(), lost_after=0.06)
    mine.take()
    with mine.held():
        time.sleep(0.1)
        assert not mine.lost
        other = Claim(mine.trial, lost_after=60)
        other.take()
        time.sleep(0.1)
        assert mine.lost
    with other.held():
        assert study.get_trials()[0].user_attrs["at work"][1] > time.time() - 60
    assert study.get_trials()[0].user_attrs["at work"] == ["", 0.0]


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    if not postgresql.programs():
        pytest.skip("there is no PostgreSQL")
    pytest.importorskip("psycopg")
    with postgresql.server() as address:
        yield address


def test_workers_share_a_database_whose_password_is_not_shown(plan, database, monkeypatch, capfd):
    storage = f"postgresql://catdog:{quote(postgresql.PASSWORD)}@{database}"
    context = with_torch()
    monkeypatch.setattr(multiprocessing, "get_context", lambda _: context)
    run_tool(sweep_tool, [*words(plan), "--workers", "2", "--storage", storage])
    shown, said = capfd.readouterr()
    assert f"postgresql://catdog:***@{database}" in shown
    found = sweep(replace(plan, storage=storage), print)
    assert [trial.state for trial in found.trials] == ["done"] * 6
    assert len(processes(found)) == 2
    texts = [shown, said, *(path.read_text() for path in Path("sweep").rglob("*_run.yaml"))]
    assert not any(quote(postgresql.PASSWORD) in text for text in texts)
    # another sweep in the same database is another study
    other = sweep(replace(plan, storage=storage, folder=Path("other"), trials=1), print)
    assert len(other.trials) == 1


def test_a_database_that_does_not_let_us_in_is_one_line(plan, database):
    wrong = replace(plan, storage=f"postgresql://catdog:wrong@{database}")
    with pytest.raises(CatdogError, match="password authentication failed") as error:
        sweep(wrong, print)
    assert str(error.value).startswith(f"postgresql://catdog:***@{database}: the study cannot be")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("storage", "said"),
    [
        ("journal:", '"journal:" is no storage that machines share; write journal:PATH'),
        ("mysql://me:pass@there/x", '"mysql://me:***@there/x" is no storage'),
        ("postgresql://me:pass@there:port/x", "me:***@there:port/x: is no address of a database"),
        ("postgresql://me:a/pass@127.0.0.1:1/x", "me:***@127.0.0.1:1/x: the study cannot be"),
        ("journal:solver.yaml/study.log", "the study cannot be reached: File exists"),
        ("journal:net.yaml", "net.yaml: is no journal of Optuna's"),
        ("journal:other.json", "other.json: is no journal of Optuna's"),
        ("journal:/dev/full", "/dev/full: is no journal of Optuna's"),
    ],
)
def test_what_is_no_storage(plan, storage, said):
    Path("other.json").write_text('{"op_code": 99}\n')
    with pytest.raises(CatdogError) as error:
        sweep(replace(plan, storage=storage), print)
    assert said in str(error.value)
    assert "pass@" not in str(error.value)


def test_a_journal_is_read_as_it_was_written(plan):
    sweep(replace(plan, trials=1), print)
    lines = Path("shared/study.log").read_text().splitlines()
    assert all(isinstance(json.loads(line), dict) for line in lines)
    assert [path.name for path in Path("shared").iterdir()] == ["study.log"]
