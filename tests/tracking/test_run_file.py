from contextlib import suppress

import pytest
import yaml

from catdog.errors import CatdogError
from catdog.solver.events import (
    Display,
    Done,
    EndRun,
    NetTested,
    Output,
    Preparing,
    Resuming,
    Snapshotted,
    Stopped,
)
from catdog.tracking.run_file import RunFile, named, read_run, run_path
from catdog.training.options import Options
from catdog.training.train import train
from tests.tiny_solver import write_solver

TEST_NET = """
layer { name: "a" type: "Accuracy" top: "acc" } layer { name: "l" type: "HingeLoss" top: "loss" }
layer { name: "s" type: "Softmax" top: "soft" }
"""


@pytest.fixture
def prefix(tmp_path):
    return str(tmp_path / "out" / "net")


def scored(iteration, acc, loss, net=0):
    outputs = (Output("acc", acc), Output("loss", loss, 1.0), Output("soft", 0.25))
    return NetTested(iteration, net, outputs)


def play(prefix, *records, resumed=False, raises=None):
    """A run that says these records; gives its record."""
    with suppress(BaseException), RunFile(prefix, "solver.yaml", resumed=resumed) as record:
        for each in (Preparing("cpu", "max_iter: 9", 7, ("", TEST_NET, TEST_NET)), *records):
            record(each)
        if raises:
            raise raises
    return read_run(run_path(prefix))


def test_a_run_to_its_end(prefix):
    found = play(prefix, scored(0, 0.9, 0.1), scored(2, 0.5, 2), scored(4, 0.4, 1), Done(4))
    assert (found["status"], found["iteration"], found["seed"]) == ("done", 4, 7)
    assert found["final"] == {"iteration": 4, "acc": 0.4, "loss": 1, "soft": 0.25}
    # before the first iteration nothing was learned
    assert found["best"] == {
        "acc": {"value": 0.5, "iteration": 2, "better": "higher"},
        "loss": {"value": 1, "iteration": 4, "better": "lower"},
    }
    assert found["ended"] >= found["started"]
    assert (found["device"], found["solver_file"], found["name"]) == ("cpu", "solver.yaml", "net")
    assert found["solver"] == "max_iter: 9"
    assert found["test_nets"] == [TEST_NET, TEST_NET]


def test_scores_of_several_nets_and_of_blobs_with_several_numbers(prefix):
    found = play(prefix, scored(2, 0.5, 2), scored(2, 0.7, 3, net=1), Done(2))
    assert found["final"]["acc (net #1)"] == 0.7
    assert found["best"]["loss (net #1)"]["value"] == 3
    names = [name for name, _ in named([Output("a", 1), Output("b", 2), Output("a", 3)])]
    assert names == ["a[0]", "b", "a[1]"]


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (CatdogError("no data", where="x"), "failed", "x: no data"),
        (EndRun("worse than others"), "stopped", "worse than others"),
        (KeyboardInterrupt(), "stopped", "KeyboardInterrupt"),
        (ZeroDivisionError("by 0"), "failed", "ZeroDivisionError: by 0"),
    ],
)
def test_how_a_run_ends(prefix, error, status, reason):
    found = play(prefix, raises=error)
    assert (found["status"], found["reason"]) == (status, reason)


def test_the_record_is_there_while_the_run_goes_on(prefix):
    with RunFile(prefix, "solver.yaml") as record:
        assert read_run(record.path)["status"] == "running"
        record(scored(2, 0.5, 2))
        assert read_run(record.path)["final"]["acc"] == 0.5


def test_a_resumed_run_goes_on_in_its_record(prefix):
    first = play(prefix, scored(2, 0.5, 3), scored(4, 0.8, 2), Snapshotted(4, "", ""), Stopped(4))
    assert first["status"] == "stopped"
    found = play(prefix, Resuming("x", 3), scored(6, 0.6, 3), Done(6), resumed=True)
    assert found["started"] == first["started"]
    # what lay beyond the snapshot is gone
    assert found["best"]["acc"] == {"value": 0.6, "iteration": 6, "better": "higher"}
    assert [session.get("from") for session in found["sessions"]] == [None, 3]
    assert [session["status"] for session in found["sessions"]] == ["stopped", "done"]


def test_a_new_run_keeps_the_record_of_the_one_before(prefix):
    play(prefix, Display(1, 1, 1, 1, 0.5, 0.1, ()), Done(5))
    assert play(prefix, Done(6))["iteration"] == 6
    path = run_path(prefix)
    assert read_run(path.with_name(f"{path.name}.1"))["iteration"] == 5


def test_a_file_that_is_no_record(tmp_path):
    for text in ("- a list", "a: [", "name: x"):
        (tmp_path / "x").write_text(text)
        with pytest.raises(CatdogError, match="is no record of a run"):
            read_run(tmp_path / "x")
    with pytest.raises(CatdogError, match="No such file"):
        read_run(tmp_path / "y")


def test_the_record_of_a_training(tmp_path):
    solver = write_solver(tmp_path)
    train(solver, Options(overrides=["net.fc.inner_product_param.num_output=3"]))
    path = run_path(str(tmp_path / "out/tiny"))
    found = read_run(path)
    assert (found["status"], found["iteration"], found["seed"]) == ("done", 4, 5)
    assert set(found["final"]) == {"iteration", "accuracy", "loss"}
    assert set(found["best"]) == {"accuracy", "loss"}
    assert "num_output: 3" in found["train_net"]
    assert 'type: "Accuracy"' in found["test_nets"][0]
    assert "num_output: 4" not in path.read_text()
    assert yaml.safe_load(path.read_text()) == found
