"""Predictions as a table, beside what the predictor says."""

import csv
from pathlib import Path

import numpy as np

from catdog.data.images import Unreadable
from catdog.inference.heads import Head
from catdog.inference.prediction_table import table_file
from catdog.inference.predictor import Prediction

_ONE = Head("prob", tuple("abcdefg"), "prob", several=False)
_TWO = Head("kind", ("x", "y"), "kind", several=True)


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_row_has_the_five_likeliest_classes(tmp_path):
    row = np.array([0.1, 0.3, 0.05, 0.35, 0.02, 0.08, 0.1], np.float32)
    path = tmp_path / "table.csv"
    with table_file(path, [_ONE]) as table:
        table.take(0, [("1", Prediction(Path("x/1.jpg"), row)), ("2", Unreadable("no"))])
        assert not path.exists()
        assert table.lacks(2) and not table.lacks(1)
    (found,) = rows_of(path)
    assert (found["id"], found["file"]) == ("1", "x/1.jpg")
    assert [found[f"class_{place}"] for place in range(1, 6)] == ["d", "b", "a", "g", "f"]
    assert [float(found[f"probability_{place}"]) for place in (1, 5)] == [0.35, 0.08]


def test_heads_have_columns_of_their_own(tmp_path):
    rows = np.array([0, 0, 0, 0, 0, 0, 1], np.float32), np.array([0.9, 0.2], np.float32)
    path = tmp_path / "table.csv"
    with table_file(path, [_ONE, _TWO]) as table:
        table.take(0, [("1", Prediction(Path("1.jpg"), rows[0], (rows[1],)))])
    (found,) = rows_of(path)
    assert found["prob class_1"] == "g" and found["kind class_2"] == "y"
    assert "kind class_3" not in found
