"""Files of a run that cannot be written: the training goes on, and what is missing is told."""

import csv
import io
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from catdog.tools.train import main

from catdog.cli.main import run_tool
from catdog.data.datum import array_to_datum
from catdog.errors import CatdogError, Unwritable
from catdog.solver.events import Event, Iterating, Missing, NotSaved
from catdog.solver.snapshot_search import AUTO, newest
from catdog.solver.solver import Solver
from catdog.tracking.listeners import TrackingOptions
from catdog.tracking.run_file import read_run, run_path
from catdog.training.options import Options
from catdog.training.train import train
from catdog.weights import read_mark
from tests.data.sources.build import write_values
from tests.tiny_solver import write_solver

FIELDS = ("display=1", "snapshot=2")


@pytest.fixture
def solver(tmp_path: Path) -> Path:
    return write_solver(tmp_path)


class Trained:
    """A training to its end, with what it said."""

    def __init__(
        self,
        solver: Path,
        *fields: str,
        snapshot: str = "",
        listener: Callable[[Event], object] = lambda _: None,
        looks: float = 0,
    ) -> None:
        self.events: list[Event] = []
        stream = io.StringIO()
        options = Options(
            overrides=[*FIELDS, *fields],
            snapshot=snapshot,
            tracking=TrackingOptions(resources=looks),
        )
        listeners = [self.events.append, listener]
        self.solver: Solver = train(solver, options, stream=stream, listeners=listeners)
        self.said = stream.getvalue()

    @property
    def missing(self) -> list[str]:
        return [text for event in self.events if isinstance(event, Missing) for text in event.what]


def same(one: Solver, other: Solver) -> bool:
    pairs = zip(one.net.learnable, other.net.learnable, strict=True)
    return all(torch.equal(a.parameter, b.parameter) for a, b in pairs)


def full(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/full")


def folder(path: Path) -> None:
    path.unlink()
    (path / "in it").mkdir(parents=True)


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("train.log", full),
        ("train.log", folder),
        ("metrics.csv", folder),
        ("tiny_run.yaml", folder),
        ("resources.csv", folder),
        ("resources.png", folder),
    ],
)
def test_a_file_that_cannot_be_written_costs_its_lines(
    name: str, spoil: Callable[[Path], None], solver: Path
) -> None:
    whole = Trained(solver, "max_iter=8", f"snapshot_prefix={solver.parent}/whole/tiny")
    assert not whole.missing
    Trained(solver, "max_iter=4", looks=0.001)
    path = solver.parent / "out" / name
    path.touch()
    spoil(path)
    found = Trained(solver, "max_iter=8", snapshot=AUTO, looks=0.001)
    assert same(found.solver, whole.solver)
    (missing,) = found.missing
    assert missing.startswith(f"{path}: cannot be written: ")
    lines = [line for line in found.said.splitlines() if f"{path}: " in line]
    assert [line.partition("] ")[2].split(":")[0] for line in lines] == [
        str(path),
        "Missing at the end",
    ]
    assert newest(str(solver.parent / "out/tiny")).path is not None


def test_what_is_removed_in_the_course_of_a_run_is_missed(solver: Path) -> None:
    out = solver.parent / "out"

    def remove(event: Event) -> None:
        if isinstance(event, Iterating) and event.iteration == 2:
            for name in ("train.log", "metrics.csv"):
                (out / name).unlink()

    found = Trained(solver, listener=remove)
    assert {Path(text.partition(":")[0]).name for text in found.missing} == {
        "train.log",
        "metrics.csv",
    }


