"""Rows that are written as they come, whatever ends the process, and gone on with."""

import subprocess
import sys
from contextlib import suppress

import pytest

from catdog.errors import CatdogError, Unwritable
from catdog.inference.row_file import OF, PART, row_file

TITLES = ["id", "label"]
#: Names that CSV has to quote are among them, and one that is not UTF-8.
IDS = ["0", "1", 'a,"b"', "c\nd", "caf\udce9", *map(str, range(5, 40))]
MADE_OF = {"photos": "1", "weights": "2"}


def rows_of(places):
    """Every seventh has no row."""
    return [(IDS[at], at) for at in places if at % 7 != 6]


def write(path, begin=0, **words):
    with row_file(path, TITLES, IDS, MADE_OF, step=4, **words) as rows:
        done = rows.done
        assert list(rows.without) == [at for at in range(done) if at % 7 == 6]
        for at in range(max(begin, done), len(IDS)):
            rows.add(rows_of([at]))
    return done


@pytest.fixture
def whole(tmp_path):
    write(tmp_path / "whole.csv")
    return (tmp_path / "whole.csv").read_bytes()


def stopped(path, count, error=KeyboardInterrupt):
    with pytest.raises(error) as caught, row_file(path, TITLES, IDS, MADE_OF) as rows:
        rows.add(rows_of(range(count)))
        raise error
    return caught.value


def left(folder):
    return sorted(path.name for path in folder.iterdir())


def test_all_rows_then_the_name(tmp_path, whole):
    assert whole.startswith(b'id,label\n0,0\n1,1\n"a,""b""",2\n"c\nd",3\ncaf\xe9,4\n5,5\n7,7\n')
    assert left(tmp_path) == ["whole.csv"]


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 8, 14, 39])
def test_it_ends_as_if_nothing_had_happened(tmp_path, whole, count):
    path = tmp_path / "s.csv"
    path.write_text("of before\n")
    error = stopped(path, count)
    assert path.read_text() == "of before\n"
    if count:
        assert left(tmp_path) == ["s.csv", f"s.csv{PART}", f"s.csv{OF}", "whole.csv"]
        rows = "1 row" if count == 1 else f"{len(rows_of(range(count)))} rows"
        assert error.__notes__ == [
            f"{rows} in {path}{PART}: the same command with --resume goes on"
        ]
    else:
        assert left(tmp_path) == ["s.csv", "whole.csv"]
    assert write(path, resume=True) == count // 4 * 4
    assert path.read_bytes() == whole
    assert left(tmp_path) == ["s.csv", "whole.csv"]


@pytest.mark.parametrize("cut", [*range(1, 12), 60, 100])
def test_rows_that_are_cut_off_anywhere(tmp_path, whole, cut):
    path, part = tmp_path / "s.csv", tmp_path / f"s.csv{PART}"
    stopped(path, 20)
    part.write_bytes(part.read_bytes()[:-cut])
    assert write(path, resume=True) <= 20
    assert path.read_bytes() == whole


@pytest.mark.parametrize("after", [b"\0\0\0", b"x,1\n5,5\n", b'"', b"\n\n", b"5\n", b"39,"])
def test_what_is_no_row_of_these_photos_goes(tmp_path, whole, after):
    path, part = tmp_path / "s.csv", tmp_path / f"s.csv{PART}"
    stopped(path, 12)
    part.write_bytes(part.read_bytes() + after)
    assert write(path, resume=True) == 12
    assert path.read_bytes() == whole


KILLED = """
import os, signal, sys
from catdog.inference.row_file import row_file
with row_file(sys.argv[1], {titles}, {ids}, {made_of}) as rows:
    for at in range(18):
        rows.add([({ids}[at], at)] if at % 7 != 6 else [])
    with rows.path.open("a") as file:
        file.write("18,")
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_kill_leaves_the_rows(tmp_path, whole):
    script = KILLED.format(titles=TITLES, ids=ascii(IDS), made_of=MADE_OF)
    path = tmp_path / "s.csv"
    assert subprocess.run([sys.executable, "-c", script, path], check=False).returncode == -9
    assert not path.exists() and (tmp_path / f"s.csv{PART}").exists()
    assert write(path, resume=True) == 16
    assert path.read_bytes() == whole


def test_without_resume_it_begins_anew(tmp_path, whole):
    stopped(tmp_path / "s.csv", 20)
    assert write(tmp_path / "s.csv") == 0
    assert (tmp_path / "s.csv").read_bytes() == whole


def test_rows_of_something_else_are_not_mixed(tmp_path):
    path = tmp_path / "s.csv"
    stopped(path, 20)
    before = (tmp_path / f"s.csv{PART}").read_bytes()
    for other, named in (
        ({"weights": "3"}, "other weights;"),
        ({"photos": "0", "weights": "3"}, "other photos and other weights;"),
    ):
        with (
            pytest.raises(CatdogError, match=rf"s\.csv\.part: its rows are of {named}"),
            row_file(path, TITLES, IDS, MADE_OF | other, resume=True),
        ):
            pass
    (tmp_path / f"s.csv{OF}").unlink()
    with pytest.raises(CatdogError, match="its rows are of other photos and other weights"):
        write(path, resume=True)
    assert (tmp_path / f"s.csv{PART}").read_bytes() == before


def test_other_columns_are_another_table(tmp_path):
    stopped(tmp_path / "s.csv", 20)
    with row_file(tmp_path / "s.csv", ["id", "p"], IDS, MADE_OF, resume=True) as rows:
        assert rows.done == rows.rows == 0


def test_one_at_a_time_and_what_is_no_file(tmp_path):
    path = tmp_path / "s.csv"
    with row_file(path, TITLES, IDS, MADE_OF) as rows:
        rows.add(rows_of([0]))
        with (
            pytest.raises(CatdogError, match="another prediction is writing here"),
            row_file(path, TITLES, IDS, MADE_OF),
        ):
            pass
    assert path.read_text() == "id,label\n0,0\n"
    with suppress(Unwritable), row_file("/dev/null", TITLES, IDS, MADE_OF) as rows:
        rows.add(rows_of([0]))
    with (
        pytest.raises(CatdogError, match="/dev/null: is no file: there is nothing to go on with"),
        row_file("/dev/null", TITLES, IDS, MADE_OF, resume=True),
    ):
        pass


def test_a_disk_that_is_full_leaves_the_rows(tmp_path):
    with pytest.raises(Unwritable), row_file(tmp_path / "s.csv", TITLES, IDS, MADE_OF) as rows:
        rows.add(rows_of(range(3)))
        rows.path = type(rows.path)("/dev/full")
        rows.add(rows_of(range(3, 6)))
    assert (tmp_path / f"s.csv{PART}").read_bytes().startswith(b"id,label\n0,0\n1,1\n")
