"""A snapshot carries the net as it ran: judged by it alone, it scores as in the log's last test."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from catdog.tools.evaluate import main as evaluate

from catdog.data.build.dataset import create
from catdog.data.build.synthetic import draw_sample
from catdog.proto.caffe_pb2 import DatasetParameter
from catdog.tracking.log_reader import read_log
from catdog.training.options import Options
from catdog.training.train import train

NET = """
name: judged
layer:
- name: data
  type: Data
  top: [data, label]
  include: {phase: TRAIN}
  transform_param: {scale: 0.01, mirror: true}
  data_param: {source: input/train_lmdb, batch_size: 8}
- name: data
  type: Data
  top: [data, label]
  include: {phase: TEST}
  transform_param: {scale: 0.01}
  data_param: {source: input/validation_lmdb, batch_size: 8}
- name: score
  type: InnerProduct
  bottom: data
  top: score
  inner_product_param: {num_output: 2, weight_filler: {type: gaussian, std: 0.01}}
- {name: accuracy, type: Accuracy, bottom: [score, label], top: accuracy, include: {phase: TEST}}
- {name: loss, type: SoftmaxWithLoss, bottom: [score, label], top: loss}
"""
SOLVER = """
{nets}
base_lr: 0.002
lr_policy: fixed
momentum: 0.9
max_iter: 6
display: 4
random_seed: 5
solver_mode: CPU
snapshot_prefix: {folder}/out/judged
"""
TESTED = {
    "one": "net: net.yaml\ntest_interval: 3",
    "another file": "train_net: net.yaml\ntest_net: other.yaml\ntest_interval: 3\ntest_iter: 6",
    "several": "net: net.yaml\ntest_net: other.yaml\ntest_interval: 3\ntest_iter: [6, 2]",
}
PARAM = "net.data.transform_param"
#: What is changed for one run, and the store that it is tested on.
CHANGES = {
    "nothing": ([], "input"),
    "scale": ([f"{PARAM}.scale=0.004"], "input"),
    "mean_value": ([f"{PARAM}.mean_value=[90, 120, 150]"], "input"),
    "mean_file": ([f"{PARAM}.mean_file=input/mean.binaryproto"], "input"),
    "crop_size": ([f"{PARAM}.crop_size=17"], "input"),
    "scale of one phase each": (
        ["train_net.data.transform_param.scale=0.02", "test_net.data.transform_param.scale=0.003"],
        "input",
    ),
    "source": (
        [
            "train_net.data.data_param.source=gray/train_lmdb",
            "test_net.data.data_param.source=gray/validation_lmdb",
        ],
        "gray",
    ),
}


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two stores of the same photos, prepared in different ways."""
    folder = tmp_path_factory.mktemp("stores")
    draw_sample(folder / "photos", train=72, test=1, seed=3)
    ways = {
        "input": DatasetParameter(width=24, height=24, equalize=True, validation_every=3, seed=1),
        "gray": DatasetParameter(
            width=20, height=22, channel_order="GRAY", validation_every=3, seed=1
        ),
    }
    for name, way in ways.items():
        create(folder / "photos", folder / name, way)
    return folder


@pytest.fixture
def folder(stores: Path, tmp_path: Path) -> Path:
    """A folder with the stores and the nets."""
    for name in ("input", "gray"):
        (tmp_path / name).symlink_to(stores / name)
    (tmp_path / "net.yaml").write_text(NET)
    (tmp_path / "other.yaml").write_text(NET)
    return tmp_path


def run(folder: Path, nets: str, overrides: Sequence[str] = (), **options: object) -> Path:
    """Train; the weights of the last snapshot."""
    path = folder / "solver.yaml"
    path.write_text(SOLVER.format(nets=nets, folder=folder))
    train(path, Options(overrides=overrides, **options))
    return folder / "out/judged_iter_6.caffemodel"


def last_test(folder: Path) -> list[str]:
    """Accuracy and loss of the first test net at the end, as the report prints them."""
    log = read_log(folder / "out/train.log")
    values = {
        each.name: each.value for each in log.test_outputs if each.iteration == 6 and not each.net
    }
    return [f"{values['accuracy']:.2%}", f"{values['loss']:.4f}"]


