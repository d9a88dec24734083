"""Names that stand for several, beside what a shell makes of them."""

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catdog.errors import CatdogError, DataError
from catdog.runtime.patterns import is_pattern, is_there, matches, whole_matches, without_braces

WORD = st.text("ab01.-/", max_size=4)
RANGE = st.tuples(st.integers(0, 30), st.integers(0, 12)).map(
    lambda ends: f"{{{ends[0]:02d}..{sum(ends):02d}}}"
)
WORDS = st.lists(WORD, min_size=2, max_size=3, unique=True).map(lambda w: f"{{{','.join(w)}}}")


@pytest.mark.parametrize(
    "name", ["a{1,2}b", "p-{08..11}.tar", "{a,b}{0..2}", "{x{1,2},y}", "plain", "{one}"]
)
def test_braces_as_a_shell_reads_them(name):
    done = subprocess.run(["bash", "-c", f"echo {name}"], capture_output=True, text=True)
    assert sorted(without_braces(name)) == sorted(done.stdout.split())


@given(WORD, RANGE | WORDS, WORD)
def test_each_name_has_what_stands_around_the_braces(before, braces, after):
    found = without_braces(before + braces + after)
    assert is_pattern(before + braces + after)
    assert all(name.startswith(before) and name.endswith(after) for name in found)
    if ".." in braces and "," not in braces:
        first, last = braces[1:-1].split("..")
        assert len(found) == int(last) - int(first) + 1


def test_what_is_there(tmp_path):
    for name in ("b1", "a2", "a1", "c"):
        (tmp_path / name).mkdir()
    found = [name.rpartition("/")[2] for name in matches(f"{tmp_path}/{{b,a}}*")]
    assert found == ["b1", "a1", "a2"]
    assert matches(f"{tmp_path}/{{c,d}}") == [f"{tmp_path}/c"]
    assert whole_matches(f"{tmp_path}/{{b,a}}*") == matches(f"{tmp_path}/{{b,a}}*")
    assert not whole_matches(f"{tmp_path}/{{d,e}}")
    assert is_there(tmp_path / "a?")
    assert not is_there(tmp_path / "z*")


@pytest.mark.parametrize(
    ("braces", "what"), [("a{1..3}", "a3 is not there"), ("{c,d,e*}", "d and 1 more are not there")]
)
def test_a_part_of_braces_that_is_missing(tmp_path, braces, what):
    for name in ("a1", "a2", "c"):
        (tmp_path / name).mkdir()
    with pytest.raises(DataError, match=what):
        whole_matches(f"{tmp_path}/{braces}")


def test_too_many():
    with pytest.raises(CatdogError, match="more than 1,000,000 names"):
        without_braces("{0..9999999999999}")
