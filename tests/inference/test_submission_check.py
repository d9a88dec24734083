"""A submission is checked before it is sent, and sent only when that is said."""

from pathlib import Path

import pytest
from catdog.tools.submit import main

from catdog.errors import DataError
from catdog.inference.submission_check import check_submission
from tests.tool_run import run_tool

REDUX = "dogs-vs-cats-redux-kernels-edition"


def write(path: Path, values, header="id,label") -> Path:
    path.write_text("\n".join([header, *(f"{name},{value}" for name, value in values)]) + "\n")
    return path


@pytest.fixture
def submission(tmp_path, monkeypatch) -> Path:
    """One that is in order; there is no kaggle program."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return write(Path("s.csv"), ((number, number % 2) for number in range(12500, 0, -1)))


def fake_kaggle(code: int = 0) -> Path:
    """A program that writes its arguments down."""
    program = Path("bin/kaggle")
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > sent.txt\nexit {code}\n')
    program.chmod(0o755)
    return program


def test_the_command_is_printed_and_nothing_is_sent(submission, capsys):
    fake_kaggle()
    lines = run_tool(main, capsys, submission, "--message", "first try")
    assert lines == [
        "s.csv: 12,500 rows, in order for dogs-vs-cats",
        "to send it (or --send):",
        "kaggle competitions submit -c dogs-vs-cats -f s.csv -m 'first try'",
    ]
    assert not Path("sent.txt").exists()


def test_it_is_sent_when_that_is_said(submission, capsys):
    (line,) = run_tool(main, capsys, submission, "--send")
    assert line.startswith("error: --send: there is no kaggle program here; pip install kaggle")
    fake_kaggle()
    run_tool(main, capsys, submission, "--send", "--message=a b")
    sent = Path("sent.txt").read_text().splitlines()
    assert sent == ["competitions", "submit", "-c", "dogs-vs-cats", "-f", "s.csv", "-m", "a b"]


def test_kaggle_that_fails_is_told(submission, capsys):
    fake_kaggle(3)
    (line,) = run_tool(main, capsys, submission, "--send")
    assert line == "error: s.csv: kaggle ended with exit code 3"


def test_a_fault_is_not_sent(submission, capsys):
    fake_kaggle()
    with submission.open("a") as file:
        file.write("3,1\n")
    (line,) = run_tool(main, capsys, submission, "--send")
    assert line == 'error: s.csv:12502: id "3" is there before'
    assert not Path("sent.txt").exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "s.csv: has no rows"),
        ("id,label\n", "s.csv: has no rows"),
        ("id,dog\n1,0\n2,1\n3,1\n", "s.csv:1: its columns are id,dog, x wants id,label"),
        ("id,label\n1,0\n2\n3\n", "s.csv:3: has 1 values, the header 2 (1 more like it)"),
        ("id,label\n1,0\n2,1\n2,1\n3,0\n", 's.csv:4: id "2" is there before'),
        ("id,label\n1,0\n2,1\nc,0\n", 's.csv:4: id "c" is no id of this competition'),
        ("id,label\n1,0\n3,1\n", "s.csv: lacks 1 id: 2; a row for each photo"),
        ("id,label\n1,0\n2,nan\n3,0\n", 's.csv:3: "nan" stands where a number from 0 to 1'),
        ("id,label\n1,0\n2,\n3,x\n", 's.csv:3: "" stands where a number from 0 to 1 belongs (1'),
        ("id,label\n1,0\n2,1.01\n3,-1\n", 's.csv:3: "1.01" stands where'),
        ('id,label\n1,"0\n', "s.csv: is no CSV"),
    ],
)
def test_faults_are_one_line(text, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("s.csv").write_text(text)
    sample = write(Path("sample.csv"), [(1, 0), (2, 0), (3, 0)])
    with pytest.raises(DataError) as error:
        check_submission("s.csv", "x", sample)
    assert str(error.value).startswith(told)


def test_each_competition_has_its_form(submission):
    assert check_submission(submission, "dogs-vs-cats").remarks == ()
    (remark,) = check_submission(submission, REDUX).remarks
    assert remark.startswith("12,500 of 12,500 probabilities are exactly 0 or 1")
    sure = write(Path("p.csv"), ((number, 0.25) for number in range(1, 12501)))
    assert check_submission(sure, REDUX).remarks == ("all values are the same",)
    with pytest.raises(DataError, match=r'p.csv:2: "0.25" .*12,499 more.*without --probability'):
        check_submission(sure, "dogs-vs-cats")
    with pytest.raises(DataError, match='"dog-vs-cats" is not known here; did you mean'):
        check_submission(sure, "dog-vs-cats")
    with pytest.raises(DataError, match=r"gone.csv: no such file"):
        check_submission("gone.csv", REDUX)


def test_columns_of_a_sample(tmp_path):
    sample = write(tmp_path / "sample.csv", [("a", "0,0"), ("b", "0,0")], header="name,x,y")
    good = write(tmp_path / "good.csv", [("b", "0.5,0.5"), ("a", "1,0")], header="name,x,y")
    assert check_submission(good, "other", sample).rows == 2


def test_a_byte_order_mark_is_no_part_of_the_header(submission):
    submission.write_bytes(b"\xef\xbb\xbf" + submission.read_bytes())
    assert check_submission(submission, "dogs-vs-cats", submission).rows == 12500
