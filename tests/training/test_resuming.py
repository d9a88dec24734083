"""Whose files a training goes on with: those of its run, and of no other."""

import io
import os
import re
from pathlib import Path

import pytest
from catdog.tools.train import main

from catdog.cli.main import run_tool
from catdog.errors import CatdogError
from catdog.inference.predictor import newest_weights
from catdog.runtime.lock import only_one
from catdog.solver.snapshot_search import AUTO
from catdog.solver.solverstate import read_state
from catdog.tracking.runs import find_run
from catdog.training.options import Options
from catdog.training.train import train
from catdog.weights import read_mark
from tests.tiny_solver import write_solver

FIELDS = ("snapshot_best=accuracy", "base_lr=0.2", "momentum=0.9", "snapshot=2", "display=1")


@pytest.fixture
def solver(tmp_path: Path) -> Path:
    return write_solver(tmp_path)


def run(solver: Path, *fields: str, snapshot: str = "") -> tuple[str, str]:
    """The lines of a training, and the name of its run."""
    stream = io.StringIO()
    options = Options(overrides=[*FIELDS, *fields], snapshot=snapshot)
    trained = train(solver, options, stream=stream)
    return stream.getvalue(), trained.run


def best(solver: Path) -> tuple[str, int]:
    """What all that names a best say, which must be the same."""
    out = solver.parent / "out"
    found = find_run(str(out / "tiny"))
    mark = read_mark(out / "tiny_best.caffemodel")
    assert newest_weights(out).name == "tiny_best.caffemodel"
    assert mark.run == found.content["run"]
    assert mark.iteration == found.best["accuracy"]["iteration"]
    told = re.findall(r"Best accuracy: \S+ at iteration (\d+)", (out / "train.log").read_text())
    assert int(told[-1]) == mark.iteration
    return mark


def test_a_resume_keeps_the_name_of_the_run(solver: Path) -> None:
    said, name = run(solver, "max_iter=4")
    assert re.fullmatch("[0-9a-f]{8}", name)
    assert f"] Run {name}\n" in said
    more, again = run(solver, "max_iter=8", snapshot=AUTO)
    assert again == name
    assert f"] Run {name}\n" in more
    out = solver.parent / "out"
    for iteration in (2, 8):
        assert read_state(out / f"tiny_iter_{iteration}.solverstate").run.id == name
        assert read_mark(out / f"tiny_iter_{iteration}.caffemodel") == (name, iteration)
    assert best(solver)[0] == name
    assert run(solver, "max_iter=2")[1] != name


def test_a_resume_from_before_the_best_puts_it_aside(solver: Path) -> None:
    run(solver, "max_iter=12")
    _, at = best(solver)
    assert at > 2, "the case shows nothing"
    out = solver.parent / "out"
    later = (out / "tiny_best.caffemodel").read_bytes()
    first = str(out / "tiny_iter_2.solverstate")
    # at another rate the tests after it are others
    said, name = run(solver, "max_iter=6", "base_lr=0.0001", snapshot=first)
    assert f"tiny_best.caffemodel (iteration {at} of run {name}) is put aside" in said
    assert (out / "tiny_best.caffemodel.1").read_bytes() == later
    assert best(solver)[1] <= 6


def test_a_resume_from_before_the_best_and_then_again_names_what_is_there(solver: Path) -> None:
    run(solver, "max_iter=8", "test_interval=2")
    state = solver.parent / "out" / "tiny_iter_4.solverstate"
    for _ in range(3):
        run(solver, "max_iter=5", "test_interval=2", snapshot=str(state))
        best(solver)


