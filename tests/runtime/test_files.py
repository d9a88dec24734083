import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from catdog.errors import CatdogError, DataError
from catdog.runtime.files import new_folder, read_regular, replacing


def test_a_file_is_whole_or_as_it_was(tmp_path):
    path = tmp_path / "new" / "a.txt"
    with replacing(path) as beside:
        beside.write_text("one")
        assert not path.exists()
    with pytest.raises(KeyError), replacing(path) as beside:
        beside.write_text("half")
        raise KeyError
    assert path.read_text() == "one"
    assert [p.name for p in path.parent.iterdir()] == ["a.txt"]


def test_what_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(CatdogError, match="cannot be written"),
        replacing(tmp_path / "file" / "a.txt"),
    ):
        pass


def test_a_folder_is_whole_or_not_there(tmp_path):
    path = tmp_path / "new" / "folder"
    with pytest.raises(KeyError), new_folder(path) as beside:
        (beside / "a").touch()
        raise KeyError
    assert not path.parent.exists()
    with new_folder(path) as beside:
        (beside / "a").touch()
        assert not path.exists()
    assert [p.name for p in path.parent.iterdir()] == ["folder"]
    assert [p.name for p in path.iterdir()] == ["a"]
    with pytest.raises(DataError, match="exists already"), new_folder(path):
        pass
    with pytest.raises(CatdogError, match="cannot be written"), new_folder(path / "a" / "b"):
        pass


def write(path, text):
    with replacing(path) as beside:
        beside.write_text(text)


def test_a_link_stays_and_its_file_is_replaced(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "file").write_text("old")
    for name, target in (("link", "disk/file"), ("ahead", "disk/new")):
        (tmp_path / name).symlink_to(target)
        write(tmp_path / name, "new")
        assert (tmp_path / name).is_symlink()
        assert (tmp_path / target).read_text() == "new"
    assert sorted(path.name for path in (tmp_path / "disk").iterdir()) == ["file", "new"]


def test_a_pipe_and_a_device_get_what_is_written(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit((tmp_path / "pipe").read_text)
        write(tmp_path / "pipe", "through")
        assert read.result(timeout=10) == "through"
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    write("/dev/null", "gone")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    with pytest.raises(CatdogError, match="/dev/full: cannot be written: No space left"):
        write("/dev/full", "x" * 100_000)
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


def test_standard_output_is_no_file():
    code = (
        "from catdog.runtime.files import replacing\n"
        "with replacing('/dev/stdout') as beside: beside.write_text('shown')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "shown"


def test_what_is_no_file_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_bytes(b"1")
    assert read_regular(tmp_path / "file") == b"1"
    for path, what in (
        (tmp_path / "pipe", "a pipe"),
        (tmp_path, "a directory"),
        ("/dev/zero", "a device"),
    ):
        with pytest.raises(OSError, match=f"is {what}"):
            read_regular(Path(path))
