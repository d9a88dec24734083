"""Which layers a pattern freezes, and that frozen ones stay what they are."""

from pathlib import Path

import pytest
import torch
from google.protobuf import text_format

from catdog.errors import CatdogError, SpecError
from catdog.layers.base import Setting
from catdog.net.freezing import freeze
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import TRAIN, NetParameter, SolverParameter
from catdog.runtime.randomness import Randomness
from catdog.solver.updates import UPDATES
from catdog.spec.freezing import name_faults
from catdog.training.options import Options
from catdog.training.train import train
from tests.small_solver import SOLVER, write_small

NET = """
state { phase: TRAIN }
layer { name: "data" type: "Input" top: "data" top: "label"
  input_param { shape { dim: 4 dim: 3 dim: 6 dim: 6 } shape { dim: 4 } } }
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: "msra" } } }
layer { name: "norm_a" type: "BatchNorm" bottom: "conv1" top: "norm_a" }
layer { name: "scale_a" type: "Scale" bottom: "norm_a" top: "norm_a" }
layer { name: "conv2" type: "Convolution" bottom: "norm_a" top: "conv2"
  convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: "msra" } } }
layer { name: "relu2" type: "ReLU" bottom: "conv2" top: "conv2" }
layer { name: "norm_b" type: "BatchNorm" bottom: "conv2" top: "norm_b" }
layer { name: "fc" type: "InnerProduct" bottom: "norm_b" top: "fc"
  inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" }
"""


def message() -> NetParameter:
    return text_format.Parse(NET, NetParameter())


def frozen(*patterns: str) -> list[str]:
    return [layer.name for layer in freeze(message(), patterns).layer if layer.frozen]


def built(*patterns: str) -> Net:
    return Net(freeze(message(), patterns), setting=Setting(Randomness(1)))


def step(net: Net, kind: str = "SGD", **fields: float) -> None:
    """One iteration with momentum, decay and a history that is not zero."""
    generator = torch.Generator().manual_seed(0)
    data = 3 + torch.randn(4, 3, 6, 6, generator=generator)
    update = UPDATES[kind](net.learnable, SolverParameter(type=kind, weight_decay=0.1, **fields))
    for history in update.history():
        history.fill_(0.5)
    net({"data": data, "label": torch.tensor([0.0, 1, 0, 1])}).loss.backward()
    update.apply(0.1, 0)


def changed(net: Net, before: Net) -> set[str]:
    blobs, old = net.layer_blobs(), before.layer_blobs()
    return {
        name
        for name in blobs
        if any(not torch.equal(a, b) for a, b in zip(blobs[name], old[name], strict=True))
    }


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        # a BatchNorm stands still with the layer it normalises, whatever lies between them
        (["conv1"], ["conv1", "norm_a"]),
        (["conv2"], ["conv2", "norm_b"]),
        (["conv*"], ["conv1", "norm_a", "conv2", "norm_b"]),
        (["norm_?"], ["norm_a", "norm_b"]),
        (["scale_a"], ["scale_a"]),
        (["con[vw]1", "fc"], ["conv1", "norm_a", "fc"]),
        ([], []),
    ],
)
def test_what_a_pattern_freezes(patterns: list[str], names: list[str]) -> None:
    assert frozen(*patterns) == names


@pytest.mark.parametrize("between", ["AbsVal", "LRN", "Flatten", "Reduction"])
def test_statistics_pass_through_every_layer_without_parameters(between: str) -> None:
    net = text_format.Parse(NET.replace('"ReLU"', f'"{between}"'), NetParameter())
    assert [layer.name for layer in freeze(net, ["conv2"]).layer if layer.frozen] == [
        "conv2",
        "norm_b",
    ]


