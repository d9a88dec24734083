"""Flags of other programs are answered with the --set that does the same."""

from pathlib import Path

import pytest
from catdog.tools import train

from tests.small_solver import write_small
from tests.tool_run import run_tool


@pytest.fixture
def said(tmp_path: Path, monkeypatch, capsys):
    """The error of `train.py --solver solver.yaml` with these words."""
    write_small(tmp_path)
    monkeypatch.chdir(tmp_path)

    def said(*words: str) -> str:
        (line,) = run_tool(train.main, capsys, "--solver", "solver.yaml", *words)
        return line.removeprefix("error: there is no ")

    return said


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--lr", "0.01"], "--lr; --set base_lr=0.01 does that"),
        (["--learning-rate=0.01"], "--learning-rate; --set base_lr=0.01 does that"),
        (["--momentum"], "--momentum; --set momentum=VALUE does that"),
        (["--batch", "32"], "--batch; --set train_net.data.data_param.batch_size=32 does that"),
        (["--weigths", "x"], '--weigths; did you mean "--weights"?'),
    ],
)
def test_flags_that_are_fields(said, words, line):
    assert said(*words) == line


def test_epochs_are_worked_out_where_the_data_are_there(said):
    assert said("--epochs", "3") == (
        "--epochs; --set max_iter=8 does that (3 x 10 examples / 4 an iteration)"
    )
    Path("train/data.mdb").unlink()
    assert said("--epochs", "3") == (
        "--epochs; --set max_iter=N does that, with N = epochs x examples / batch_size"
    )
    Path("net.yaml").unlink()
    assert said("--batch", "3").endswith("train_net.DATA_LAYER.data_param.batch_size=3 does that")
