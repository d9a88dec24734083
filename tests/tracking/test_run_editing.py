import time
from pathlib import Path
from threading import Thread

import pytest

from catdog.errors import CatdogError
from catdog.runtime.lock import turn
from catdog.solver.events import Done, NetTested, Output, Preparing
from catdog.tracking import run_editing
from catdog.tracking.annotation import Annotation, annotation
from catdog.tracking.listeners import TrackingOptions
from catdog.tracking.run_editing import annotate, tagged
from catdog.tracking.run_file import RunFile, read_run, run_path
from catdog.tracking.runs import find_runs
from catdog.training.options import Options
from catdog.training.train import train
from tests.tiny_solver import write_solver

WRITTEN = annotation("first", ["a", "b"])


@pytest.fixture
def prefix(tmp_path):
    return str(tmp_path / "out" / "net")


def write(prefix, **options):
    with RunFile(prefix, "solver.yaml", **options) as record:
        record(Preparing("cpu", "max_iter: 9", 7, ("",)))
        record(Done(9))


def test_note_and_tags_are_edited(prefix):
    write(prefix, annotation=WRITTEN)
    before = read_run(run_path(prefix))
    assert (before["note"], before["tags"]) == ("first", ["a", "b"])
    assert annotate(prefix) == WRITTEN
    assert annotate(prefix, add=["c", "a"], remove=["b"]) == Annotation("first", ("a", "c"))
    assert annotate(prefix, note="", tags=["x"]) == Annotation("", ("x",))
    assert read_run(run_path(prefix)) == {**before, "note": "", "tags": ["x"]}
    assert [path.name for path in Path(prefix).parent.iterdir()] == ["net_run.yaml"]


def test_what_cannot_be_edited(prefix):
    write(prefix, annotation=WRITTEN)
    with pytest.raises(CatdogError, match='net: no tag "bb" to remove; did you mean "b"'):
        annotate(prefix, note="lost", remove=["bb"])
    with pytest.raises(CatdogError, match="tags: 21 for one run"):
        annotate(prefix, add=map(str, range(19)))
    with pytest.raises(CatdogError, match="no such run"):
        annotate(prefix + "2", note="x")
    assert annotate(prefix) == WRITTEN


def test_a_record_that_somebody_holds_is_not_edited(prefix, monkeypatch):
    write(prefix)
    monkeypatch.setattr(run_editing, "_PATIENCE", 0)
    with turn(run_path(prefix), 0), pytest.raises(CatdogError, match=r"another process.*try again"):
        annotate(prefix, note="x")
    assert annotate(prefix, note="x").note == "x"


def test_edits_and_the_run_s_own_writing_do_not_lose_each_other(prefix):
    tags = [f"t{number}" for number in range(20)]
    with RunFile(prefix, "solver.yaml", annotation=annotation("n")) as record:

        def edit(some):
            for tag in some:
                annotate(prefix, add=[tag])
                # people are slower than the lock, which has no order among those who wait
                time.sleep(0.01)

        editors = [Thread(target=edit, args=(some,)) for some in (tags[::2], tags[1::2])]
        for editor in editors:
            editor.start()
        iteration = 0
        while any(editor.is_alive() for editor in editors) or iteration < 5:
            iteration += 1
            record(NetTested(iteration, 0, (Output("acc", 0.5),)))
            assert read_run(record.path)["iteration"] == iteration
        record(Done(iteration))
    found = read_run(run_path(prefix))
    assert sorted(found["tags"]) == sorted(tags)
    assert (found["note"], found["status"], found["iteration"]) == ("n", "done", iteration)


def test_a_training_keeps_the_edits_that_come_in_between(tmp_path):
    prefix = str(tmp_path / "out/tiny")
    solver = write_solver(tmp_path)

    def edit(event):
        if isinstance(event, NetTested) and event.iteration == 2:
            annotate(prefix, note="from elsewhere", add=["late"], remove=["b"])

    given = Options(tracking=TrackingOptions(annotation=WRITTEN))
    train(solver, given, listeners=[edit])
    found = read_run(run_path(prefix))
    assert (found["note"], found["tags"]) == ("from elsewhere", ["a", "late"])
    assert (found["status"], found["iteration"], found["final"]["iteration"]) == ("done", 4, 4)
    more = TrackingOptions(annotation=annotation(tags=["more"]))
    train(solver, Options(snapshot="auto", overrides=["max_iter=6"], tracking=more))
    found = read_run(run_path(prefix))
    assert (found["note"], found["tags"]) == ("from elsewhere", ["a", "late", "more"])
    assert found["iteration"] == 6
    # a run of its own begins without them
    train(solver)
    assert read_run(run_path(prefix))["tags"] == []
    assert read_run(Path(f"{run_path(prefix)}.1"))["tags"] == ["a", "late", "more"]


@pytest.mark.parametrize("harm", ["remove", "damage"])
def test_a_record_that_is_gone_or_damaged_is_written_anew(prefix, harm):
    with RunFile(prefix, "solver.yaml", annotation=WRITTEN) as record:
        record.path.unlink() if harm == "remove" else record.path.write_text("note: [")
        record(NetTested(1, 0, ()))
    found = read_run(run_path(prefix))
    assert (found["note"], found["tags"], found["iteration"]) == ("first", ["a", "b"], 1)


def test_the_runs_with_a_tag(tmp_path):
    for name, tags in (("one", "ab"), ("two", "b"), ("three", "")):
        write(str(tmp_path / name), annotation=annotation(tags=tags))
    runs = find_runs([tmp_path])
    assert [Path(run.name).name for run in tagged(runs, ["b"])] == ["one", "two"]
    assert [Path(run.name).name for run in tagged(runs, ["b", "a"])] == ["one"]
    with pytest.raises(CatdogError, match="no run has c; there are a, b"):
        tagged(runs, ["c"])
    with pytest.raises(CatdogError, match="no run has a; --edit RUN --tag TAG gives one"):
        tagged([run for run in runs if not run.annotation.tags], ["a"])