def judged(weights: Path, store: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What `evaluate.py --weights ... --data ...` prints of the same."""
    capsys.readouterr()
    evaluate(["--weights", str(weights), "--data", str(store)])
    lines = capsys.readouterr().out.splitlines()
    shown = [line for line in lines if line.startswith(("accuracy", "log loss"))]
    # the interval stands in brackets behind each
    return [line.partition("(")[0].split()[-1] for line in shown]


@pytest.mark.parametrize("tested", TESTED)
@pytest.mark.parametrize("change", CHANGES)
def test_a_snapshot_scores_as_the_last_test(folder, monkeypatch, capsys, tested, change):
    monkeypatch.chdir(folder)
    overrides, store = CHANGES[change]
    weights = run(folder, TESTED[tested], overrides)
    assert judged(weights, folder / store / "validation_lmdb", capsys) == last_test(folder)


@pytest.mark.parametrize("change", [name for name in CHANGES if "phase" not in name])
def test_a_run_without_a_test_carries_what_it_was_trained_on(folder, monkeypatch, capsys, change):
    monkeypatch.chdir(folder)
    overrides, store = CHANGES[change]
    run(folder, TESTED["one"], overrides)
    expected = last_test(folder)
    of_train = [each for each in overrides if not each.startswith("test_net")]
    weights = run(folder, "net: net.yaml", of_train)
    assert judged(weights, folder / store / "validation_lmdb", capsys) == expected


def test_without_a_test_phase_the_train_net_itself_is_carried(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    run(folder, TESTED["one"])
    expected = last_test(folder)
    only_train = NET.replace("include: {phase: TEST}", "include: {phase: TEST, stage: never}")
    (folder / "net.yaml").write_text(only_train.replace("  bottom: data\n", _ONLY_TRAIN, 1))
    weights = run(folder, "net: net.yaml")
    assert judged(weights, folder / "input/validation_lmdb", capsys) == expected


_ONLY_TRAIN = "  bottom: data\n  include: {phase: TRAIN}\n"


def test_from_another_working_directory(folder, tmp_path_factory, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    weights = run(folder, TESTED["one"], CHANGES["mean_file"][0])
    assert judged(weights, folder / "input/validation_lmdb", capsys) == last_test(folder)


def test_a_stage_that_changes_the_data(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    staged = NET.replace(
        "include: {phase: TEST}\n  transform_param: {scale: 0.01}",
        "include: {phase: TEST, stage: dim}\n  transform_param: {scale: 0.003}",
    )
    assert staged != NET
    (folder / "net.yaml").write_text(staged)
    weights = run(folder, TESTED["one"] + "\nstage: dim")
    assert judged(weights, folder / "input/validation_lmdb", capsys) == last_test(folder)


def test_a_trial_of_a_sweep(folder, monkeypatch, capsys):
    pytest.importorskip("optuna")
    from catdog.training.sweep import Plan, parse_axis, sweep

    monkeypatch.chdir(folder)
    solver = folder / "solver.yaml"
    solver.write_text(SOLVER.format(nets=TESTED["one"], folder=folder))
    axis = parse_axis(f"{PARAM}.scale=0.003,0.02")
    plan = Plan(solver, [axis], folder=folder / "sweep", sampler="grid", trials=2)
    found = sweep(plan, lambda _: None)
    assert [trial.state for trial in found.trials] == ["done", "done"]
    for trial in found.trials:
        out = folder / f"sweep/trial_{trial.number:03d}"
        (folder / "out").unlink(missing_ok=True)
        (folder / "out").symlink_to(out)
        weights = out / "judged_iter_6.caffemodel"
        assert judged(weights, folder / "input/validation_lmdb", capsys) == last_test(folder)


def test_a_net_that_is_judged_on_what_it_learned_from_is_told(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    weights = run(folder, TESTED["one"])
    told = {}
    for name in ("train", "validation"):
        evaluate(["--weights", str(weights), "--data", f"input/{name}_lmdb"])
        told[name] = capsys.readouterr().err
    assert "warning: the net was trained on input/train_lmdb: its scores" in told["train"]
    assert "trained on" not in told["validation"]
