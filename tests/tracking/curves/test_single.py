"""Pictures of learning curves: what is in them, and which logs give one."""

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from matplotlib.figure import Figure

from catdog.errors import CatdogError
from catdog.tracking.curves.data import Style, read_curves, series
from catdog.tracking.curves.files import plot
from catdog.tracking.curves.single import draw
from catdog.tracking.log_reader import ParsedLog, Value, parse, read_log

LOGS = Path(__file__).parents[2] / "goldens" / "logs"


def labels(figure: Figure) -> set[str]:
    return {
        str(line.get_label())
        for axes in figure.axes
        for line in axes.lines
        if not str(line.get_label()).startswith("_")
    }


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


@pytest.mark.parametrize("name", ["train", "diverged", "interrupted_and_resumed", "finetune"])
def test_a_training_gives_a_picture_beside_its_log(name: str, tmp_path: Path) -> None:
    log = tmp_path / f"{name}.log"
    log.write_bytes((LOGS / log.name).read_bytes())
    target = plot(log)
    assert target == tmp_path / f"{name}.log.png"
    picture = cv2.imread(str(target))
    assert picture.shape[0] > 600
    assert picture.std() > 5
    assert sorted(path.name for path in tmp_path.iterdir()) == [log.name, target.name]


def test_lines_are_the_numbers_of_the_log() -> None:
    log = read_log(LOGS / "train.log")
    figure = draw(log)
    assert labels(figure) == {"train loss", "test loss", "test accuracy"}
    lines = {str(line.get_label()): line for axes in figure.axes for line in axes.lines}
    rows = [*log.train_loss, *log.final_loss]
    np.testing.assert_array_equal(np.array(lines["train loss"].get_xydata()), np.array(rows))
    accuracy = [value.value for value in log.test_outputs if value.name == "accuracy"]
    np.testing.assert_array_equal(lines["test accuracy"].get_ydata(), accuracy)
    assert {"lr 0.005", "lr 0.0005", "83.8%"} <= set(texts(figure))


def steps(tmp_path: Path) -> Path:
    """A log whose losses fall to the foot, whose accuracy rises to 100 %, with three drops."""
    head = "I1121 10:00:00.000000 1 solver.cpp:1] "
    lines = ["Solving net"]
    for at in range(0, 1001, 20):
        loss, rate = 2 * math.exp(-at / 80) + 0.02, 0.04 * 0.1 ** (at // 300)
        if at % 100 == 0:
            lines += [
                f"Iteration {at}, Testing net (#0)",
                f"    Test net output #0: accuracy = {at / 1000}",
                f"    Test net output #1: loss = {loss} (* 1 = {loss} loss)",
            ]
        lines += [f"Iteration {at} (1 iter/s, 1s/1 iters), loss = {loss}"]
        lines += [f"Iteration {at}, lr = {rate}"]
    log = tmp_path / "deep" / "train.log"
    log.parent.mkdir()
    log.write_text("".join(f"{head}{line}\n" for line in lines))
    return log


@pytest.mark.parametrize("style", [Style(), Style(log_scale=True), Style(smooth=5)])
def test_no_word_touches_the_edge_or_lies_on_a_curve(tmp_path: Path, style: Style) -> None:
    figure = draw(read_log(steps(tmp_path)), "deep", style)
    figure.canvas.draw()
    words = [text for axes in figure.axes for text in axes.texts]
    assert [text.get_text() for text in words] == ["lr 0.004", "lr 0.0004", "lr 4e-05", "100.0%"]
    for text in words:
        box, frame = text.get_window_extent(), figure.axes[0].get_window_extent()
        assert frame.x0 < box.x0 < box.x1 < frame.x1
        assert frame.y0 < box.y0 < box.y1 < frame.y1 - 3
        for axes in figure.axes:
            for line in axes.lines:
                if len(line.get_xdata()) > 2:
                    x, y = axes.transData.transform(line.get_xydata()).T
                    at = np.interp(np.linspace(box.x0, box.x1, 9), x, y)
                    assert not ((box.y0 < at) & (at < box.y1)).any()


def test_the_picture_names_the_run(tmp_path: Path) -> None:
    ((curve,), _) = read_curves([steps(tmp_path)], Style())
    assert curve.name == "deep"
    ((curve,), _) = read_curves([LOGS / "finetune.log"], Style())
    assert curve.name == "finetune.log"


def test_the_test_whose_weights_were_kept_is_ringed() -> None:
    tests = [(0, 0.5), (10, 0.7), (20, 0.9), (30, 0.8)]
    log = ParsedLog(test_outputs=[Value(at, 0, "accuracy", value) for at, value in tests])
    assert "90.0%" in texts(draw(log))
    log.kept = 10
    assert "70.0%" in texts(draw(log)) and "90.0%" not in texts(draw(log))


def test_the_log_says_which_test_was_kept() -> None:
    lines = ["Iteration 0, loss = 1\n"]
    for loss, iteration in ((0.7, 10), (0.5, 20)):
        lines.append(f"Best loss so far: {loss} at iteration {iteration}, in a_best.caffemodel\n")
    assert parse(lines).kept == 20 and parse(lines[:1]).kept is None


def test_a_loss_that_is_no_number_is_marked() -> None:
    said = texts(draw(read_log(LOGS / "diverged.log")))
    assert "loss is no number\nfrom iteration 30" in said


@pytest.mark.parametrize(
    ("log", "want"),
    [
        (ParsedLog(train_loss=[(0, 1.0), (10, 0.5)]), {"train loss"}),
        (ParsedLog(train_loss=[(0, math.nan)]), {"train loss"}),
        (ParsedLog(train_loss=[(i, 1 / (i + 1)) for i in range(400)]), {"train loss"}),
        (ParsedLog(test_outputs=[Value(0, 0, "loss", 0.5, 1.0, 0.5)]), {"test loss"}),
        (ParsedLog(test_outputs=[Value(0, 0, "accuracy", math.nan)]), {"test accuracy"}),
        (
            ParsedLog(
                test_outputs=[
                    Value(0, 0, "top-1", 0.5),
                    Value(0, 1, "top-5", 0.9),
                    Value(0, 2, "loss1", 3.0, 0.3, 0.9),
                    Value(0, 3, "loss2", 900.0, 1.0, 900.0),
                ]
            ),
            {"test top-1", "test top-5", "test loss1", "test loss2"},
        ),
        (
            ParsedLog(
                test_outputs=[Value(0, 0, "accuracy", 0.5), Value(0, 0, "accuracy", 0.6, net=1)]
            ),
            {"test accuracy (net #0)", "test accuracy (net #1)"},
        ),
    ],
)
def test_logs_with_parts_missing_are_drawn(log: ParsedLog, want: set[str], tmp_path: Path) -> None:
    figure = draw(log)
    assert labels(figure) == want
    figure.savefig(tmp_path / "x.png")


def test_of_the_numbers_of_one_blob_the_first_is_drawn() -> None:
    classes = [Value(0, i, "per_class", value) for i, value in enumerate((0.5, 0.25, 0.75))]
    figure = draw(ParsedLog(test_outputs=classes))
    assert [list(line.get_ydata()) for line in figure.axes[1].lines] == [[0.5]]


def test_a_resumed_run_counts_where_it_says_an_iteration_again() -> None:
    at, values = series([(0, 3.0), (10, 2.0), (20, 1.0), (10, 5.0)])
    assert list(at) == [0, 10, 20]
    assert list(values) == [3.0, 5.0, 1.0]


def test_what_has_no_curve_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatdogError, match="is the log of a test"):
        plot(LOGS / "test.log", tmp_path / "x.png")
    with pytest.raises(CatdogError, match=r"x\.cat: Format 'cat' is not supported"):
        plot(LOGS / "train.log", tmp_path / "x.cat")
    assert not list(tmp_path.iterdir())


