"""`catdog.Run`: what a training left, as an object."""

import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

import catdog
from catdog.errors import CatdogError, WeightsError
from catdog.interface.metrics import RunMetrics, read_metrics
from catdog.tracking.runs import RunRecord
from tests.tiny_solver import write_solver


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    path = write_solver(folder)
    catdog.train(path)
    catdog.train(path, snapshot_best="accuracy", snapshot_prefix=str(folder / "best" / "<net>"))
    return folder


@pytest.fixture(scope="module")
def run(folder) -> catdog.Run:
    return catdog.Run(folder / "out" / "tiny")


def test_it_is_found_by_prefix_file_and_folder(folder, run):
    for name in ("out/tiny", "out/tiny_run.yaml", "out"):
        found = catdog.Run(str(folder / name))
        assert Path(found.name) == Path(run.name) == folder / "out" / "tiny"
    assert [each.name for each in catdog.runs(folder)] == [
        str(folder / "out" / "tiny"),
        str(folder / "best" / "<net>"),
    ]
    with pytest.raises(CatdogError, match="has 2 runs; name one"):
        catdog.Run(folder)
    with pytest.raises(CatdogError, match=r'did you mean ".*tiny"'):
        catdog.Run(folder / "out" / "tini")


def test_runs_are_those_below_snapshots(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CatdogError, match="snapshots: no such folder"):
        catdog.runs()
    (tmp_path / "snapshots").symlink_to(folder / "out")
    assert [each.name for each in catdog.runs()] == ["snapshots/tiny"]


def test_what_it_says_of_itself(folder, run):
    assert (run.status, run.iteration) == ("done", 4)
    assert run.folder == folder / "out"
    assert run.final["accuracy"] == run.metrics["accuracy"][-1]
    assert run.best["loss"]["value"] == pytest.approx(run.metrics["loss"][1:].min(), rel=1e-6)
    assert run.fields["max_iter"] == "4"
    # this one may be over in less than a tenth of a second
    assert catdog.Run(RunRecord("x", {"status": "done", "seconds": 12.5})).seconds == 12.5
    assert run.solver is None
    assert "done at iteration 4, best accuracy" in repr(run)


def test_metrics_are_arrays_by_name(run):
    metrics = run.metrics
    assert list(metrics) == [
        *("iteration", "epoch", "seconds", "learning_rate", "train_loss"),
        *("train_accuracy", "accuracy", "loss"),
    ]
    assert metrics["iteration"].tolist() == [0, 2, 4]
    assert all(column.dtype == np.float64 and len(column) == 3 for column in metrics.values())
    assert np.isnan(metrics["train_loss"][0])
    assert repr(metrics).startswith("<3 rows of iteration, epoch")


def test_metrics_with_pandas_and_without(run, monkeypatch):
    frame = run.metrics.frame()
    assert frame["iteration"].dtype == np.int64
    assert frame["accuracy"].tolist() == run.metrics["accuracy"].tolist()
    # as plain pandas takes a dict
    import pandas

    assert list(pandas.DataFrame(run.metrics).columns) == list(run.metrics)
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert run.metrics["iteration"].tolist() == [0, 2, 4]
    with pytest.raises(CatdogError, match=r"a DataFrame needs pandas.*pip install pandas"):
        run.metrics.frame()


def test_a_table_that_is_being_written(tmp_path):
    path = tmp_path / "metrics.csv"
    with pytest.raises(CatdogError, match=r"metrics\.csv: no such table"):
        read_metrics(path)
    path.write_text("")
    with pytest.raises(CatdogError, match=r"metrics\.csv: is no table of a run"):
        read_metrics(path)
    path.write_text("iteration,<loss>\n0,\n2,0.5\n4")
    metrics = read_metrics(path)
    assert metrics["iteration"].tolist() == [0, 2]
    assert "<th>&lt;loss&gt;</th>" in metrics._repr_html_()
    path.write_text("iteration\n" + "\n".join(map(str, range(100))))
    shown = read_metrics(path)._repr_html_()
    assert shown.count("<tr>") == 14
    assert RunMetrics()._repr_html_() == "<table><tr></tr></table>"


def test_the_curve_is_a_figure(run, folder, tmp_path):
    figure = run.curve(across="epoch", log_scale=True)
    assert isinstance(figure, Figure)
    assert figure.axes[0].get_yscale() == "log"
    # a notebook shows it, though pyplot knows nothing of it
    assert figure._repr_png_().startswith(b"\x89PNG")
    figure.savefig(tmp_path / "curve.png")
    shown = catdog.Run(folder / "best" / "<net>")._repr_html_()
    assert "&lt;net&gt;" in shown
    assert "data:image/png;base64," in shown
    assert str(folder) not in shown.replace(str(folder / "best"), "")


def test_weights_are_the_best_or_the_last(run, folder):
    assert run.weights == folder / "out" / "tiny_iter_4.caffemodel"
    best = catdog.Run(folder / "best")
    assert best.weights.name == "<net>_best.caffemodel"
    best.weights.unlink()
    assert best.weights.name == "<net>_iter_4.caffemodel"
    best.weights.unlink()
    with pytest.raises(WeightsError, match="no snapshot of this run"):
        _ = best.weights


def test_a_run_without_a_log_has_no_picture(run, folder):
    log = folder / "out" / "train.log"
    text = log.read_bytes()
    log.unlink()
    with pytest.raises(CatdogError, match=r"no train\.log"):
        run.curve()
    assert "<img" not in run._repr_html_()
    log.write_bytes(text)


def test_note_and_tags(tmp_path):
    run = catdog.train(write_solver(tmp_path), note="first", tags="a,b", max_iter=1)
    assert (run.note, run.tags) == ("first", ("a", "b"))
    run.annotate(note="more", tags=["c"])
    assert (run.note, run.tags) == ("more", ("c",))
    run.annotate(tags=[])
    found = catdog.Run(run.name)
    assert (found.note, found.tags) == ("more", ())
    with pytest.raises(CatdogError, match=r"note: has 10,001 characters"):
        catdog.train(tmp_path / "solver.yaml", note="x" * 10_001)
