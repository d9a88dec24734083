"""Which snapshots of a run stay on disk, and what becomes of an earlier run's best."""

import os
from pathlib import Path

import pytest

from catdog.errors import WeightsError
from catdog.inference.predictor import newest_weights
from catdog.proto.caffe_pb2 import SolverParameter
from catdog.solver.action import Action
from catdog.solver.snapshot_search import find, newest
from catdog.solver.solverstate import best_of_run
from tests.runs import Run
from tests.test_resume import FORMS


def run(folder: Path, **fields: object) -> Run:
    """A training with a snapshot and a test after every second iteration."""
    usual = {
        "tests": [None],
        "test_interval": 2,
        "snapshot": 2,
        "snapshot_after_train": True,
        "snapshot_prefix": str(folder / "snap"),
        "base_lr": 0.7,
    }
    return Run(**{**usual, **fields})


def files(folder: Path, ending: str = "") -> list[str]:
    return sorted(path.name for path in folder.glob(f"*{ending}"))


@pytest.mark.parametrize("form", FORMS)
def test_the_last_ones_are_kept(form: SolverParameter.SnapshotFormat, tmp_path: Path) -> None:
    strangers = ("snap_iter_1.caffemodel", "other_iter_2.caffemodel", "snap_iter_2_mine.txt")
    for name in strangers:
        (tmp_path / name).write_text("not of this run")
    fields = {"snapshot_best": "loss", "ema_decay": 0.5, "snapshot_format": form}
    run(tmp_path, max_iter=9, snapshot_keep=2, **fields).solver.solve()
    end = ".h5" * (form == SolverParameter.HDF5)
    own = [f"snap_iter_{i}{kind}{end}" for i in (8, 9) for kind in _KINDS]
    assert files(tmp_path) == sorted([*strangers, *own, f"snap_best.caffemodel{end}"])


_KINDS = (".caffemodel", "_ema.caffemodel", ".solverstate")


def test_all_are_kept_unless_a_number_is_given(tmp_path: Path) -> None:
    run(tmp_path, max_iter=8).solver.solve()
    assert files(tmp_path, ".solverstate") == [f"snap_iter_{i}.solverstate" for i in (2, 4, 6, 8)]


def test_a_resumed_run_keeps_its_own_and_what_it_resumed_from(tmp_path: Path) -> None:
    run(tmp_path, max_iter=4, snapshot_keep=2).solver.solve()
    second = run(tmp_path, max_iter=7, snapshot_keep=1, asks={2: Action.NONE})
    second.solver.restore(tmp_path / "snap_iter_4.solverstate")
    second.solver.step(1)
    assert files(tmp_path, ".solverstate") == ["snap_iter_2.solverstate", "snap_iter_4.solverstate"]
    second.solver.step(1)
    assert files(tmp_path, ".solverstate") == ["snap_iter_6.solverstate"]


def test_a_run_that_goes_on_elsewhere_leaves_the_old_ones(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    run(old, max_iter=4).solver.solve()
    run(new, max_iter=4).solver.solve()
    third = run(new, max_iter=8, snapshot_keep=1)
    third.solver.restore(old / "snap_iter_4.solverstate")
    third.solver.solve()
    assert len(files(old, ".solverstate")) == 2
    assert files(new, ".solverstate") == [f"snap_iter_{i}.solverstate" for i in (2, 4, 8)]


def test_a_snapshot_that_could_not_be_written_takes_none_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(tmp_path, snapshot_keep=1)
    first.solver.step(2)

    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("catdog.solver.snapshot_rotation.write_state", full)
    with pytest.raises(OSError, match="no space"):
        first.solver.step(2)
    assert files(tmp_path, ".solverstate") == ["snap_iter_2.solverstate"]
    assert newest(str(tmp_path / "snap")).path == tmp_path / "snap_iter_2.solverstate"


def test_the_best_of_an_earlier_run_is_put_aside(tmp_path: Path) -> None:
    run(tmp_path, max_iter=2, snapshot_best="loss").solver.solve()
    first = (tmp_path / "snap_best.caffemodel").read_bytes()
    run(tmp_path, max_iter=2, snapshot_best="loss", seed=9).solver.solve()
    assert (tmp_path / "snap_best.caffemodel.1").read_bytes() == first
    assert (tmp_path / "snap_best.caffemodel").read_bytes() != first
    again = run(tmp_path, max_iter=6, snapshot_best="loss")
    again.solver.restore(tmp_path / "snap_iter_2.solverstate")
    again.solver.solve()
    assert files(tmp_path, "best*") == ["snap_best.caffemodel", "snap_best.caffemodel.1"]


def age(folder: Path, *names: str) -> None:
    """Make files look as if they were written one after the other."""
    for second, name in enumerate(names, 1_000_000):
        os.utime(folder / name, (second, second))


def test_a_prediction_takes_the_best_then_the_average_then_the_newest(tmp_path: Path) -> None:
    run(tmp_path, max_iter=2).solver.solve()
    assert newest_weights(tmp_path).name == "snap_iter_2.caffemodel"
    (tmp_path / "snap_best.caffemodel").write_bytes(b"of nobody knows which run")
    age(tmp_path, "snap_best.caffemodel", "snap_iter_2.caffemodel")
    assert newest_weights(tmp_path).name == "snap_iter_2.caffemodel"
    run(tmp_path, max_iter=4, ema_decay=0.5).solver.solve()
    age(tmp_path, "snap_iter_2.caffemodel", "snap_iter_4.caffemodel")
    os.utime(tmp_path / "snap_iter_4_ema.caffemodel", (1_000_001, 1_000_001))
    os.utime(tmp_path / "snap_iter_2_ema.caffemodel", (1, 1))
    assert newest_weights(tmp_path).name == "snap_iter_4_ema.caffemodel"


@pytest.mark.parametrize("form", FORMS)
def test_the_best_goes_before_newer_ones(
    form: SolverParameter.SnapshotFormat, tmp_path: Path
) -> None:
    fields = {"snapshot_best": "loss", "ema_decay": 0.5, "snapshot_format": form}
    run(tmp_path, max_iter=4, **fields).solver.solve()
    end = ".h5" * (form == SolverParameter.HDF5)
    best = tmp_path / f"snap_best.caffemodel{end}"
    for name in ("snap_iter_4.caffemodel", "snap_iter_4_ema.caffemodel"):
        assert best_of_run(tmp_path / (name + end)) == best
    os.utime(best, (1, 1))
    assert newest_weights(tmp_path) == best
    assert best_of_run(tmp_path / "elsewhere.caffemodel") == tmp_path / "elsewhere.caffemodel"


def test_either_file_of_a_snapshot_names_it_but_the_best_does_not(tmp_path: Path) -> None:
    run(tmp_path, max_iter=2, snapshot_best="loss", ema_decay=0.5).solver.solve()
    state = tmp_path / "snap_iter_2.solverstate"
    for name in ("snap_iter_2.caffemodel", "snap_iter_2_ema.caffemodel"):
        assert find(str(tmp_path / name)) == state
    with pytest.raises(WeightsError, match="to start anew from these weights"):
        find(str(tmp_path / "snap_best.caffemodel"))
    (tmp_path / "snap_iter_2_ema.caffemodel").unlink()
    lost = run(tmp_path, ema_decay=0.5)
    with pytest.raises(WeightsError, match=r"snap_iter_2_ema\.caffemodel: no such file"):
        lost.solver.restore(state)
