"""The command `caffe`: Caffe's commands and flags, its lines on stderr."""

import re
from pathlib import Path

import pytest
import torch

from catdog.cli import caffe
from catdog.cli.gflags import parse_flags
from catdog.cli.main import run_tool
from catdog.errors import CatdogError
from tests.small_solver import write_small

#: glog's prefix of a line.
PREFIX = re.compile(r"[IWE]\d{4} \d\d:\d\d:\d\d\.\d{6} +\d+ [\w.]+:\d+\] ")


@pytest.fixture
def run(tmp_path: Path, monkeypatch, capsys):
    """Run `caffe WORDS`; gives the exit code and the lines of stderr without glog's prefix."""
    write_small(tmp_path)
    monkeypatch.chdir(tmp_path)

    def run(line: str) -> tuple[int, list[str]]:
        monkeypatch.setattr("sys.argv", ["caffe"])
        code = 0
        try:
            run_tool(caffe.command, line.split())
        except SystemExit as stop:
            code = stop.code
        told = capsys.readouterr()
        assert not told.out
        return code, [PREFIX.sub("", each) for each in told.err.splitlines()]

    return run


@pytest.mark.parametrize(
    "line",
    [
        "-x 1 -y=2 go",
        "--x 1 go --y=2",
        "go -x=1 --y 2",
        "-x 1 -logtostderr --y 2 -- go",
        "-x=1 -alsologtostderr=1 -nologtostderr -y 2 go",
    ],
)
def test_flags_are_read_as_gflags_reads_them(line):
    given = parse_flags(line.split(), {"x": "", "y": ""})
    assert (given.values, given.words, given.ignored) == ({"x": "1", "y": "2"}, ["go"], [])


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("train -flagfile=f", "-flagfile: is not supported; write the flags themselves"),
        ("train -solvr s", 'there is no -solvr; did you mean "solver"?'),
        ("train -solver", "-solver: lacks its value; write -solver VALUE"),
    ],
)
def test_flags_that_cannot_be_read(line, told):
    with pytest.raises(CatdogError) as caught:
        parse_flags(line.split(), caffe.FLAGS)
    assert str(caught.value).startswith(told)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("", "error: no command is given"),
        ("-gpu 0", "error: no command is given"),
        ("trian -solver s", 'error: no command "trian"; did you mean "train"?'),
        ("train now", "error: one command and its flags, not the words train now"),
    ],
)
def test_no_command_or_a_wrong_one_shows_the_usage(run, line, told):
    code, lines = run(line)
    assert code == 1
    assert lines[:2] == ["caffe: command line brew", "usage: caffe <command> <args>"]
    assert lines[-1] == told


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("train", "-solver is missing; name a solver definition to train"),
        ("test -model net.yaml", "-weights is missing; name the weights to score"),
        ("time", "-model is missing; name a model definition to time"),
        ("time -model net.yaml -phase test", '-phase: is "test"; write TRAIN or TEST'),
        (
            "time -model net.yaml -iterations 0",
            '-iterations: is "0"; write a whole number from 1 on',
        ),
        ("time -model net.yaml -level x", '-level: is "x"; write a whole number'),
        (
            "train -solver solver.yaml -snapshot a -weights b",
            "--snapshot and --weights exclude each other; a snapshot has its weights; without it "
            "training starts anew",
        ),
    ],
)
def test_a_mistake_is_one_line(run, line, told):
    code, lines = run(line)
    assert (code, lines[-1]) == (2, f"error: {told}")


@pytest.mark.parametrize(
    "line",
    ["train -solver solver.yaml -gpu 0", "device_query -gpu=all", "-gpu 0 time -model net.yaml"],
)
def test_a_gpu_where_there_is_none(run, line, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    gpu = "all" if "all" in line else "0"
    told = f"error: -gpu {gpu}: this machine has no GPU; leave -gpu out to compute on the CPU"
    assert run(line) == (2, [told])


def test_a_training_and_the_test_of_its_weights(run):
    code, lines = run("-logtostderr=1 train --solver=solver.yaml -iterations 3 -log_dir=/logs")
    assert code == 0
    assert lines[0].startswith("-log_dir changes nothing: no file goes there")
    assert lines[1] == "`caffe train` does not look at -iterations"
    assert "Solving small" in lines and "Optimization Done." in lines
    assert "Iteration 7" in Path("train.log").read_text()
    code, lines = run("test -model net.yaml -weights solver_iter_8.caffemodel -iterations=2")
    assert code == 0
    assert lines[:2] == ["Use CPU.", "Running for 2 iterations."]
    assert re.fullmatch(r"Batch 0, accuracy = [\d.]+", lines[2])
    batches = [float(each.split()[-1]) for each in lines if " accuracy = " in each]
    (mean,) = (float(each.split()[-1]) for each in lines if each.startswith("accuracy = "))
    assert mean == pytest.approx(sum(batches) / 2, abs=1e-5)
    assert any(each.startswith("Loss: ") for each in lines)


def test_the_times_are_told_in_caffes_words(run):
    code, lines = run("time -model net.yaml -iterations 2 -phase TRAIN")
    assert code == 0
    assert lines[0] == "Use CPU."
    start = lines.index("*** Benchmark begins ***")
    assert lines[start + 1] == "Testing for 2 iterations."
    assert [re.sub(r"[\d.e+-]+ ms", "N ms", each) for each in lines[start + 2 : start + 7]] == [
        "Iteration: 1 forward-backward time: N ms.",
        "Iteration: 2 forward-backward time: N ms.",
        "Average time per layer: ",
        "     conv1\tforward: N ms.",
        "     conv1\tbackward: N ms.",
    ]
    ends = [
        "Average Forward pass",
        "Average Backward pass",
        "Average Forward-Backward",
        "Total Time",
        "*** Benchmark ends ***",
    ]
    assert [each.partition(":")[0] for each in lines[-5:]] == ends
    one, other, both, total = (float(each.split()[-2]) for each in lines[-5:-1])
    assert both == pytest.approx(one + other, rel=1e-3)
    assert total == pytest.approx(2 * both, rel=1e-3)


def test_the_device_is_told(run):
    code, lines = run("device_query")
    assert code == 0
    assert lines[0] == "Querying GPUs all"
    assert lines[1].startswith(("Device id:", "Device:"))
