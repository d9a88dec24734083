"""Features that a person thought of, and the table that sets them beside learned ones."""

import importlib
import os
from pathlib import Path

import numpy as np
import pytest

from catdog.analysis import linear_probe
from catdog.data.build.synthetic import draw_sample
from catdog.errors import DataError
from experiments import hand_made
from experiments.hand_made import SIDE, HandMadeScore, both, colours, gradients
from tests.tiny_solver import write_labelled


def bars(upright: bool) -> np.ndarray:
    """Black and white bars of 8 pixels."""
    row = (np.arange(SIDE) // 8 % 2 * 255).astype(np.uint8)
    grey = np.tile(row, (SIDE, 1)) if upright else np.tile(row[:, None], (1, SIDE))
    return np.repeat(grey[..., None], 3, axis=2)


def test_hog_tells_in_which_direction_edges_go():
    upright, level = (gradients(bars(each)).reshape(-1, 9).sum(0) for each in (True, False))
    # scikit-image counts the angle of the gradient from the columns' direction, 20 degrees a bin
    assert upright.argmax() != level.argmax()
    assert upright.max() > 0.9 * upright.sum() and level.max() > 0.9 * level.sum()


def test_a_histogram_has_the_share_of_each_colour():
    photo = np.zeros((SIDE, SIDE, 3), np.uint8)
    photo[: SIDE // 4, :, 2] = 255  # a quarter red, BGR
    shares = colours(photo) ** 2
    assert sorted(shares)[-2:] == pytest.approx([0.25, 0.75]) and shares.sum() == pytest.approx(1)


def test_both_are_one_behind_the_other():
    photo = bars(True)
    assert len(both(photo)) == 1764 + 192
    assert np.array_equal(both(photo)[:1764], gradients(photo))


def test_a_row_for_each_way():
    row = HandMadeScore("HOG", "1,764", "svm", 0.75, 0.5, 1.25)
    assert hand_made.table([row]).splitlines()[2] == "| HOG | 1,764 | svm | 75.0 % | 0.500 | 1.2 |"


def test_stores_of_other_photos_are_told(tmp_path):
    for name, count in (("a", 4), ("b", 5)):
        for part in ("train_lmdb", "validation_lmdb"):
            folder = tmp_path / name / "input"
            folder.mkdir(parents=True, exist_ok=True)
            write_labelled(folder / part, [0, 1] * count)
    hand_made.check_split([tmp_path / "a", tmp_path / "a"])
    with pytest.raises(DataError, match="other photos"):
        hand_made.check_split([tmp_path / "a", tmp_path / "b"])


def test_the_table_of_drawn_photos(tmp_path, monkeypatch, capsys):
    def in_this_process(name: str, *words: object, at: Path) -> None:
        before = Path.cwd()
        os.chdir(at)
        importlib.import_module(f"tools.{name}").main([str(word) for word in words])
        os.chdir(before)

    monkeypatch.setattr(hand_made, "tool", in_this_process)
    monkeypatch.setattr(linear_probe, "STRENGTHS", (0.01,))
    draw_sample(tmp_path, train=36, test=0)
    places = ["--data", str(tmp_path), "--out", str(tmp_path / "out")]
    hand_made.main([*places, "--without", "net", "pretrained"])
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert [row.split(" | ")[0] for row in rows[1:]] == [
        "| colour histogram", "| colour histogram", "| HOG", "| HOG",
        "| HOG and colours", "| HOG and colours",
    ]  # fmt: skip
