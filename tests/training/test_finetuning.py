"""The table at the start of a training, fresh rates, and how they outlive a resume."""

import hashlib
import io
from pathlib import Path

import pytest
import torch

from catdog.errors import WeightsError
from catdog.solver.solver import Solver
from catdog.tracking.log_reader import read_log
from catdog.training.options import Options
from catdog.training.train import train
from catdog.weights import pretrained
from tests.small_solver import NET, SOLVER, write_small

WEIGHTS = "before/run_iter_2.caffemodel"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A net that was trained for two iterations, and a solver to fine-tune it."""
    write_small(tmp_path, solver=SOLVER.replace('freeze: ["*1"]', ""))
    monkeypatch.chdir(tmp_path)
    run("before", "max_iter=2")
    renamed = NET.replace("name: fc2", "name: fc2-new")
    (tmp_path / "net.yaml").write_text(renamed)
    return tmp_path


def run(name: str, *overrides: str, stream: io.StringIO | None = None, **options: object) -> Solver:
    fields = (f"snapshot_prefix={name}/run", *overrides)
    return train("solver.yaml", Options(overrides=fields, **options), stream=stream)


def table(name: str) -> list[str]:
    """The lines of the table in the log of a run."""
    return table_in(Path(name, "train.log").read_text())


def table_in(log: str) -> list[str]:
    """The lines of the table in a log, without their prefix."""
    lines = log.splitlines()
    told = [line.split("] ", 1)[1] for line in lines if "net.cpp:774" in line]
    start = next(i for i, line in enumerate(told) if line.split() == HEAD)
    return told[start : start + 7]


HEAD = ["layer", "parameters", "weights", "learns"]


@pytest.mark.usefixtures("folder")
def test_the_table() -> None:
    options = {"weights": [WEIGHTS], "freeze": ["conv1,scale1"]}
    run("out", "max_iter=1", "fresh_lr_mult=10", **options)
    assert table("out") == [
        "    layer    parameters  weights  learns",
        "    conv1           168  copied   frozen",
        "    bn1              13  copied   frozen",
        "    scale1           12  copied   frozen",
        "    fc1             657  copied   lr_mult 1",
        "    fc2-new         100  fresh    lr_mult 10",
        "757 of 950 parameters learn",
    ]
    assert read_log("out/train.log").train_loss


def test_rates_and_statistics_in_the_table(folder: Path) -> None:
    rates = "param: [{lr_mult: 1}, {lr_mult: 2}]\n  inner_product_param: {num_output: 9"
    text = (folder / "net.yaml").read_text().replace("inner_product_param: {num_output: 9", rates)
    still = "name: scale1, param: {lr_mult: 0}"
    (folder / "net.yaml").write_text(
        text.replace("name: scale1", still).replace("bias_term: true", "bias_term: false")
    )
    solver = folder / "solver.yaml"
    solver.write_text(solver.read_text())
    said = io.StringIO()
    with pytest.raises(WeightsError, match='layer "scale1": the net has 1 blob, the file 2'):
        run("out", weights=[WEIGHTS], stream=said)
    lines = table_in(said.getvalue())
    assert lines[2] == "    bn1              13  copied          by its own statistics"
    assert lines[3] == (
        "    scale1            6  shape mismatch  the net has 1 blob, the file 2; rename the layer "
        "to learn it from scratch"
    )
    assert lines[4] == "    fc1             657  copied          lr_mult 1 and 2"
    assert lines[5] == "    fc2-new         100  fresh           lr_mult 1"


def test_a_layer_without_rates_and_one_of_two_files(folder: Path) -> None:
    still = "name: scale1, param: [{lr_mult: 0}, {lr_mult: 0}]"
    text = (folder / "net.yaml").read_text()
    (folder / "net.yaml").write_text(text.replace("name: scale1", still))
    run("first", "max_iter=0", weights=[WEIGHTS])
    assert table("first")[3] == "    scale1           12  copied   no: lr_mult 0"
    # the last layer comes from the second file, so nothing is fresh
    run("out", "max_iter=0", weights=[f"{WEIGHTS},first/run_iter_0.caffemodel"])
    assert table("out")[5] == "    fc2-new         100  copied   lr_mult 1"


def test_bare_weights_are_those_of_the_net_and_what_does_not_fit_starts_fresh(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["conv1", *(f"conv{i}" for i in range(2, 6)), "fc6", "fc7", "fc8"]
    head, tail = NET.split("- name: conv1")[0], NET.split("- name: fc2")[1]
    tail = tail.split("- {name: accuracy")[1].replace("fc2", "fc8")
    layers, bottom = "", "data"
    for name in names:
        outputs = {"conv1": 96, "fc8": 10}.get(name, 2)
        layers += f"- {{name: {name}, type: InnerProduct, bottom: {bottom}, top: {name}, "
        layers += f"inner_product_param: {{num_output: {outputs}}}}}\n"
        bottom = name
    net = f"{head}{layers}- {{name: accuracy{tail}"
    (folder / "net.yaml").write_text(net)
    run("thousand", "max_iter=0")
    file = folder / "models/bvlc_reference_caffenet/bvlc_reference_caffenet.caffemodel"
    file.parent.mkdir(parents=True)
    file.write_bytes((folder / "thousand/run_iter_0.caffemodel").read_bytes())
    monkeypatch.setattr(pretrained, "_CAFFENET_SHA1", hashlib.sha1(file.read_bytes()).hexdigest())
    (folder / "net.yaml").write_text(net.replace("num_output: 10", "num_output: 11"))
    solver = run("out", "max_iter=0", "fresh_lr_mult=3", weights=None)
    assert solver.fresh == ("fc8",)
    log = Path("out/train.log").read_text()
    assert (
        "start fresh, since the weights do not fit: "
        "fc8 (blob 0 is [11, 2] in the net, [10, 2] in the file)" in log
    )
    assert "Copied layers: conv1, conv2, conv3, conv4, conv5, fc6, fc7\n" in log


@pytest.mark.usefixtures("folder")
def test_the_fresh_layer_learns_faster() -> None:
    slow = run("slow", "max_iter=1", "momentum=0", weights=[WEIGHTS])
    fast = run("fast", "max_iter=1", "momentum=0", "fresh_lr_mult=3", weights=[WEIGHTS])
    start = run("start", "max_iter=0", weights=[WEIGHTS])
    blobs = [solver.net.layer_blobs() for solver in (start, slow, fast)]
    for i in range(2):
        before, one, three = (blob["fc2-new"][i] for blob in blobs)
        torch.testing.assert_close(three - before, 3 * (one - before), rtol=1e-3, atol=1e-6)
    assert torch.equal(blobs[1]["fc1"][0], blobs[2]["fc1"][0])
    assert not torch.equal(blobs[0]["fc1"][0], blobs[1]["fc1"][0])


@pytest.mark.usefixtures("folder")
def test_a_resume_keeps_the_fresh_rates_and_says_what_is_frozen() -> None:
    fields = ("fresh_lr_mult=3", "display=1")
    whole = run("whole", *fields, "max_iter=5", weights=[WEIGHTS], freeze=["conv1"])
    run("parts", *fields, "max_iter=2", weights=[WEIGHTS], freeze=["conv1"])
    resumed = run("parts", *fields, "max_iter=5", snapshot="auto", freeze=["conv1"])
    assert resumed.fresh == ("fc2-new",)
    for a, b in zip(whole.net.learnable, resumed.net.learnable, strict=True):
        assert torch.equal(a.parameter, b.parameter)
    assert "    conv1           168  snapshot  frozen" in Path("parts/train.log").read_text()


@pytest.mark.usefixtures("folder")
def test_freezing_what_chance_made_is_worth_a_word() -> None:
    run("out", "max_iter=0", "fresh_lr_mult=2", freeze=["conv1"])
    log = Path("out/train.log").read_text()
    assert "frozen without copied weights: conv1, bn1; give --weights" in log
    assert "fresh_lr_mult 2 changes nothing: no layer started fresh beside copied ones" in log
