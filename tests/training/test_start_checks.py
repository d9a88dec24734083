"""What keeps a training from starting is told by `check`, in the same words."""

import numpy as np
import pytest

from catdog.errors import CatdogError
from catdog.runtime import room
from catdog.training.check import Inspection, inspect
from catdog.training.options import Options
from catdog.training.train import train
from catdog.weights import Weights, write_weights

NET = """
name: made up
layer:
- name: data
  type: DummyData
  top: [data, label]
  dummy_data_param: {shape: [{dim: [4, 3, 8, 8]}, {dim: [4]}], data_filler: {type: constant}}
- name: fc
  type: InnerProduct
  bottom: data
  top: fc
  inner_product_param: {num_output: 2, weight_filler: {type: xavier}}
- {name: accuracy, type: Accuracy, bottom: [fc, label], top: accuracy, include: {phase: TEST}}
- {name: loss, type: SoftmaxWithLoss, bottom: [fc, label], top: loss}
"""
SOLVER = "net: net.yaml\nbase_lr: 0.1\nlr_policy: fixed\nmax_iter: 1\nsolver_mode: CPU\n"
TESTED = SOLVER + "test_iter: 1\ntest_interval: 1\n"
TWO = TESTED.replace("net: net.yaml", "train_net: net.yaml\ntest_net: other.yaml")


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.yaml").write_text(NET)
    (tmp_path / "other.yaml").write_text(NET.replace("num_output: 2", "num_output: 3"))
    fc = [np.zeros((2, 192), np.float32), np.zeros(2, np.float32)]
    write_weights("fits.caffemodel", Weights({"fc": fc}))
    write_weights("small.caffemodel", Weights({"fc": [fc[0][:, :5], fc[1]]}))
    write_weights("alien.caffemodel", Weights({"else": fc}))
    return tmp_path


def refused(call) -> str:
    with pytest.raises(CatdogError) as caught:
        call()
    return str(caught.value)


@pytest.mark.parametrize(
    ("solver", "words"),
    [
        (SOLVER.replace("max_iter: 1\n", ""), "solver.yaml:1:1: max_iter is missing"),
        (SOLVER + "test_interval: 1\n", "(DummyData) has no end, so no test can see all of it"),
        (TESTED + "snapshot_best: acc\n", 'snapshot_best "acc" is no score of a test net'),
        (TESTED + "watched_score: acc\n", 'watched_score "acc" is no score of a test net'),
        (
            SOLVER + "early_stop_patience: 1\n",
            "early_stop_patience needs tests, and there are none",
        ),
        (SOLVER + "cache_features: true\n", "(DummyData) makes up its data"),
        (SOLVER + "weights: nowhere.caffemodel\n", "nowhere.caffemodel: no such file"),
        (SOLVER + "weights: resnet19\n", 'did you mean "resnet18"?'),
        (SOLVER + "weights: small.caffemodel\n", "blob 0 is [2, 192] in the net, [2, 5] in the"),
        (SOLVER + "weights: fits.caffemodel, alien.caffemodel\n", "has none of the net's layers"),
        (SOLVER + "weights: resnet18\n", "resnet18: are the weights of another net; solvers/resn"),
        (SOLVER + "freeze: loss\n", '"loss" names no layer with parameters'),
        (SOLVER + "snapshot_prefix: net.yaml/run\n", "no snapshots can be written to net.yaml/run"),
        (TWO, "(InnerProduct) has blobs of shapes [(3, 192), (3,)] here and [(2, 192), (2,)] in"),
    ],
)
def test_check_refuses_what_a_training_refuses(files, solver, words):
    (files / "solver.yaml").write_text(solver)
    told = refused(lambda: inspect("solver.yaml"))
    assert words in told
    assert told == refused(lambda: train("solver.yaml"))


