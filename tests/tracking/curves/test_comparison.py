"""Several runs in one picture, over iterations, epochs and time."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from matplotlib.figure import Figure

from catdog.errors import CatdogError
from catdog.tracking.curves import comparison
from catdog.tracking.curves.comparison import compare
from catdog.tracking.curves.data import Style, read_curves
from catdog.tracking.curves.files import plot
from tools import plot_learning_curve

LOGS = Path(__file__).parents[2] / "goldens" / "logs"
NAMES = ("train", "finetune", "interrupted_and_resumed")


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    """Folders as trainings leave them."""
    for name in NAMES:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "train.log").write_bytes((LOGS / f"{name}.log").read_bytes())
    return [tmp_path / name for name in NAMES]


def test_each_run_has_a_name_with_its_best(runs: list[Path]) -> None:
    curves, style = read_curves(runs, Style())
    figure = compare(curves, style)
    named, kinds = figure.legends
    best = [max(v.value for v in c.log.test_outputs if v.name == "accuracy") for c in curves]
    assert [text.get_text() for text in named.get_texts()] == [
        f"{name}: best {value:.1%}" for name, value in zip(NAMES, best, strict=True)
    ]
    assert "best test" in [text.get_text() for text in kinds.get_texts()]
    losses, accuracies = figure.axes
    assert len(accuracies.lines) == len(accuracies.collections) == len(runs)
    colors = {line.get_color() for line in losses.lines}
    assert len(colors) == len(runs)


def test_runs_without_accuracy_have_their_best_loss(tmp_path: Path) -> None:
    for name in "ab":
        lines = (LOGS / "train.log").read_text().splitlines()
        (tmp_path / f"{name}.log").write_text("\n".join(s for s in lines if "accuracy" not in s))
    curves, style = read_curves([tmp_path / "a.log", tmp_path / "b.log"], Style())
    figure = compare(curves, style)
    assert len(figure.axes) == 1
    least = min(v.value for v in curves[0].log.test_outputs)
    assert figure.legends[0].get_texts()[0].get_text() == f"a.log: best {least:.4g}"


def test_names_tell_runs_apart(tmp_path: Path) -> None:
    for name in ("a/x", "b/x"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "train.log").write_bytes((LOGS / "train.log").read_bytes())
    paths = [tmp_path / "a" / "x", tmp_path / "b" / "x" / "train.log"]
    curves, _ = read_curves(paths, Style())
    assert [curve.name for curve in curves] == ["a/x", "b/x"]


def test_the_snapshots_of_a_project_go_by_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "flowers" / "snapshots"
    folder.mkdir(parents=True)
    (folder / "train.log").write_bytes((LOGS / "train.log").read_bytes())
    ((curve,), _) = read_curves([folder / "train.log"], Style())
    assert curve.name == "flowers"


def test_over_epochs_as_the_table_has_them(runs: list[Path]) -> None:
    with pytest.raises(CatdogError, match="epochs of this log are not known"):
        read_curves(runs[:1], Style(across="epoch"))
    table = "iteration,epoch,seconds\n0,0,1\n50,2.5,9\n"
    (runs[0] / "metrics.csv").write_text(table)
    plain, _ = read_curves(runs[:1], Style())
    curves, style = read_curves(runs[:1], Style(across="epoch"))
    assert style.label == "epoch"
    want = [(i / 20, value) for i, value in plain[0].log.train_loss]
    np.testing.assert_allclose(curves[0].log.train_loss, want)


def test_over_the_time_at_work(tmp_path: Path) -> None:
    def line(clock: str, text: str) -> str:
        return f"I1121 {clock}.000000 1 solver.cpp:1] {text}\n"

    log = tmp_path / "train.log"
    log.write_text(
        line("10:00:00", "Solving net")
        + line("10:00:10", "Iteration 0 (1 iter/s, 1s/1 iters), loss = 3")
        + line("10:05:00", "Iteration 10 (1 iter/s, 1s/1 iters), loss = 2")
        # a night between
        + line("22:00:00", "Solving net")
        + line("22:01:00", "Iteration 20 (1 iter/s, 1s/1 iters), loss = 1")
    )
    (curve,), style = read_curves([log], Style(across="time"))
    assert style.label == "time, minutes"
    want = [(1 / 6, 3.0), (5.0, 2.0), (6.0, 1.0)]
    np.testing.assert_allclose(curve.log.train_loss, want)


def test_a_part_that_is_trained_again_does_not_go_back_in_time(tmp_path: Path) -> None:
    """Stopped at 30, and gone on from a snapshot at 10 as far as 15."""
    shown = [(0, 0), (10, 10), (20, 20), (30, 30), (10, 40), (15, 45)]
    lines = [
        f"I1121 10:00:{second:02}.000000 1 solver.cpp:1] Iteration {iteration} "
        f"(1 iter/s, 1s/1 iters), loss = {iteration}\n"
        for iteration, second in shown
    ]
    log = tmp_path / "train.log"
    log.write_text("".join(["I1121 10:00:00.000000 1 solver.cpp:1] Solving net\n", *lines]))
    (curve,), style = read_curves([log], Style(across="time"))
    assert style.label == "time, seconds"
    assert curve.log.train_loss == [(0, 0), (40, 10), (45, 20), (45, 30), (40, 10), (45, 15)]


@pytest.mark.parametrize("across", ["iteration", "time"])
def test_the_tool_draws_folders(
    runs: list[Path], across: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    plot_learning_curve.main([*map(str, runs), "--x", across, "--log-scale", "--smooth", "3"])
    assert cv2.imread("curves.png").std() > 5
    plot_learning_curve.main([str(runs[0]), "one.png"])
    plot_learning_curve.main([str(runs[0])])
    assert (runs[0] / "train.log.png").exists()
    assert Path("one.png").exists()


def test_a_run_that_is_no_training_is_named(runs: list[Path], tmp_path: Path) -> None:
    with pytest.raises(CatdogError, match=r"test\.log: is the log of a test"):
        plot([*runs, LOGS / "test.log"], tmp_path / "x.png")
    assert np.all([not path.name.endswith(".png") for path in tmp_path.iterdir()])


def test_runs_without_drops_of_the_rate_fill_the_picture(
    runs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "rate_drops", lambda _: [])
    figure = compare(*read_curves(runs, Style()))
    figure.savefig(tmp_path / "curves.png")
    heights = [axes.get_position().height for axes in figure.axes]
    assert min(heights) > 0.2
    # and the legend names none
    assert kinds(figure) == ["train", "test", "best test"]


def kinds(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[1].get_texts()]


def test_only_signs_that_are_drawn_are_explained(runs: list[Path], tmp_path: Path) -> None:
    drop = "drop of the learning rate"
    assert kinds(compare(*read_curves(runs, Style()))) == ["train", "test", "best test", drop]
    for name in "ab":
        lines = (LOGS / "train.log").read_text().splitlines()
        (tmp_path / name).write_text("\n".join(s for s in lines if "Test net" not in s))
    assert kinds(compare(*read_curves([tmp_path / "a", tmp_path / "b"], Style()))) == [
        "train",
        drop,
    ]


def test_accuracies_of_the_training_are_thin_beside_those_of_the_tests(runs: list[Path]) -> None:
    (runs[0] / "metrics.csv").write_text("iteration,train_accuracy\n100,0.5\n200,0.6\n")
    curves, style = read_curves(runs, Style())
    at = sorted({value.iteration for value in curves[0].log.test_outputs} & {100, 200})
    figure = compare(curves, style)
    accuracies = figure.axes[-1]
    dashed = [line for line in accuracies.lines if line.is_dashed()]
    assert [list(line.get_xdata()) for line in dashed] == [at]
    assert at
    assert dashed[0].get_color() == accuracies.lines[0].get_color()
    assert accuracies.get_ylabel() == "accuracy"
    assert "train accuracy" in [text.get_text() for text in figure.legends[1].get_texts()]