@contextmanager
def limited(size: int) -> Iterator[None]:
    """Files end here, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("form", ["BINARYPROTO", "HDF5"])
def test_a_snapshot_that_finds_no_room_is_tried_again(form: str, solver: Path) -> None:
    out = solver.parent / "out"
    seen: list[list[str]] = []
    limit = limited(100)

    def fill(event: Event) -> None:
        if isinstance(event, Iterating) and event.iteration == 1:
            limit.__enter__()
        if isinstance(event, NotSaved):
            seen.append([path.name for path in out.iterdir() if "_iter_" in path.name])
        if isinstance(event, Iterating) and event.iteration == 3:
            limit.__exit__(None, None, None)

    fields = ("max_iter=6", f"snapshot_format={form}", "snapshot_best=accuracy", "base_lr=0.01")
    found = Trained(solver, *fields, listener=fill)
    assert seen == [[], []]
    assert "No snapshot: " in found.said
    assert "No best weights: " in found.said
    end = ".h5" * (form == "HDF5")
    names = {path.name for path in out.glob("*iter*")}
    assert names == {
        f"tiny_iter_{n}{k}{end}" for n in (4, 6) for k in (".caffemodel", ".solverstate")
    }
    # the best is one whose weights are there
    best = read_mark(out / f"tiny_best.caffemodel{end}")
    assert best.iteration == found.solver._ending.best[1].iteration > 2
    assert not any("_iter_" in text or "_best." in text for text in found.missing)


def test_a_snapshot_that_never_finds_room_is_missing_at_the_end(
    solver: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_room(path: Path, _: object) -> None:
        raise Unwritable("cannot be written: No space left on device", where=str(path))

    monkeypatch.setattr("catdog.solver.snapshot_rotation.write_state", no_room)
    with pytest.raises(SystemExit) as stop:
        run_tool(main, ["--solver", str(solver), "--set", "snapshot=2"])
    assert stop.value.code == 1
    (last,) = [line for line in capsys.readouterr().err.splitlines() if "Missing" in line]
    assert last.endswith("tiny_iter_4.solverstate: cannot be written: No space left on device")
    out = solver.parent / "out"
    assert not list(out.glob("*iter*"))
    assert read_run(run_path(str(out / "tiny")))["status"] == "done"


def test_a_snapshot_that_stands_is_not_lost_where_it_finds_no_room_again(
    solver: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(path: Path, _: object) -> None:
        raise Unwritable("cannot be written: No space left on device", where=str(path))

    train(solver, Options(overrides=["max_iter=4", "snapshot=2"]))
    monkeypatch.setattr("catdog.solver.snapshot_rotation.write_state", no_room)
    # not on a beat, so that the end writes it again
    train(solver, Options(overrides=["max_iter=4", "snapshot=3"], snapshot=AUTO))
    prefix = str(solver.parent / "out" / "tiny")
    assert newest(prefix).path == Path(f"{prefix}_iter_4.solverstate")


def test_a_reader_that_goes_away_does_not_end_the_training(solver: Path) -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as stream:
        seen = os.fdopen(reader)

        def leave(event: Event) -> None:
            if isinstance(event, Iterating) and event.iteration == 0:
                seen.close()

        solved = train(solver, Options(overrides=FIELDS), stream=stream, listeners=[leave])
    assert solved.iteration == 4
    log = (solver.parent / "out/train.log").read_text()
    assert log.count("Broken pipe") == 1
    assert "Optimization Done." in log
    assert "Missing at the end" not in log


def test_a_first_batch_that_fails_after_a_good_test_leaves_the_run_before(solver: Path) -> None:
    Trained(solver, looks=10)
    out = solver.parent / "out"
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    pictures = [np.zeros((1, 2, 3 + (n == 1)), np.uint8) for n in range(8)]
    values = [
        (f"{n:08d}".encode(), array_to_datum(picture, 0).SerializeToString())
        for n, picture in enumerate(pictures)
    ]
    train_store = solver.parent / "train_lmdb"
    for path in train_store.iterdir():
        path.unlink()
    write_values(train_store, values)
    said: list[Event] = []
    with pytest.raises(CatdogError, match="00000001"):
        Trained(solver, listener=said.append, looks=10)
    assert "NetTested" in [type(event).__name__ for event in said], "the case shows nothing"
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_a_resume_goes_on_in_the_table_of_resources(solver: Path) -> None:
    Trained(solver, looks=0.001)
    path = solver.parent / "out/resources.csv"
    first = path.read_text()
    # a kill cuts a row
    path.write_text(first + "17.2,3")
    Trained(solver, "max_iter=8", snapshot=AUTO, looks=0.001)
    assert path.read_text().startswith(first)
    with path.open(newline="") as file:
        seconds = [float(row["seconds"]) for row in csv.DictReader(file)]
    assert seconds == sorted(seconds)
    assert len(seconds) > first.count("\n") - 1
    assert not list(path.parent.glob("resources.csv.*"))