def test_what_there_is_to_go_on_from_is_looked_for_under_the_lock(
    solver: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(*_: object) -> None:
        with only_one(solver.parent / "out" / "tiny", "locked", ""):
            raise AssertionError

    monkeypatch.setattr("catdog.training.train.start_of", look)
    with pytest.raises(CatdogError, match="locked"):
        run(solver, snapshot=AUTO)


def test_a_run_goes_on_under_a_prefix_where_another_lies(solver: Path) -> None:
    _, mine = run(solver, "max_iter=4")
    out = solver.parent / "out"
    kept = solver.parent / "kept"
    kept.mkdir()
    for name in ("tiny_iter_4.solverstate", "tiny_iter_4.caffemodel"):
        (kept / name).write_bytes((out / name).read_bytes())
    _, other = run(solver, "max_iter=10")
    log = (out / "train.log").read_text()
    said, name = run(solver, "max_iter=8", snapshot=str(kept / "tiny_iter_4.solverstate"))
    assert (name, other != mine) == (mine, True)
    assert f"has a run from before ({other}, done at iteration 10)" in said
    # the other's log is the other's
    assert (out / "train.log.2").read_text() == log
    assert best(solver)[0] == mine


def test_auto_passes_over_what_another_run_left(solver: Path) -> None:
    _, old = run(solver, "max_iter=10")
    said, new = run(solver, "max_iter=4")
    assert f"has a run from before ({old}, done at iteration 10)" in said
    more, name = run(solver, "max_iter=6", snapshot=AUTO)
    assert name == new
    assert "Resuming from" in more
    assert re.search(rf"passes over .*tiny_iter_8\.solverstate \(of run {old}, not {new}\)", more)
    (solver.parent / "out/tiny_run.yaml").unlink()
    assert run(solver, "max_iter=7", snapshot=AUTO)[1] == new


def test_weights_beside_a_snapshot_are_told_to_be_left_alone(solver: Path) -> None:
    run(solver, "max_iter=4")
    stream = io.StringIO()
    best_weights = str(solver.parent / "out" / "tiny_best.caffemodel")
    options = Options(overrides=[*FIELDS, "max_iter=6"], snapshot=AUTO, weights=[best_weights])
    train(solver, options, stream=stream)
    assert "--weights is not looked at" in stream.getvalue()


def test_auto_without_a_snapshot_says_so(solver: Path) -> None:
    said, _ = run(solver, "max_iter=2", snapshot=AUTO)
    assert "--snapshot auto: there is no snapshot to go on from: a new run begins" in said
    again, _ = run(solver, "max_iter=4", snapshot=AUTO)
    assert "a new run begins" not in again


def test_a_damaged_snapshot_that_is_named_is_a_mistake(
    solver: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(solver, "max_iter=4")
    out = solver.parent / "out"
    weights = out / "tiny_iter_4.caffemodel"
    weights.write_bytes(weights.read_bytes()[:-1])
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    words = ["--solver", str(solver), "--snapshot", str(out / "tiny_iter_4.solverstate")]
    with pytest.raises(SystemExit) as stop:
        run_tool(main, words)
    (line,) = capsys.readouterr().err.splitlines()
    assert (stop.value.code, line.partition(";")[0]) == (
        2,
        f"error: {weights}: is damaged, or not what was written together with "
        "tiny_iter_4.solverstate",
    )
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    said, _ = run(solver, "max_iter=6", snapshot=AUTO)
    assert "tiny_iter_4.solverstate (tiny_iter_4.caffemodel is damaged" in said
    assert "tiny_iter_2.solverstate" in said


def test_the_next_run_removes_what_a_killed_one_had_not_finished(solver: Path) -> None:
    out = solver.parent / "out"
    out.mkdir()
    mine = (
        *(".tiny_iter_4.77.caffemodel", ".tiny_iter_4_ema.77.caffemodel", ".tiny_run.77.yaml"),
        *(".tiny_best.caffemodel.77.h5", ".tiny_iter_4.77.solverstate"),
    )
    others = (".tiny2_iter_4.77.caffemodel", ".tiny_iter_4.caffemodel", ".tiny_notes.77.txt")
    for name in (*mine, *others):
        (out / name).touch()
    run(solver, "max_iter=2")
    assert {path.name for path in out.glob(".*")} == set(others)


def test_what_is_written_is_on_the_disk_before_it_has_its_name(
    solver: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[int] = set()
    fsync, replace = os.fsync, Path.replace

    def note(number: int) -> None:
        synced.add(os.fstat(number).st_ino)
        fsync(number)

    def check(path: Path, target: Path) -> Path:
        assert path.stat().st_ino in synced
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", note)
    monkeypatch.setattr(Path, "replace", check)
    run(solver, "max_iter=2")
    assert (solver.parent / "out").stat().st_ino in synced


def test_a_start_that_is_refused_says_nothing_of_a_new_run(solver: Path) -> None:
    with pytest.raises(CatdogError, match="no such file"):
        run(solver, snapshot=str(solver.parent / "none.solverstate"))
    assert not (solver.parent / "out").exists()
