"""Accuracies of the training batches: what the net said of them; nothing else changes."""

import re
from pathlib import Path

import pytest
import torch

from catdog.solver.events import Display, Event, NetTested
from catdog.solver.train_scores import TrainScores
from catdog.tracking.run_file import read_run, run_path
from catdog.training.options import Options
from catdog.training.train import train
from tests.small_solver import NET, write_small

ACCURACY = "top: accuracy, include: {phase: TEST}"
#: The same net with an Accuracy of its own in the TRAIN phase.
BOTH = NET.replace(ACCURACY, "top: accuracy").replace("top: loss}", "top: loss}")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch) -> None:
    write_small(tmp_path)
    monkeypatch.chdir(tmp_path)


def run(*overrides: str, snapshot: str = "", net: str = NET, name: str = "x"):
    Path("net.yaml").write_text(net)
    told: list[Event] = []
    place = f"snapshot_prefix=out/{name}/x"
    options = Options(overrides=[place, *overrides], snapshot=snapshot)
    return train("solver.yaml", options, listeners=[told.append]), told


def test_it_is_what_an_accuracy_layer_of_the_train_net_says():
    _, told = run()
    _, other = run(net=BOTH, name="both")
    mine = [e.trained for e in told if isinstance(e, Display)]
    theirs = [
        [o for o in e.outputs if o.name == "accuracy"] for e in other if isinstance(e, Display)
    ]
    assert len(mine) == 8
    assert [list(each) for each in mine] == theirs
    # one that has the output itself needs no other
    assert not any(e.trained for e in other if isinstance(e, Display | NetTested))


def test_a_test_has_the_mean_since_the_test_before():
    _, told = run()
    shown = [e.trained[0].value for e in told if isinstance(e, Display)]
    tested = {e.iteration: e.trained for e in told if isinstance(e, NetTested)}
    assert tested[0] == ()
    assert tested[3][0].value == pytest.approx(sum(shown[:3]) / 3)
    assert tested[6][0].value == pytest.approx(sum(shown[3:6]) / 3)
    # the last one, which no interval asks for
    assert tested[8][0].value == pytest.approx(sum(shown[6:]) / 2)


def test_not_one_bit_of_the_training_changes(monkeypatch):
    kept, _ = run("iter_size=2")
    monkeypatch.setattr(TrainScores, "_judges", [])
    without, told = run("iter_size=2", name="without")
    assert not any(e.trained for e in told if isinstance(e, Display | NetTested))
    for mine, theirs in zip(kept.net.parameters(), without.net.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    assert log_lines("x") == log_lines("without")


def log_lines(name: str) -> list[str]:
    lines = Path(f"out/{name}/train.log").read_text().splitlines()
    texts = (line.partition("] ")[2] for line in lines)
    return [re.sub(r"\(.*iters\)", "", text) for text in texts if "loss = " in text]


def test_a_run_that_goes_on_has_the_same_table():
    run("max_iter=8", name="whole")
    run("max_iter=5")
    run("max_iter=8", snapshot="auto")
    whole, parts = (columns(Path(f"out/{name}/metrics.csv")) for name in ("whole", "x"))
    (whole, parts) = ([row for row in rows if row[0] in "0368"] for rows in (whole, parts))
    assert whole == parts
    assert [row[1] != "" for row in whole] == [False, True, True, True]


def columns(path: Path) -> list[list[str]]:
    header, *rows = (line.split(",") for line in path.read_text().splitlines())
    which = [header.index(name) for name in ("iteration", "train_accuracy", "accuracy")]
    return [[row[i] for i in which] for row in rows]


@pytest.mark.parametrize(
    "net",
    [
        # labels for another number of classes than the loss has
        NET.replace("[fc2, label], top: accuracy", "[fc1, label], top: accuracy"),
        NET.replace(
            "- {name: accuracy",
            "- {name: e, type: ReLU, bottom: fc2, top: fc2, "
            "include: {phase: TEST}}\n- {name: accuracy",
        ),
    ],
    ids=["classes", "made otherwise"],
)
def test_what_the_training_does_not_have_is_left_out(net):
    solver, told = run("test_interval=0", net=net)
    assert not solver.train_scores.names
    solver, told = run("test_interval=100", "test_initialization=false", "max_iter=2", net=net)
    assert not solver.train_scores.names
    assert not any(e.trained for e in told if isinstance(e, Display))


def test_the_file_of_the_run_has_the_scores_of_the_tests_alone():
    run()
    assert set(read_run(run_path("out/x/x"))["final"]) == {"iteration", "accuracy", "loss"}
