from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catdog.data.build import review
from catdog.data.build.review import ReviewRow, decide, propose, read_review, write_review
from catdog.errors import DataError
from catdog.runtime.lock import turn

HEAD = "photo,label,decision,new_label,note\n"
WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12)


@given(st.lists(st.tuples(st.text(min_size=1, max_size=12), WORDS), max_size=6))
def test_a_file_gives_back_what_was_written(tmp_path_factory, pairs):
    path = tmp_path_factory.mktemp("review", numbered=True) / "review.csv"
    rows = [ReviewRow(photo, "cat", "drop", "", note) for photo, note in dict(pairs).items()]
    write_review(path, rows)
    assert [row._replace(line=0) for row in read_review(path)] == rows


def test_files_as_spreadsheets_write_them(tmp_path):
    path = tmp_path / "review.csv"
    want = [ReviewRow("a b.jpg", "cat", "relabel", "dog", "so"), ReviewRow("c.jpg", "dog", "keep")]
    semicolons = (
        "Label;Photo;New label;Decision;Note;x\ncat;a b.jpg;dog;Relabel;so;\ndog;c.jpg;;KEEP\n"
    )
    for text, encoding in (
        (semicolons, "utf-8-sig"),
        (semicolons.replace("\n", "\r\n"), "utf-16"),
        (semicolons.replace(";", "\t"), "utf-8"),
        (HEAD + '"a b.jpg",cat,relabel,dog,so\n\n"c.jpg",dog,keep\n', "utf-8"),
    ):
        path.write_text(text, encoding=encoding, newline="")
        assert [row._replace(line=0) for row in read_review(path)] == want


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "1: has no column photo, label, decision, new_label; its first line is photo,label,"),
        ("photo,label\n", "1: has no column decision, new_label"),
        (HEAD + "a,cat,dorp,,", '2: \'a\': "dorp" is no decision; did you mean "drop"'),
        (HEAD + "a,cat,no,,", "2: .*is no decision; write keep, relabel, drop or nothing"),
        (HEAD + "\na,cat,relabel,,", "3: 'a': relabel, and there is no new_label; name the class"),
        (HEAD + "a,cat,relabel,cat,", "2: 'a': cat is the label that it has; write keep"),
        (HEAD + "a,cat,keep,dog,", "2: 'a': has a new_label, dog, and keep"),
        (HEAD + "a,cat,,dog,", "2: 'a': has a new_label, dog, and nothing decided"),
        (HEAD + ",cat,drop,,", "2: '': the name of the photo is missing"),
        (HEAD + "a,cat,drop,,\nb,cat,,,\na,cat,keep,,", "4: 'a' stands in line 2 too; keep one"),
        (HEAD + "a,cat,drop,,,,", "2: has 7 cells under 5 titles"),
        (HEAD + "a,cat,drop,,\x1b[2J", "2: 'a': has control characters"),
        (HEAD + f"a,cat,drop,,{'x' * 2001}", "2: 'a': a note of 2,001 characters"),
        (HEAD + f"a,cat,drop,,{'x' * 200_000}", " is no CSV"),
        (HEAD + "a,cat,x,,\nb,cat,y,,\n", r"2: 'a': \"x\" is no decision \(and 1 fault more\)"),
    ],
)
def test_what_is_damaged_is_told_with_its_line(tmp_path, text, told):
    path = tmp_path / "review.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=f"review.csv:{told}"):
        read_review(path)


def test_what_is_no_file(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_review(tmp_path / "none.csv")
    (tmp_path / "x").write_bytes(b"\xff\xfea")
    with pytest.raises(DataError, match="is no text"):
        read_review(tmp_path / "x")


def test_decisions_take_the_place_of_those_before(tmp_path):
    path = tmp_path / "new" / "review.csv"
    a, b, c = (ReviewRow(name, "cat") for name in "abc")
    path.parent.mkdir()
    decide(path, [a._replace(decision="drop"), b])
    assert propose(path, [a, b._replace(note="x"), c]) == (1, 2)
    decide(path, [b._replace(decision="relabel", new_label="dog")])
    rows = [row._replace(line=0) for row in read_review(path)]
    assert rows == [a._replace(decision="drop"), b._replace(decision="relabel", new_label="dog"), c]
    before = path.read_text()
    with pytest.raises(DataError, match="is no decision"):
        decide(path, [a._replace(decision="away")])
    assert path.read_text() == before


def test_two_who_decide_at_once_lose_nothing(tmp_path, monkeypatch):
    path = tmp_path / "review.csv"

    def some(word):
        for number in range(15):
            decide(path, [ReviewRow(f"{word}{number}", "cat", "drop")])

    threads = [Thread(target=some, args=(word,)) for word in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read_review(path)) == 30
    monkeypatch.setattr(review, "_PATIENCE", 0)
    with turn(path, 0), pytest.raises(DataError, match="another process is at work"):
        propose(path, [])