@pytest.mark.parametrize(
    ("norm", "stands"),
    [
        ('type: "BN" bn_param { eps: 0.1 }', True),
        ('type: "BN" bn_param { bn_mode: LEARN }', False),
        ('type: "BatchNorm" batch_norm_param { scale_bias: true }', True),
        ('type: "BatchNorm" batch_norm_param { filler { } }', True),
    ],
)
def test_a_norm_of_a_fork_stands_still_for_its_statistics(norm: str, stands: bool) -> None:
    net = text_format.Parse(NET.replace('type: "BatchNorm"', norm), NetParameter())
    names = [layer.name for layer in freeze(net, ["conv2"]).layer if layer.frozen]
    assert names == ["conv2", "norm_b"][: 1 + stands]


@pytest.mark.parametrize("kind", UPDATES)
def test_frozen_layers_stay_what_they_are(kind: str) -> None:
    momentum = {} if kind in ("AdaGrad", "RMSProp") else {"momentum": 0.9}
    net = built("conv1")
    step(net, kind, **momentum)
    assert changed(net, built()) == {"scale_a", "conv2", "norm_b", "fc"}


def test_without_freezing_everything_changes() -> None:
    net = built()
    step(net)
    assert changed(net, built()) == {"conv1", "norm_a", "scale_a", "conv2", "norm_b", "fc"}


def test_a_frozen_batch_norm_uses_its_statistics_even_against_its_own_field() -> None:
    marked = freeze(message(), ["norm_a"])
    (layer,) = (layer for layer in marked.layer if layer.name == "norm_a")
    layer.batch_norm_param.use_global_stats = False
    net = Net(marked, setting=Setting(Randomness(1)))
    assert net.phase == TRAIN
    blobs = net.node("norm_a").layer.blobs
    with torch.no_grad():
        for index, value in enumerate((6.0, 8.0, 2.0)):
            blobs.parameter(index).fill_(value)
    x = torch.randn(4, 4, 4, 4, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(net.node("norm_a").layer(x), (x - 3) / (4 + 1e-5) ** 0.5)
    assert [blob.flatten()[0].item() for blob in blobs] == [6, 8, 2]


def test_nothing_flows_back_through_frozen_layers() -> None:
    net = built("conv*", "scale_a")
    batch = {"data": torch.ones(4, 3, 6, 6), "label": torch.zeros(4)}
    blobs = net(batch, keep=["norm_a", "conv2", "norm_b", "fc"]).blobs
    assert [blobs[name].requires_grad for name in ("norm_a", "conv2", "norm_b", "fc")] == [
        False,
        False,
        False,
        True,
    ]


def test_a_pattern_that_names_nothing() -> None:
    (fault,) = name_faults(message(), ["cnov*", "fc"])
    assert str(fault) == '"cnov*" names no layer of the net; the nearest are conv2, conv1'
    (fault,) = name_faults(message(), ["zzz"])
    assert "it has conv1, norm_a, scale_a" in fault.remedy


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_small(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("conv9", 'solver.yaml:12:1: "conv9" names no layer of the net; the nearest are conv1'),
        ("relu*", 'solver.yaml:12:1: "relu*" names no layer with parameters; it has '),
    ],
)
def test_a_faulty_freeze_has_its_place(folder: Path, pattern: str, message: str) -> None:
    (folder / "solver.yaml").write_text(SOLVER.replace("*1", pattern))
    with pytest.raises(SpecError) as caught:
        train("solver.yaml", Options())
    assert str(caught.value).startswith(message)


@pytest.mark.usefixtures("folder")
def test_the_flag_adds_to_the_solver_and_takes_commas() -> None:
    options = Options(freeze=["fc1,fc2"], overrides=["max_iter=2"])
    solver = train("solver.yaml", options)
    assert all(node.layer.param.frozen for node in solver.net if len(node.layer.blobs))
    with pytest.raises(CatdogError, match="conv7"):
        train("solver.yaml", Options(freeze=["fc1,conv7"]))


@pytest.mark.usefixtures("folder")
def test_snapshots_do_not_say_what_was_frozen() -> None:
    """They are Caffe's files: whether a layer learns is the next training's business."""
    solver = train("solver.yaml", Options(overrides=["max_iter=1"]))
    assert solver.net.node("conv1").layer.param.frozen
    assert not any(layer.frozen for layer in solver.model.layer)
    assert not any(layer.frozen for layer in solver.model.deploy.layer)
