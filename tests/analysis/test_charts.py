"""Drawings: what they count is what was given."""

import numpy as np
import pytest

from catdog.analysis import charts


def heights(figure):
    return [patch.get_height() for patch in figure.axes[0].patches]


@pytest.mark.parametrize(
    "values", [np.arange(1000.0), np.full(7, 200.0), np.array([3.0]), np.array([1.0, 1, 1, 900])]
)
def test_a_histogram_counts_every_photo_once(values):
    figure = charts.histogram(values, "width")
    assert sum(heights(figure)) == len(values)
    assert f"median {np.median(values):.4g}" in figure.axes[0].get_title(loc="left")


def test_bars_of_very_many_classes_are_the_largest_in_their_order(tmp_path):
    counts = [(i * 37) % 101 for i in range(100)]
    figure = charts.bars([f"class $ {i}" for i in range(100)], counts, "photos")
    shown = [int(label.get_text().split()[-1]) for label in figure.axes[0].get_yticklabels()]
    assert shown == sorted(shown)
    assert {counts[i] for i in shown} == set(sorted(counts)[-30:])
    assert [round(p.get_width()) for p in figure.axes[0].patches] == [counts[i] for i in shown]
    path = charts.save(figure, tmp_path / "classes.png")
    assert path.read_bytes().startswith(b"\x89PNG")


def test_confidences_and_calibration_can_be_drawn_of_few(tmp_path):
    none = np.zeros(0)
    figure = charts.confidences(np.array([0.9, 0.6, 1.0]), none)
    assert sum(heights(figure)) == 3
    dot = np.array([0.4])
    charts.save(charts.reliability(dot, dot, np.array([3])), tmp_path / "r.png")
    points = charts.reliability(dot, dot, np.array([3])).axes[0].collections[0].get_offsets()
    np.testing.assert_array_equal(points, [[0.4, 0.4]])
    charts.save(charts.roc([]), tmp_path / "roc.png")
