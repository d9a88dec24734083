"""The command line of train."""

import shutil
from contextlib import nullcontext
from pathlib import Path

import pytest
from catdog.tools.train import main

from catdog.errors import CatdogError
from tests.tiny_solver import write_solver

GOLDEN = Path(__file__).parents[1] / "goldens" / "solvers" / "sgd_fixed"


def test_caffes_flags_and_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(GOLDEN, tmp_path / "case")
    monkeypatch.chdir(tmp_path / "case")
    main(["-solver", "solver.prototxt", "--set", "max_iter=2", "--device", "cpu"])
    assert "Iteration 1, lr = 0.1062" in capsys.readouterr().err
    main(["--solver=solver.prototxt", "--set", "max_iter=3", "--snapshot", "auto"])
    said = capsys.readouterr().err
    assert "Resuming from snap_iter_2.solverstate" in said
    assert "Iteration 1," not in said
    assert Path("snap_iter_3.solverstate").exists()


def test_class_weights_of_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--solver", str(write_solver(tmp_path)), "--class-weights", "1,3"])
    assert "class  examples  weight" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ([], "--solver"),
        (["--solver", "x", "--sigint_effect", "explode"], "explode"),
        (["--solver", "x", "--gpu", "99"], "GPUs"),
    ],
)
def test_wrong_arguments_are_refused(argv: list[str], words: str) -> None:
    with pytest.raises(CatdogError, match=words):
        main(argv)


@pytest.mark.parametrize("solver", ["solver.prototxt", "slover.prototxt"])
def test_a_command_runs_when_it_has_ended(
    solver: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(GOLDEN, tmp_path / "case")
    monkeypatch.chdir(tmp_path / "case")
    command = 'echo "$CATDOG_STATUS $CATDOG_SNAPSHOT $CATDOG_ERROR" > told; exit 7'
    argv = ["--solver", solver, "--set", "max_iter=2", "--device", "cpu", "--when-done", command]
    right = solver.startswith("solver")
    with nullcontext() if right else pytest.raises(CatdogError, match="no such file"):
        main(argv)
    told = Path("told").read_text()
    assert told.startswith("done snap_iter_2.caffemodel" if right else "failed  slover.prototxt:")
    assert "warning: --when-done: " in capsys.readouterr().err
