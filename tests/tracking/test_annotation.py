import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from catdog.errors import CatdogError
from catdog.tracking.annotation import MOST_NOTE, MOST_TAG, MOST_TAGS, Annotation, annotation
from catdog.tracking.run_file import annotation_of, read_run, write_run

FILE = {"status": "done", "name": "net"}


def test_what_is_kept_of_what_was_given():
    found = annotation("  two\r\nlines\tand a tab\n", [" a ", "b", "a", "e\u0301"])
    assert found == Annotation("two\nlines\tand a tab", ("a", "b", "\u00e9"))


@pytest.mark.parametrize(
    ("note", "tags", "what"),
    [
        ("x" * 100_000, (), r"note: has 100,000 characters, and 10,000 are the most"),
        ("a\x1b[2J", (), r"note: has a character that cannot be shown \(U\+001B\)"),
        ("a\x00", (), r"note: .*U\+0000"),
        ("\udcff", (), r"note: .*U\+DCFF"),
        ("", ["a b"], r'tag "a b": is one word'),
        ("", ["a,b"], r'tag "a,b": is one word'),
        ("", [" "], r'tag "": is empty'),
        ("", ["x" * 41], r'tag "x{40}": has 41 characters, and 40 are the most'),
        ("", ["a\u200bb"], r"tag: has a character that cannot be shown \(U\+200B\)"),
        ("", map(str, range(21)), r"tags: 21 for one run, and 20 are the most"),
    ],
)
def test_what_is_refused(note, tags, what):
    with pytest.raises(CatdogError, match=f"^{what}"):
        annotation(note, tags)
    assert (MOST_NOTE, MOST_TAG, MOST_TAGS) == (10_000, 40, 20)


@given(st.text(max_size=60), st.lists(st.text(max_size=8), max_size=4))
def test_a_file_gives_back_what_is_kept(tmp_path_factory, note, tags):
    try:
        kept = annotation(note, tags)
    except CatdogError:
        return
    path = tmp_path_factory.mktemp("runs", numbered=True) / "net_run.yaml"
    write_run(path, {**FILE, "note": kept.note, "tags": list(kept.tags)})
    assert annotation_of(read_run(path)) == kept
    assert annotation(kept.note, kept.tags) == kept
    assert yaml.safe_load(path.read_text(encoding="utf-8"))["note"] == kept.note
