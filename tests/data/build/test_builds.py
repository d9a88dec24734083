"""A new build becomes current in one step, whatever stood there and wherever the process dies."""

import os
import shutil
import sys

import pytest

from catdog.data.build.builds import NAMES, only_build
from catdog.data.lmdb_store import BUILT
from catdog.errors import CatdogError, DataError

MOVES = {"os.rename", "os.symlink", "os.remove", "os.rmdir", "os.mkdir"}
KILLED = 9


def fill(folder, version, names=NAMES):
    """A build, or the stores of an old catdog, each file of which says which it is."""
    for name in names:
        if name in BUILT:
            (folder / name).mkdir(parents=True)
            for file in ("data.mdb", "dataset.yaml"):
                (folder / name / file).write_text(version)
        else:
            (folder / name).write_text(version)


def make(out, version, names=NAMES):
    with only_build(out) as builds:
        folder, _ = builds.begin(version, resume=False)
        fill(folder, version, names)
        return builds.finish(folder)


def versions(out):
    """What the names of a folder say, those that are there."""
    found = {}
    for name in NAMES:
        path = out / name / "data.mdb" if name in BUILT else out / name
        if path.exists():
            found[name] = path.read_text()
    return found


def killed_at(number, work):
    """Do something in a process that dies before its n-th move; whether it died."""
    child = os.fork()
    if not child:
        left = number

        def count(event, _):
            nonlocal left
            if event in MOVES:
                left -= 1
                if left < 0:
                    os._exit(KILLED)

        sys.addaudithook(count)
        work()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == KILLED


def tidy(out):
    """Only the current build and its names are there."""
    builds = sorted(path.name for path in (out / ".builds").iterdir())
    assert len(builds) == 2
    assert builds[1] == "current"
    assert not list(out.glob(".*.lock"))


def test_a_build_takes_the_place_of_the_last_one(tmp_path):
    assert make(tmp_path / "out", "one") == []
    assert make(tmp_path / "out", "two", [n for n in NAMES if n != "test_lmdb"]) == []
    assert versions(tmp_path / "out") == {n: "two" for n in NAMES if n != "test_lmdb"}
    assert not (tmp_path / "out" / "test_lmdb").is_symlink()
    tidy(tmp_path / "out")
    (tmp_path / "out").rename(tmp_path / "moved")
    assert set(versions(tmp_path / "moved").values()) == {"two"}


@pytest.mark.parametrize("before", ["nothing", "a build", "stores of an old catdog"])
def test_no_moment_mixes_old_and_new(tmp_path, before):
    number, died, seen = 0, True, set()
    while died:
        out = tmp_path / f"out{number}"
        out.mkdir()
        if before == "a build":
            make(out, "old", [*BUILT[:2], *NAMES[3:]])
        elif before == "stores of an old catdog":
            fill(out, "old")
        died = killed_at(number, lambda out=out: make(out, "new"))
        found = versions(out)
        assert len(set(found.values())) <= 1, (number, found)
        seen |= set(found.values())
        if before == "a build":
            assert len(found) >= len(NAMES) - 1, number
        assert make(out, "newest") == []
        assert versions(out) == dict.fromkeys(NAMES, "newest")
        tidy(out)
        number += 1
    assert number > 10
    assert seen == ({"new"} if before == "nothing" else {"old", "new"})


def test_what_is_not_catdogs_is_left(tmp_path):
    fill(tmp_path, "old", ["train_lmdb", "dataset.yaml"])
    (tmp_path / "train_lmdb" / "notes.txt").write_text("mine")
    (tmp_path / "validation_lmdb").mkdir()
    (tmp_path / "validation_lmdb" / "data.mdb").write_text("Caffe's")
    (tmp_path / "todo").write_text("mine")
    told = make(tmp_path, "new")
    assert versions(tmp_path) == dict.fromkeys(NAMES, "new")
    assert [f"{tmp_path / name}.1" in "".join(told) for name in BUILT] == [True, True, False]
    assert (tmp_path / "train_lmdb.1" / "notes.txt").read_text() == "mine"
    assert (tmp_path / "validation_lmdb.1" / "data.mdb").read_text() == "Caffe's"
    assert (tmp_path / "todo").read_text() == "mine"


def test_a_copy_that_followed_the_links_is_built_upon(tmp_path):
    make(tmp_path / "out", "old")
    shutil.copytree(tmp_path / "out", tmp_path / "copy")
    assert make(tmp_path / "copy", "new") == []
    assert versions(tmp_path / "copy") == dict.fromkeys(NAMES, "new")
    tidy(tmp_path / "copy")


def test_one_build_at_a_time(tmp_path):
    with only_build(tmp_path / "out") as builds:
        folder, _ = builds.begin("a", resume=False)
        with (
            pytest.raises(CatdogError, match=r"out: another build is writing here \(process \d+"),
            only_build(tmp_path / "out"),
        ):
            pass
        assert folder.exists()
        folder.rename(tmp_path / "elsewhere")


def test_a_failed_start_leaves_no_folder(tmp_path):
    with pytest.raises(ZeroDivisionError), only_build(tmp_path / "a" / "b"):
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())


def test_only_the_same_build_is_gone_on_with(tmp_path):
    def begin(plan, resume):
        with only_build(tmp_path) as builds:
            return builds.begin(plan, resume)

    first, resumed = begin("a", True)
    assert not resumed
    assert begin("a", True) == (first, True)
    assert begin("a", False) == (first, False)
    with pytest.raises(DataError, match="is of other photos, labels or options"):
        begin("b", True)
    assert first.exists()
    other, resumed = begin("b", False)
    assert not resumed
    assert [path.name for path in (tmp_path / ".builds").iterdir()] == [other.name]


def test_a_disk_without_links_is_named(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "symlink", refuse)
    with pytest.raises(CatdogError, match="symbolic links cannot be made here"):
        make(tmp_path, "new")
