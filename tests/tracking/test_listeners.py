"""What a run leaves beside its log, on a terminal and off it."""

import io
from pathlib import Path

import pytest

from catdog.errors import CatdogError, Diverged
from catdog.tracking.listeners import TrackingOptions
from catdog.training.options import Options
from catdog.training.train import train
from tests.small_solver import write_small
from tests.tracking.test_progress import Terminal, lines_left

FIELDS = ("snapshot_prefix=out/run",)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_small(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_terminal_has_a_bar_and_whole_lines() -> None:
    terminal = Terminal()
    tracking = TrackingOptions(log="caffe")
    train("solver.yaml", Options(overrides=FIELDS, tracking=tracking), stream=terminal)
    assert "/8 [" in terminal.getvalue()
    assert "it/s" in terminal.getvalue()
    assert lines_left(terminal.getvalue()) == Path("out/train.log").read_text().splitlines()


def test_what_is_no_terminal_has_no_bar() -> None:
    stream = io.StringIO()
    train("solver.yaml", Options(overrides=FIELDS), stream=stream)
    assert stream.getvalue() == Path("out/train.log").read_text()


def test_the_verdict_is_in_the_log_and_the_tables_beside_it() -> None:
    train("solver.yaml", Options(overrides=FIELDS, tracking=TrackingOptions(resources=0.001)))
    log = Path("out/train.log").read_text()
    assert "The processor waited for data " in log
    assert log.index("Optimization Done.") < log.index("The processor waited")
    assert {"metrics.csv", "resources.csv"} <= {path.name for path in Path("out").iterdir()}


def test_a_failed_run_has_its_tables_too() -> None:
    with pytest.raises(Diverged):
        train("solver.yaml", Options(overrides=[*FIELDS, "base_lr=1e30", "max_iter=50"]))
    assert "Most memory: " in Path("out/train.log").read_text()
    assert len(Path("out/metrics.csv").read_text().splitlines()) > 1


def test_nothing_is_looked_at_where_nothing_is_wanted() -> None:
    train("solver.yaml", Options(overrides=FIELDS, tracking=TrackingOptions(resources=0)))
    assert "waited for data" not in Path("out/train.log").read_text()
    assert not Path("out/resources.csv").exists()


def test_seconds_below_0_are_refused() -> None:
    with pytest.raises(CatdogError, match="--resources: is below 0"):
        train("solver.yaml", Options(overrides=FIELDS, tracking=TrackingOptions(resources=-1)))
    assert not Path("out").exists()


def test_numbers_are_the_same_however_a_run_is_watched() -> None:
    plain = train("solver.yaml", Options(overrides=FIELDS, tracking=TrackingOptions(resources=0)))
    watched = train(
        "solver.yaml",
        Options(overrides=["snapshot_prefix=other/run"], tracking=TrackingOptions(resources=0.001)),
        stream=Terminal(),
    )
    for name, blobs in plain.net.layer_blobs().items():
        for mine, theirs in zip(blobs, watched.net.layer_blobs()[name], strict=True):
            assert mine.equal(theirs)
