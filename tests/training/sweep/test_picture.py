"""The picture of a sweep: it names what is drawn, and its axes have ticks where there is little."""

from pathlib import Path

import pytest

from catdog.training.sweep import Plan, Sweep, draw, parse_axis
from catdog.training.sweep.sweep import Trial

AXES = ["base_lr=0.002..0.004:log", "momentum=0.8..0.9", "max_iter=4..6", "type=SGD,Adam"]
VALUES = {"base_lr": "0.003", "momentum": "0.85", "max_iter": "5", "type": "SGD"}


def trial(number: int, state: str = "done", value: float | None = 0.5) -> Trial:
    return Trial(number, state, VALUES, value, 2, 1.0, "", "")


@pytest.fixture
def figure_of(monkeypatch, tmp_path):
    def figure_of(*trials):
        kept = []
        where = "catdog.training.sweep.picture.save_figure"
        monkeypatch.setattr(where, lambda figure, *_, **__: kept.append(figure))
        plan = Plan(Path("s.yaml"), [parse_axis(text) for text in AXES], metric="accuracy")
        draw(Sweep(plan, trials), tmp_path / "sweep.png")
        kept[0].draw_without_rendering()
        return kept[0]

    return figure_of


@pytest.mark.parametrize(
    ("trials", "names"),
    [
        ([trial(0)], ["done", "best"]),
        ([trial(0), trial(1)], ["done", "best so far", "best"]),
        ([trial(0, "ended early")], ["ended early"]),
        ([trial(0), trial(1, "failed", None)], ["done", "best so far", "best", "failed"]),
    ],
)
def test_only_what_is_drawn_has_a_name(figure_of, trials, names):
    legend = figure_of(*trials).axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == names


def test_every_axis_has_ticks_also_with_one_trial(figure_of):
    history, *fields = figure_of(trial(0)).axes
    assert shown_ticks(history) == ["0"]
    for axes in fields:
        assert all(shown_ticks(axes))
        assert 2 <= len(shown_ticks(axes)) <= 8


def shown_ticks(axes):
    low, high = axes.get_xlim()
    pairs = zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)
    return [label.get_text() for at, label in pairs if low <= at <= high]