def test_a_mean_of_so_many_displays_is_drawn() -> None:
    log = ParsedLog(train_loss=[(i, float(i % 2)) for i in range(100)])
    thin, line = draw(log, style=Style(smooth=10)).axes[0].lines
    np.testing.assert_array_equal(thin.get_ydata(), [i % 2 for i in range(100)])
    np.testing.assert_allclose(line.get_ydata()[10:-10], 0.5)
    (line,) = draw(log, style=Style(smooth=1)).axes[0].lines
    np.testing.assert_array_equal(line.get_ydata(), [i % 2 for i in range(100)])


def test_losses_are_logarithmic_where_asked_for() -> None:
    log = ParsedLog(train_loss=[(0, 1.0), (10, 0.5)])
    assert draw(log).axes[0].get_yscale() == "linear"
    assert draw(log, style=Style(log_scale=True)).axes[0].get_yscale() == "log"


def test_without_an_accuracy_the_best_loss_is_written() -> None:
    tests = [Value(i, 0, "loss", value, 1.0, value) for i, value in enumerate((0.5, 0.25, 0.75))]
    assert "0.25" in texts(draw(ParsedLog(test_outputs=tests)))


def with_table(tmp_path: Path, cells: dict[int, str]) -> ParsedLog:
    """The log of `steps` with a table beside it."""
    log = steps(tmp_path)
    rows = "".join(f"{at},{cell}\n" for at, cell in cells.items())
    log.with_name("metrics.csv").write_text(f"iteration,train_accuracy\n{rows}")
    return read_curves([log], Style())[0][0].log


def test_the_accuracy_of_the_training_is_drawn_beside_that_of_the_tests(tmp_path: Path) -> None:
    # no test at 150, nothing known at 300
    cells = {100: "0.5", 150: "0.6", 200: "0.7", 300: "", 400: "1"}
    figure = draw(with_table(tmp_path, cells))
    assert labels(figure) == {"train loss", "test loss", "test accuracy", "train accuracy"}
    lines = {str(line.get_label()): line for axes in figure.axes for line in axes.lines}
    train, test = lines["train accuracy"], lines["test accuracy"]
    assert np.array(train.get_xydata()).tolist() == [[100, 0.5], [200, 0.7], [400, 1]]
    assert train.get_color() == test.get_color()
    assert train.is_dashed()
    assert not test.is_dashed()
    assert train.axes is test.axes
    epochs = tmp_path / "deep" / "metrics.csv"
    epochs.write_text("iteration,epoch,train_accuracy\n100,2,0.5\n")
    ((curve,), _) = read_curves([epochs.parent], Style(across="epoch"))
    assert curve.log.train_scores == {"accuracy": [(2, 0.5)]}


@pytest.mark.parametrize(
    "table", [None, "", "iteration,train_accuracy\n100,\n", "\0", "a,b\n1,2\n"]
)
def test_a_log_alone_is_drawn_as_ever(tmp_path: Path, table: str | None) -> None:
    log = steps(tmp_path)
    if table is not None:
        log.with_name("metrics.csv").write_text(table)
    ((curve,), _) = read_curves([log], Style())
    assert labels(draw(curve.log)) == {"train loss", "test loss", "test accuracy"}


def test_a_table_is_of_the_log_of_its_run_alone(tmp_path: Path) -> None:
    log = steps(tmp_path)
    log.with_name("metrics.csv").write_text("iteration,train_accuracy\n100,0.5\n")
    earlier = log.rename(log.with_name("train.log.1"))
    assert not read_curves([earlier], Style())[0][0].log.train_scores
