"""`catdog list`: what ships, weights by name, the stores and runs below the working directory."""

import json
from pathlib import Path

import pytest
from catdog.tools import list as list_tool

from catdog.spec.shipped import shipped_nets, shipped_solvers
from catdog.weights.pretrained import NAMES
from tests.data.sources.build import pictures, write_lmdb
from tests.tool_run import run_tool


@pytest.fixture
def listed(tmp_path: Path, monkeypatch, capsys):
    """The lines of `catdog list WORDS` in an empty folder, in which no weights were fetched."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return lambda *words: run_tool(list_tool.main, capsys, *words)


def test_an_empty_folder_has_what_ships(listed, tmp_path):
    parts = "\n".join(listed()).split("\n\n")
    assert [part.split()[0] for part in parts[:3]] == ["nets", "solvers", "weights"]
    for part, shipped in zip(parts, (shipped_nets(), shipped_solvers()), strict=False):
        names = [line.split()[0] for line in part.splitlines()[1:]]
        assert names == [each.name for each in shipped]
    assert parts[3:] == [f"stores: none below {tmp_path}", f"runs: none below {tmp_path}"]


def test_weights_that_are_there_have_their_place(listed, tmp_path):
    from catdog.weights.pretrained import TORCHVISION

    place = tmp_path / "torch/hub/checkpoints" / TORCHVISION["resnet18"]
    place.parent.mkdir(parents=True)
    place.write_bytes(b"")
    rows = {row["name"]: row for row in json.loads("\n".join(listed("weights", "--json")))}
    assert tuple(rows) == NAMES
    assert rows["resnet18"] == {"name": "resnet18", "there": str(place), "solver": "resnet18"}
    assert rows["vgg19"]["there"] == "not here: fetched when used"
    assert rows["caffenet"]["solver"] == "s2"


def test_nets_of_torchvision_have_a_part_of_their_own(listed):
    rows = {row["name"]: row["there"] for row in json.loads("\n".join(listed("named", "--json")))}
    assert rows["torchvision:densenet121"] == "not here: fetched when used"
    assert "torchvision:vit_b_16" not in rows
    assert list(rows)[-1] == "timm:NAME"


def test_shards_are_one_store_and_what_is_built_is_a_link(listed, tmp_path):
    for number in range(3):
        write_lmdb(tmp_path / f"many/shard-{number:05d}", pictures(4))
    write_lmdb(tmp_path / "input/.builds/1/train_lmdb", pictures(5))
    (tmp_path / "input/train_lmdb").symlink_to(".builds/1/train_lmdb")
    (tmp_path / "input/test_lmdb").symlink_to(".builds/1/nothing")
    assert json.loads("\n".join(listed("stores", "--json"))) == [
        {"name": str(Path("input/train_lmdb")), "records": 5},
        {"name": "many", "records": 12},
    ]


def test_stores_and_runs_below_the_folder(listed, tmp_path):
    write_lmdb(tmp_path / "input/train_lmdb", pictures(10))
    # what lies in an environment is nobody's
    write_lmdb(tmp_path / "venv/store", pictures(10))
    (tmp_path / "venv/pyvenv.cfg").write_text("")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/data.mdb").write_bytes(b"no LMDB")
    (tmp_path / "bad/x_run.yaml").write_text("[]")
    (tmp_path / "snapshots").mkdir()
    best = "best: {accuracy: {value: 0.9, iteration: 5, better: up}}"
    record = f"status: done\nstarted: '2026-01-01'\niteration: 8\nscore: accuracy\n{best}\n"
    (tmp_path / "snapshots/a_run.yaml").write_text(record)
    assert listed("stores") == ["stores            records", "input/train_lmdb       10"]
    assert listed("runs") == [
        "runs         status  iteration  best",
        "snapshots/a  done            8  accuracy 0.9",
    ]


def test_a_part_that_is_none_is_told(listed):
    (line,) = listed("nots")
    assert line.startswith("error: argument part: invalid choice: 'nots'")
