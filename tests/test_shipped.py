"""Every net and solver that ships compiles, and every net takes a step."""

from itertools import pairwise
from pathlib import Path

import pytest
import torch

from catdog.blueprint import blueprint
from catdog.layers.base import Setting
from catdog.lr_policy import learning_rate
from catdog.net import Net
from catdog.proto.caffe_pb2 import TEST, TRAIN
from catdog.randomness import Randomness
from catdog.solver import faults
from catdog.sources import cut
from catdog.spec import deploy_net, filter_net, net_state, read_net, read_solver
from catdog.updates import UPDATES

ROOT = Path(__file__).parent.parent
NETS = sorted(ROOT.glob("net_specs/*.yaml"))
SOLVERS = sorted(ROOT.glob("solvers/*.yaml"))
#: Every net can do with pictures of this size; with those that they are meant for, the larger
#: ones would take minutes.
BATCH, SIZE = 2, 64


def name_of(path: Path) -> str:
    return path.stem


SHAPES = {"data": (BATCH, 3, SIZE, SIZE), "label": (BATCH,)}


def own_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Shapes of the pictures that a net is meant for; 64x64 where no crop says another size."""
    crops = [layer.transform_param.crop_size for layer in read_net(path).message.layer]
    size = max(crops) or SIZE
    return {"data": (BATCH, 3, size, size), "label": (BATCH,)}


@pytest.mark.parametrize("path", NETS, ids=name_of)
def test_a_net_takes_a_step(path, monkeypatch):
    monkeypatch.chdir(ROOT)
    _, rest = cut(filter_net(read_net(path).message, net_state(TRAIN)))
    net = Net(rest, inputs=SHAPES, setting=Setting(Randomness(0)))
    generator = torch.Generator().manual_seed(0)
    batch = {
        "data": torch.randn(SHAPES["data"], generator=generator),
        "label": torch.tensor([0.0, 1.0]),
    }
    update = UPDATES["SGD"](net.learnable, read_solver(SOLVERS[0]).message)
    before = net.learnable[0].parameter.clone()
    loss = net(batch).loss
    loss.backward()
    update.apply(0.01, 0)
    assert loss.isfinite()
    assert not torch.equal(before, net.learnable[0].parameter)


@pytest.mark.parametrize("path", NETS, ids=name_of)
def test_a_net_compiles_for_tests_and_for_deployment(path, monkeypatch):
    monkeypatch.chdir(ROOT)
    spec, shapes = read_net(path), own_shapes(path)
    test = blueprint(spec, net_state(TEST), shapes).net
    deploy = Net(deploy_net(spec.message, shapes), fill=False)
    assert "prob" in deploy.outputs
    assert {item.name for item in deploy.learnable} <= {item.name for item in test.learnable}


@pytest.mark.parametrize("path", [*NETS, *SOLVERS], ids=name_of)
def test_a_spec_opens_with_the_command_that_runs_it(path):
    head = [line for line in path.read_text().splitlines() if line.startswith("#")]
    assert any("python tools/train.py --solver" in line for line in head)


@pytest.mark.parametrize("path", SOLVERS, ids=name_of)
def test_a_solver_is_without_faults(path):
    solver = read_solver(path).message
    assert (ROOT / solver.net).is_file()
    assert not faults(solver)
    assert learning_rate(solver, 0) == pytest.approx(solver.base_lr)


def test_deep64_has_the_parameters_that_its_sizes_give():
    spec = read_net(ROOT / "net_specs/deep64.yaml")
    outputs = [3, 100, 200, 300, 400, 500, 600]
    convolutions = sum(9 * i * o + o for i, o in pairwise(outputs))
    net = blueprint(spec, net_state(TEST), SHAPES).net
    assert sum(item.parameter.numel() for item in net.learnable) == convolutions + 2 * 600 + 2
