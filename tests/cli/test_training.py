"""--epochs, --lr and --batch, and flags of other programs with what does the same."""

from pathlib import Path

import pytest
from catdog.tools import train

from catdog.tracking.run_file import read_run, run_path
from tests.small_solver import write_small
from tests.tool_run import run_tool


@pytest.fixture
def said(tmp_path: Path, monkeypatch, capsys):
    """The error of `train.py --solver solver.yaml` with these words."""
    write_small(tmp_path)
    monkeypatch.chdir(tmp_path)

    def said(*words: str) -> str:
        (line,) = run_tool(train.main, capsys, "--solver", "solver.yaml", *words)
        return line.removeprefix("error: ").removeprefix("there is no ")

    return said


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--learning-rate=0.01"], "--learning-rate; --lr 0.01 does that"),
        (["--momentum"], "--momentum; --set momentum=VALUE does that"),
        (["--batch-size", "32"], "--batch-size; --batch 32 does that"),
        (["--num-epochs", "3"], "--num-epochs; --epochs 3 does that"),
        (["--weigths", "x"], '--weigths; did you mean "--weights"?'),
        (["--lr", "1", "--set", "base_lr=2"], "--lr and --set base_lr=2 are both given"),
        (["--epochs", "1", "--set", "max_iter=2"], "--epochs and --set max_iter=2 are both given"),
        (
            ["--batch", "3", "--set", "net.data.data_param.batch_size=2"],
            "--batch and --set net.data.data_param.batch_size=2 are both given",
        ),
        (["--epochs", "0"], 'argument --epochs: "0" is no number above 0'),
        (["--epochs", "-1"], 'argument --epochs: "-1" is no number above 0'),
    ],
)
def test_one_line(said, words, line):
    assert said(*words).startswith(line)


@pytest.mark.usefixtures("said")
def test_epochs_rate_and_batch():
    words = ["--epochs", "1.5", "--lr", "0.003", "--batch", "5", "--device", "cpu"]
    train.main(["--solver", "solver.yaml", *words])
    record = read_run(run_path("solver"))
    assert record["iteration"] == 3
    assert "base_lr: 0.003\n" in record["solver"]
    assert "batch_size: 5\n" in record["train_net"]
    assert "batch_size: 4\n" in record["test_nets"][0]
