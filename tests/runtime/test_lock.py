"""One process at a time, and that the lock goes with its holder."""

import multiprocessing
import os
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread

import pytest

from catdog.errors import CatdogError
from catdog.runtime.lock import only_one, turn


def held(path: Path) -> str:
    """What is told to a second one; empty where there is none."""
    try:
        with only_one(path, "another is here", "wait"):
            return ""
    except CatdogError as error:
        return str(error)


def hold(path: Path, end: Connection) -> None:
    with only_one(path, "another is here", "wait"):
        end.send("held")
        end.recv()
        # as if killed: nothing is cleaned up
        os._exit(9)


def test_a_second_one_is_refused_and_leaves_the_first_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "run"
    with only_one(path, "another is here", "wait"):
        for _ in range(2):
            text = held(path)
            assert text.startswith(f"{path}: another is here (process {os.getpid()} of ")
            assert text.endswith("wait")
        assert not held(tmp_path / "other")
    assert not list(tmp_path.iterdir())
    assert not held(path)


def test_a_folder_with_something_in_it_stays(tmp_path: Path) -> None:
    with only_one(tmp_path / "new" / "run", "another is here", "wait"):
        (tmp_path / "new" / "file").touch()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["file"]


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    path = tmp_path / "run"
    mine, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=hold, args=(path, theirs))
    process.start()
    assert mine.poll(30) and mine.recv() == "held"
    assert f"process {process.pid} " in held(path)
    mine.send("end")
    process.join(30)
    assert process.exitcode == 9
    assert not held(path)


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CatdogError, match="cannot be written"):
        held_in = tmp_path / "file" / "run"
        with only_one(held_in, "another is here", "wait"):
            pass


def test_a_turn_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "record"
    order: list[str] = []

    def second() -> None:
        with turn(path, 60) as held:
            order.append(f"second {held}")

    with turn(path, 0) as first:
        waiting = Thread(target=second)
        waiting.start()
        with turn(path, 0.1) as other:
            order.append(f"first {first}, other {other}")
    waiting.join(60)
    assert order == ["first True, other False", "second True"]
    assert not list(tmp_path.iterdir())
    with turn(tmp_path / "nowhere" / "record", 60) as held:
        assert not held
