"""Jobs of a Slurm cluster that is this machine: tests/fake_slurm.py."""

import os
import shlex
import signal
import sys
import time
from argparse import ArgumentTypeError
from pathlib import Path

import pytest
from catdog.tools.launch import main as launch

from catdog.cli.argument_types import minutes
from tests import fake_slurm
from tests.process_jobs import in_two_processes
from tests.test_distributed import ROOT, agree, job, weights
from tests.test_distributed import folder as folder
from tests.tool_run import run_tool

pytest.importorskip("submitit")
JOB = ("--time", "0:30:00", "--nodes", "2")
TRAIN = ("--", "train", "--solver", "solver.yaml", "--device", "cpu")
SECONDS = 120


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state of a cluster whose programs come first on the PATH."""
    programs, state = tmp_path / "programs", tmp_path / "cluster"
    programs.mkdir()
    state.mkdir()
    for name in ("sbatch", "srun", "scontrol"):
        program = programs / name
        command = shlex.join([sys.executable, str(Path(fake_slurm.__file__)), name])
        program.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    monkeypatch.setenv("FAKE_SLURM", str(state))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(tmp_path)
    return state


def wait_for(path: Path, words: str = "") -> str:
    """The text of a file once it has something in it, these words."""
    end = time.monotonic() + SECONDS
    while not path.exists() or not (text := path.read_text(errors="replace")) or words not in text:
        assert time.monotonic() < end, f"{path} does not come"
        time.sleep(0.02)
    return text


def test_a_preempted_job_goes_on_to_the_same_weights(cluster, folder, capsys):
    changes = ("max_iter=400", "display=100", "test_interval=1000")
    given = [word for change in changes for word in ("--set", change)]
    told = run_tool(launch, capsys, *JOB, *TRAIN, *given, "--set", "snapshot_prefix=job/run")
    assert told[0].startswith("job 4711, 2 nodes, 2 tasks: catdog train --solver solver.yaml")
    assert told[0].endswith("--snapshot auto")
    log = folder / "slurm/4711_0_log.out"
    assert told[1:] == [
        f"log     {log}",
        f"watch   tail -F {log}",
        "state   squeue -j 4711",
        "cancel  scancel 4711",
    ]
    wait_for(folder / "job/train.log", "Iteration 0")
    fake_slurm.send(cluster, signal.SIGTERM)
    # whether it goes on is for Slurm to say: scancel begins like this too
    wait_for(log, "catdog has stopped")
    assert not (cluster / "requeue").exists()
    fake_slurm.send(cluster, signal.SIGUSR2)
    assert wait_for(cluster / "ended") == "0", log.read_text()
    assert (cluster / "requeues").read_text() == "again\n"
    assert "Resuming from job/run_iter_" in Path("job/train.log").read_text()
    in_two_processes([job("whole", *changes)])
    agree(weights("job", 400), weights("whole", 400), "job", 0)
    assert "Traceback" not in log.read_text()


def test_a_command_that_fails_is_not_queued_again(cluster, capsys):
    run_tool(launch, capsys, "--time", "9", "--", "check", "no_such_net.yaml")
    assert wait_for(cluster / "ended") == "2"
    log = Path("slurm/4711_0_log.out").read_text()
    assert "error: no_such_net.yaml: no such file" in log
    assert "Traceback" not in log
    assert not (cluster / "requeues").exists()


def test_a_job_that_slurm_refuses_leaves_nothing(cluster, capsys):
    told = run_tool(launch, capsys, *JOB, "--partition", "closed", *TRAIN)
    assert told == ["error: sbatch: sbatch: error: invalid partition specified: closed"]
    assert not Path("slurm").exists()
    assert not list(cluster.iterdir())


def test_without_slurm_there_is_the_script(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", "")
    monkeypatch.chdir(tmp_path)
    (told,) = run_tool(launch, capsys, *JOB, *TRAIN)
    assert told.startswith("error: sbatch not found: this is no machine of a Slurm cluster; run")
    words = (
        "--gpus-per-node",
        "4",
        "--cpus-per-task",
        "8",
        "--mem",
        "64G",
        "--setup",
        "module load x",
    )
    options = ("--slurm", "exclusive", "--slurm", "mail_type=END", "--name", "cats")
    setup = ("--setup", "module load x")
    lines = run_tool(launch, capsys, *JOB, *words, *options, *setup, "--dry-run", *TRAIN)
    assert lines[-1] == "# each task: " + shlex.join(["catdog", *TRAIN[1:], "--snapshot", "auto"])
    asked = {line.removeprefix("#SBATCH --") for line in lines if line.startswith("#SBATCH")}
    log = tmp_path / "slurm/%j_0_log.out"
    assert asked == {
        "cpus-per-task=8",
        "exclusive",
        "gpus-per-node=4",
        "job-name=cats",
        "mail-type=END",
        "mem=64G",
        "nodes=2",
        "ntasks-per-node=4",
        "open-mode=append",
        f"output={log}",
        "requeue",
        "signal=USR2@120",
        "time=30",
    }
    assert "module load x" in lines
    assert any(line.startswith("srun ") and "--cpus-per-task=8" in line for line in lines)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--time", "5"), "there is no command; write -- and it"),
        (("--time", "5", "--"), "there is no command behind --"),
        (("--time", "5", "train"), "train: there is no -- before it"),
        (("--time", "5", "--", "trian"), 'no tool "trian"; did you mean "train"?'),
        (("--time", "five", "--", "train"), '"five" is no time; write 12:00:00'),
        (
            ("--time", "5", "--nodes", "2", "--", "evaluate"),
            "evaluate does its work in one",
        ),
        (
            ("--time", "5", "--slurm", "signal=USR1@9", "--", "train"),
            "signal is set by catdog",
        ),
        (("--time", "5", "--slurm", "=x", "--", "train"), '"=x" is no option of sbatch'),
        (("--time", "5", "--slurm", "comment=a\nb", "--", "train"), "--comment: has a line break"),
        (("--time", "5", "--name", "a\nb", "--", "train"), "--name: has a line break"),
        (("--time", "5", "--folder", "logs-%j", "--", "train"), "--folder logs-%j: has a %"),
        (("--time", "2", "--", "train"), "--warning: 120 seconds before its end"),
    ],
)
def test_what_is_no_job(words, said, capsys):
    (told,) = run_tool(launch, capsys, *words)
    assert said in told


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("30", 30),
        ("30:01", 31),
        ("12:00:00", 720),
        ("1-0", 1440),
        ("2-12:30", 3630),
        ("0-0:0:1", 1),
    ],
)
def test_times_are_those_of_sbatch(text, want):
    assert minutes(text) == want


@pytest.mark.parametrize("text", ["", "0", "1:2:3:4", "-5", "1-", "1h", "a-1"])
def test_what_is_no_time(text):
    with pytest.raises(ArgumentTypeError, match="is no time"):
        minutes(text)
