"""The table of a run: its rows, and that a resumed run has those of an undisturbed one."""

import csv
from pathlib import Path

import pytest

from catdog.solver.events import Done, Iterating, NetTested, NetTesting, NetTestInterrupted, Output
from catdog.tracking.listeners import TrackingOptions
from catdog.tracking.metrics_csv import COLUMNS, MetricsTable
from catdog.training.options import Options
from catdog.training.train import train
from tests.runs import Run
from tests.small_solver import SOLVER, write_small


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_small(tmp_path, solver=SOLVER + "average_loss: 2\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(prefix: str, *overrides: str, snapshot: str = "") -> list[dict[str, str]]:
    fields = [f"snapshot_prefix={prefix}/run", *overrides]
    train(
        "solver.yaml",
        Options(overrides=fields, snapshot=snapshot, tracking=TrackingOptions(resources=0)),
    )
    return rows(Path(prefix, "metrics.csv"))


@pytest.mark.usefixtures("folder")
def test_a_row_for_each_test_and_each_epoch() -> None:
    found = run("a", "lr_policy=step", "gamma=0.1", "stepsize=4")
    # ten examples by four; tests at 0, 3 and 6, and of the last weights
    assert [(row["iteration"], row["epoch"]) for row in found] == [
        ("0", "0"),
        ("3", "1.2"),
        ("5", "2"),
        ("6", "2.4"),
        ("8", "3.2"),
    ]
    assert [bool(row["accuracy"]) for row in found] == [True, True, False, True, True]
    assert [row["learning_rate"] for row in found] == ["0.01", "0.01", "0.001", "0.001", "0.0001"]
    assert not found[0]["train_loss"]
    assert all(float(row["train_loss"]) > 0 for row in found[1:])
    seconds = [float(row["seconds"]) for row in found]
    assert seconds == sorted(seconds)


@pytest.mark.parametrize("cut", [3, 5, 6, 7])
@pytest.mark.usefixtures("folder")
def test_a_resumed_run_has_the_rows_of_an_undisturbed_one(cut: int) -> None:
    whole = run("whole")
    run("parts", f"max_iter={cut}")
    # rows of a part that is trained again
    with Path("parts/metrics.csv").open("a") as file:
        file.write("7,2.8,9,0.01,1.5,0.25,0.125\n9,9,9,9,9,9,9\n")
    resumed = run("parts", snapshot="auto")

    def others(found: list[dict[str, str]]) -> list[dict[str, str]]:
        """Without the last test of the first part, where that was not due."""
        return [{**r, "seconds": ""} for r in found if cut % 3 == 0 or r["iteration"] != str(cut)]

    assert others(resumed) == others(whole)
    (last,) = (row for row in resumed if row["iteration"] == str(cut))
    assert last["accuracy"]
    assert not list(Path("parts").glob("metrics.csv.*"))
    seconds = [float(row["seconds"]) for row in resumed]
    assert seconds == sorted(seconds)


@pytest.mark.usefixtures("folder")
def test_other_batches_from_a_resume_on_count_from_there() -> None:
    run("parts", "max_iter=3")
    smaller = "train_net.data.data_param.batch_size=2"
    run("parts", "max_iter=6", smaller, snapshot="auto")
    found = run("parts", smaller, snapshot="auto")
    epochs = {row["iteration"]: row["epoch"] for row in found if row["accuracy"]}
    # ten examples, three times by four, then by two
    assert epochs == {"0": "0", "3": "1.2", "6": "1.8", "8": "2.2"}


@pytest.mark.usefixtures("folder")
def test_a_new_run_keeps_the_table_of_an_earlier_one() -> None:
    first = run("a")
    run("a", "max_iter=3")
    assert rows(Path("a/metrics.csv.1")) == first


def test_a_table_of_another_kind_is_moved_away(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("iteration,name,value\n1,loss,2\n")
    table = MetricsTable(path, Run().solver, resumed=True)
    assert path.read_text().startswith("iteration,name")
    table(Done(0))
    table.close()
    assert path.read_text() == ",".join(COLUMNS) + "\n"
    assert "name" in (tmp_path / "metrics.csv.1").read_text()


def test_several_nets_have_columns_of_their_own(tmp_path: Path) -> None:
    run = Run(tests=[1, 1], test_interval=1)
    table = MetricsTable(tmp_path / "m.csv", run.solver)
    outputs = (Output("accuracy", 0.5), Output("loss", 1 / 3, 1.0))
    table(NetTesting(0, 0))
    table(NetTested(0, 0, outputs))
    table(NetTesting(0, 1))
    table(NetTested(0, 1, outputs[:1]))
    table(Iterating(0, 0.1))
    table(NetTesting(1, 0))
    table(NetTestInterrupted(1, 0))
    table.close()
    (row,) = rows(tmp_path / "m.csv")
    assert (row["accuracy"], row["loss"], row["accuracy (net #1)"]) == ("0.5", "0.3333333", "0.5")
    assert row["loss (net #1)"] == row["epoch"] == ""
