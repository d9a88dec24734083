import csv
import io
import json
import re

import pytest

from catdog.cli import main as cli
from catdog.training.options import Options
from catdog.training.train import train
from tests.tiny_solver import write_solver
from tools import runs, sweep


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    solver = write_solver(tmp_path)
    for rate in (0.1, 0.01):
        train(solver, Options(overrides=[f"base_lr={rate}", f"snapshot_prefix=snapshots/{rate}"]))

    def call(*words):
        try:
            cli.run_tool(runs.main, list(words))
        except SystemExit as stop:
            assert stop.code == 2
        told = capsys.readouterr()
        return told.out + told.err

    return call


def test_an_accuracy_of_any_name_is_watched_listed_and_swept(tmp_path, monkeypatch, capsys):
    pytest.importorskip("optuna")
    monkeypatch.chdir(tmp_path)
    solver = write_solver(tmp_path)
    net = tmp_path / "net.yaml"
    net.write_text(net.read_text().replace("top: accuracy", "top: top1"))
    fields = ["snapshot_prefix=snapshots/run", "early_stop_patience=1", "base_lr=0", "max_iter=6"]
    train(solver, Options(overrides=fields))
    assert "no better than the best top1" in (tmp_path / "snapshots/train.log").read_text()
    cli.run_tool(runs.main, [])
    assert "best top1" in capsys.readouterr().out.splitlines()[0]
    cli.run_tool(sweep.main, ["--solver", str(solver), "base_lr=0.1,0.01", "--trials", "1"])
    assert "top1" in capsys.readouterr().out.splitlines()[0].split()


def test_list_sort_and_differences(call):
    lines = call("--sort", "loss").splitlines()
    assert len(lines) == 3
    assert "base_lr" in lines[0]
    assert call("--sort", "best loss").splitlines() == lines
    assert [
        line.split() for line in call("--diff", "snapshots/0.1", "snapshots/0.01").splitlines()
    ] == [
        ["field", "snapshots/0.1", "snapshots/0.01"],
        ["base_lr", "0.1", "0.01"],
    ]
    assert call("--diff", "snapshots/0.1", "snapshots/0.1") == "no field differs\n"
    assert call("nowhere").startswith("error: nowhere: no such folder")


def test_csv_and_json(call):
    table = list(csv.DictReader(io.StringIO(call("snapshots", "--csv"))))
    assert [row["run"] for row in table] == ["snapshots/0.1", "snapshots/0.01"]
    same = json.loads(call("snapshots", "--json"))
    assert [row["base_lr"] for row in same] == [row["base_lr"] for row in table] == ["0.1", "0.01"]


def test_notes_and_tags_are_edited_shown_and_looked_for(call):
    note = "more dropout, and\nthe photos of the second camera left out"
    assert "tags: fine" in call("--edit", "snapshots/0.1", "--note", note, "--tag", "fine")
    head, *lines = call().splitlines()
    assert head.split()[-2:] == ["tags", "note"]
    (line,) = (line for line in lines if line.startswith("snapshots/0.1 "))
    assert line.endswith("  fine  more dropout, and the photos of the sec…")
    (other,) = (line for line in lines if line.startswith("snapshots/0.01"))
    assert other.split()[-2:] == ["-", "-"]
    (row,) = json.loads(call("--tag", "fine", "--json"))
    assert (row["run"], row["tags"], row["note"]) == ("snapshots/0.1", ["fine"], note)
    (row,) = csv.DictReader(io.StringIO(call("--tag", "fine", "--csv")))
    assert (row["tags"], row["note"]) == ("fine", note)
    assert call("--edit", "snapshots/0.1", "--note", "", "--untag", "fine") == "tags: -\nnote: -\n"
    assert "note" not in call()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--tag", "fine"], "error: --tag: no run has fine; --edit RUN --tag TAG gives one"),
        (["--edit", "snapshots/0.1"], "error: --edit: nothing to change; give --note, --tag or"),
        (["--note", "x"], "error: --note: changes a run, and none is named; --edit RUN --note ..."),
        (["--edit", "snapshots/1", "--note", "x"], "error: snapshots/1: no such run; did you mean"),
        (["--edit", "snapshots/0.1", "--tag", "a b"], 'error: tag "a b": is one word; give --tag'),
    ],
)
def test_notes_and_tags_that_are_none(call, words, said):
    assert call(*words).startswith(said)


def test_a_run_is_removed_when_that_is_confirmed(call):
    told = call("--delete", "snapshots/0.1")
    assert "snapshots/0.1_run.yaml\n" in told
    assert told.endswith("error: --delete: there is nobody to ask; give --yes\n")
    assert len(call().splitlines()) == 3
    assert re.search(r"removed: \d files\n$", call("--delete", "snapshots/0.1", "--yes"))
    (line,) = call().splitlines()[1:]
    assert line.startswith("snapshots/0.01 ")