def test_weights_that_fit_and_those_to_be_fetched_are_no_fault(files):
    (files / "solver.yaml").write_text(SOLVER + "weights: fits.caffemodel\n")
    assert inspect("solver.yaml")[0] == "solver.yaml: OK"
    train("solver.yaml")


def test_what_is_set_counts(files):
    (files / "solver.yaml").write_text(SOLVER + "snapshot_prefix: net.yaml/run\n")
    assert inspect("solver.yaml", Inspection(overrides=["snapshot_prefix=out/run"]))
    assert "max_iter must be 0 or more" in refused(
        lambda: inspect("solver.yaml", Inspection(overrides=["max_iter=-1"]))
    )


def test_several_of_them_are_told_at_once(files):
    (files / "solver.yaml").write_text(TWO + "snapshot_best: acc\nweights: nowhere.caffemodel\n")
    told = refused(lambda: inspect("solver.yaml"))
    assert all(words in told for words in ("blobs of shapes", "snapshot_best", "nowhere.caffe"))


@pytest.mark.parametrize("kind", ["Input", "MemoryData"])
def test_data_of_a_script_are_told_and_refused_by_a_training(files, kind):
    param = {
        "Input": "input_param: {shape: [{dim: [4, 3, 8, 8]}, {dim: [4]}]}",
        "MemoryData": "memory_data_param: {batch_size: 4, channels: 3, height: 8, width: 8}",
    }[kind]
    head, tail = NET.replace("DummyData", kind).split("dummy_data_param:")
    (files / "net.yaml").write_text(head + param + "\n" + tail.split("\n", 1)[1])
    (files / "solver.yaml").write_text(SOLVER)
    words = f'layer "data" ({kind}) has no data of its own: only a script that fills it can train'
    assert any(line.startswith(words) for line in inspect("solver.yaml"))
    assert words in refused(lambda: train("solver.yaml"))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("dim: [4, 3, 8, 8]", "dim: [4, 3, 9000, 9000]", "(DummyData) makes batches of which one"),
        ("num_output: 2,", "num_output: 20000000,", "(InnerProduct) is too large: its parameters"),
        (
            "SoftmaxWithLoss, bottom: [fc, label]",
            "Tile, tile_param: {tiles: 9000000}, bottom: fc",
            "(Tile) is too large: its result would take",
        ),
    ],
)
def test_what_has_no_room_is_told_before_it_is_asked_for(files, monkeypatch, old, new, words):
    monkeypatch.setattr(room, "machine_memory", lambda: 2**28)
    (files / "net.yaml").write_text(NET.replace(old, new))
    (files / "solver.yaml").write_text(SOLVER)
    told = refused(lambda: inspect("solver.yaml"))
    assert words in told and "GiB, and this machine has 0" in told
    assert told == refused(lambda: train("solver.yaml"))


def test_weights_of_another_net_are_refused_before_they_are_fetched(files, monkeypatch):
    def fetch(*_):
        raise AssertionError

    monkeypatch.setattr("catdog.weights.pretrained._fetch", fetch)
    (files / "solver.yaml").write_text(SOLVER)
    told = refused(lambda: train("solver.yaml", Options(weights=["resnet18"])))
    assert told.startswith("resnet18: are the weights of another net; solvers/resnet18.yaml starts")


def test_a_training_that_learns_nothing_is_told_by_both(files):
    (files / "solver.yaml").write_text(SOLVER + "freeze: fc\nsnapshot_prefix: run\n")
    words = "nothing is learned: all layers that could are frozen"
    assert words in inspect("solver.yaml")
    train("solver.yaml")
    assert words in (files / "train.log").read_text()


@pytest.mark.parametrize("name", ["nofc", "loss"])
def test_a_name_of_freeze_is_blamed_on_freeze(files, name):
    (files / "solver.yaml").write_text(SOLVER)
    told = refused(lambda: train("solver.yaml", Options(freeze=[name])))
    assert told.startswith(f'--freeze {name}: "{name}" names no layer')
