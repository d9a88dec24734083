"""Submissions: Kaggle's two forms, a column for each class, for each label, heads side by side."""

import csv
from pathlib import Path

import numpy as np
import pytest

from catdog.data.images import Unreadable
from catdog.inference.heads import Head
from catdog.inference.predictor import Prediction
from catdog.inference.submission import CLIP, write_skipped, write_submission

TWO = Head("prob", ("cat", "dog"), "prob", several=False)
THREE = Head("prob", ("cat", "dog", "hen"), "kind", several=False)
TRAITS = Head("traits", ("flies", "wheels"), "traits", several=True)


def written(path: Path, heads: list[Head], probability: bool, **rows: tuple[list[float], ...]):
    found = {
        name.strip("_"): Prediction(
            Path(name), *(np.array(row, np.float32) for row in parts[:1]), others(parts[1:])
        )
        for name, parts in rows.items()
    }
    write_submission(path / "s.csv", found, heads, probability=probability)
    with (path / "s.csv").open(newline="") as file:
        return list(csv.reader(file))


def others(rows):
    return tuple(np.array(row, np.float32) for row in rows)


def test_kaggles_two_forms(tmp_path):
    rows = {"_10": ([0.0, 1.0],), "_2": ([0.75, 0.25],)}
    assert written(tmp_path, [TWO], False, **rows) == [["id", "label"], ["2", "0"], ["10", "1"]]
    assert (tmp_path / "s.csv").read_bytes() == b"id,label\n2,0\n10,1\n"
    found = written(tmp_path, [TWO], True, **rows)
    assert found == [["id", "label"], ["2", "0.250000"], ["10", f"{1 - CLIP:.6f}"]]


def test_more_classes_have_a_column_each(tmp_path):
    rows = {"a": ([0.0, 0.75, 0.25],)}
    assert written(tmp_path, [THREE], False, **rows)[1:] == [["a", "1"]]
    head, row = written(tmp_path, [THREE], True, **rows)
    assert head == ["id", "cat", "dog", "hen"]
    assert [float(word) for word in row[1:]] == [0, 0.75, 0.25]


def test_labels_of_their_own_have_a_column_each(tmp_path):
    rows = {"a": ([0.75, 0.25],), "b": ([0.75, 0.875],), "c": ([0.25, 0.125],)}
    found = written(tmp_path, [TRAITS], False, **rows)
    assert found == [["id", "flies", "wheels"], ["a", "1", "0"], ["b", "1", "1"], ["c", "0", "0"]]
    found = written(tmp_path, [TRAITS], True, **rows)
    assert found[1] == ["a", "0.750000", "0.250000"]


def test_heads_stand_side_by_side(tmp_path):
    rows = {"a": ([0.0, 0.75, 0.25], [0.25, 0.75])}
    found = written(tmp_path, [THREE, TRAITS], False, **rows)
    assert found == [["id", "kind", "flies", "wheels"], ["a", "1", "0", "1"]]
    assert written(tmp_path, [THREE, TRAITS], True, **rows)[0] == [
        *("id", "cat", "dog", "hen", "flies", "wheels"),
    ]


def test_columns_of_one_name_are_told_apart(tmp_path):
    one, two = (Head(name, ("0", "1"), name, several=True) for name in ("x", "y"))
    head, _ = written(tmp_path, [one, two], False, a=([0.0, 1.0], [1.0, 0.0]))
    assert head == ["id", "x 0", "x 1", "y 0", "y 1"]


def test_names_that_are_no_utf8_stay_what_they_are(tmp_path):
    name = b"caf\xe9".decode(errors="surrogateescape")
    prediction = Prediction(Path(name), np.array([0.0, 1.0], np.float32))
    write_submission(tmp_path / "s.csv", {name: prediction}, [TWO])
    assert (tmp_path / "s.csv").read_bytes() == b"id,label\ncaf\xe9,1\n"


def test_the_record_of_an_earlier_submission_goes(tmp_path):
    listed = write_skipped(tmp_path / "s.csv", [Unreadable("empty file", where="2.jpg")])
    assert listed.read_text().splitlines() == ["photo,reason", "2.jpg,empty file"]
    assert write_skipped(tmp_path / "s.csv", []) == listed
    assert not listed.exists()


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_wrong_certainty_does_not_cost_everything(tmp_path, value):
    _, (_, word) = written(tmp_path, [TWO], True, a=([1 - value, value],))
    assert CLIP <= float(word) <= 1 - CLIP
