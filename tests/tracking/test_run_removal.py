import shutil
from pathlib import Path

import pytest

from catdog.errors import CatdogError
from catdog.runtime.lock import only_one
from catdog.tracking.listeners import TrackingOptions
from catdog.tracking.run_removal import check_ended, delete_run, files_of_run
from catdog.training.options import Options
from catdog.training.train import train
from tests.tiny_solver import write_solver

FIELDS = ("snapshot=2", "snapshot_best=accuracy")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with one run in out/."""
    folder = tmp_path_factory.mktemp("trained")
    tracking = TrackingOptions(resources=0.01)
    train(write_solver(folder), Options(overrides=FIELDS, tracking=tracking))
    return folder


@pytest.fixture
def out(trained, tmp_path):
    return shutil.copytree(trained / "out", tmp_path / "out")


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_all_that_a_training_left_is_its_own(out):
    before = names(out)
    (out / "tiny_tensorboard" / "1").mkdir(parents=True)
    (out / "tiny_tensorboard" / "1" / "events.out.tfevents.0").touch()
    found = files_of_run(str(out / "tiny"))
    assert {"train.log", "metrics.csv", "tiny_best.caffemodel", "tiny_iter_4.solverstate"} <= {
        path.name for path in found.own
    }
    assert not found.left
    assert found.own[-1].name == "tiny_run.yaml"
    assert found.size == sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    assert len(found.own) == len(before) + 1
    gone = delete_run(str(out / "tiny"))
    assert gone == found
    assert not out.exists()


def test_what_others_left_stays(out, trained):
    # another run in the same folder, whose log is the newer one
    train(
        trained / "solver.yaml",
        Options(overrides=[*FIELDS, f"snapshot_prefix={out}/tiny_iter_9"]),
    )
    others = {name for name in names(out) if name.startswith("tiny_iter_9")}
    shutil.copy(out / "tiny_iter_9_iter_2.caffemodel", out / "tiny_iter_3.caffemodel")
    (out / "tiny_best.caffemodel.1").touch()
    (out / "tiny_iter_7.solverstate").touch()
    (out / "notes.txt").touch()
    found = delete_run(str(out / "tiny"))
    left = {path.name: reason for path, reason in found.left}
    assert left["tiny_iter_3.caffemodel"].startswith("is of run ")
    assert left["tiny_iter_7.solverstate"] == "its weights are not this run's, or not there"
    assert left["train.log"] == "train.log does not name this run"
    stay = {*others, *left, "tiny_best.caffemodel.1", "notes.txt"}
    assert stay <= set(names(out))
    assert not [name for name in names(out) if name in {path.name for path in found.own}]
    # what is there of the older one beside that are the files that the newer one has renamed
    assert {name[:-2] for name in set(names(out)) - stay} <= {"train.log", "metrics.csv"} | {
        "resources.csv",
        "resources.png",
    }


def test_links_are_not_followed(out, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    kept = [elsewhere / "events.out.tfevents.0", elsewhere / "weights"]
    for path in kept:
        path.touch()
    (out / "tiny_tensorboard").symlink_to(elsewhere)
    (out / "tiny_iter_2.caffemodel").unlink()
    (out / "tiny_iter_2.caffemodel").symlink_to(elsewhere / "weights")
    found = delete_run(str(out / "tiny"))
    assert {path.name: reason for path, reason in found.left} == {
        "tiny_tensorboard": "is a link",
        "tiny_iter_2.caffemodel": "is a link",
        "tiny_iter_2.solverstate": "its weights are not this run's, or not there",
    }
    assert names(out) == sorted(path.name for path, _ in found.left)
    assert all(path.exists() for path in kept)


def test_a_record_that_is_a_link_is_not_removed(out, tmp_path):
    (out / "tiny_run.yaml").rename(tmp_path / "record")
    (out / "tiny_run.yaml").symlink_to(tmp_path / "record")
    before = names(out)
    with pytest.raises(CatdogError, match=r"is a link to .*record; remove it"):
        delete_run(str(out / "tiny"))
    assert names(out) == before


def test_a_run_that_is_under_way_is_not_removed(out):
    before = names(out)
    with only_one(out / "tiny", "another", "wait"):
        for refuse in (check_ended, delete_run):
            with pytest.raises(CatdogError, match=r"tiny: the run is under way.*; stop it first"):
                refuse(str(out / "tiny"))
    assert names(out) == before
    check_ended(str(out / "tiny"))


def test_a_run_in_the_working_directory(out, monkeypatch):
    monkeypatch.chdir(out)
    delete_run("tiny")
    assert not names(out)
    assert Path.cwd() == out
