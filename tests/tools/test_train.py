"""The command line of train."""

import shutil
from pathlib import Path

import pytest
from catdog.tools.train import main

from catdog.errors import CatdogError

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
