"""Every net and solver that ships compiles, and every net takes a step."""

from pathlib import Path

import pytest
import torch

from catdog.layers.base import Setting
from catdog.net.abstract import blueprint
from catdog.net.deploy import deploy_net
from catdog.net.net import Net
from catdog.net.resolved import resolve
from catdog.proto.caffe_pb2 import TEST, TRAIN
from catdog.runtime.randomness import Randomness
from catdog.solver.faults import solver_faults
from catdog.solver.lr_policy import learning_rate
from catdog.solver.updates import UPDATES
from catdog.spec import filter_net, net_state, read_net, read_solver
from catdog.spec.data_layers import cut_data_layers

ROOT = Path(__file__).parent.parent
NETS = sorted(ROOT.glob("net_specs/*.yaml"))
SOLVERS = sorted(ROOT.glob("solvers/*.yaml"))
#: Every net can do with pictures of this size; with those that they are meant for, the larger
#: ones would take minutes.
BATCH, SIZE = 2, 64


def name_of(path: Path) -> str:
    return path.stem


#: "labels" are a class and three more.
SHAPES = {"data": (BATCH, 3, SIZE, SIZE), "label": (BATCH,), "labels": (BATCH, 4)}
#: Of a detector: a row for each box.
BOXES = [[0, 1, 0, 0.1, 0.2, 0.5, 0.6, 0], [1, 2, 0, 0.3, 0.1, 0.8, 0.7, 0]]


def finds_boxes(path: Path) -> bool:
    return any(layer.type == "AnnotatedData" for layer in read_net(path).message.layer)


def own_shapes(path: Path, size: int = 0) -> dict[str, tuple[int, ...]]:
    """Shapes of the pictures that a net is meant for; 64x64 where nothing says another size."""
    layers = read_net(path).message.layer
    told = (layer.transform_param for layer in layers)
    size = size or max(max(x.crop_size, x.resize_param.height) for x in told) or SIZE
    read = {top for layer in layers for top in layer.top}
    label = (1, 1, len(BOXES), 8) if finds_boxes(path) else (BATCH,)
    shapes = {**SHAPES, "data": (BATCH, 3, size, size), "label": label}
    return {name: shape for name, shape in shapes.items() if name in read}


def switched() -> list:
    """Every net as it is, and with the stages of the solvers that train it."""
    cases = {(path, ()) for path in NETS}
    for path in SOLVERS:
        solver = read_solver(path).message
        cases.add((ROOT / solver.net, tuple(solver.stage)))
    return [pytest.param(*case, id="-".join([case[0].stem, *case[1]])) for case in sorted(cases)]


@pytest.mark.parametrize(("path", "stages"), switched())
def test_a_net_takes_a_step(path, stages, monkeypatch):
    monkeypatch.chdir(ROOT)
    _, rest = cut_data_layers(filter_net(read_net(path).message, net_state(TRAIN, stages=stages)))
    shapes = own_shapes(path, SIZE)
    net = Net(rest, inputs=shapes, setting=Setting(Randomness(0)))
    generator = torch.Generator().manual_seed(0)
    batch = {
        "data": torch.randn(shapes["data"], generator=generator),
        "label": torch.tensor([[BOXES]] if finds_boxes(path) else [0.0, 1.0]),
        "labels": torch.tensor([[0.0, 1, 0, 1], [1, 0, 0, 1]]),
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
    resolved = resolve(spec, net_state(TEST))
    test = blueprint(resolved, shapes).net
    deploy = Net(deploy_net(resolved.message, shapes), fill=False)
    assert ("detection_out" if finds_boxes(path) else "prob") in deploy.outputs
    assert {item.name for item in deploy.learnable} <= {item.name for item in test.learnable}


@pytest.mark.parametrize("path", [*NETS, *SOLVERS], ids=name_of)
def test_a_spec_opens_with_the_command_that_runs_it(path):
    head = [line for line in path.read_text().splitlines() if line.startswith("#")]
    assert any("python tools/train.py --solver" in line for line in head)


@pytest.mark.parametrize("path", SOLVERS, ids=name_of)
def test_a_solver_is_without_faults(path):
    solver = read_solver(path).message
    assert (ROOT / solver.net).is_file()
    assert not solver_faults(solver)
    first = solver.base_lr * (solver.warmup_start if solver.warmup_iter else 1)
    # min_lr holds while the rate rises, too
    assert learning_rate(solver, 0) == pytest.approx(max(first, solver.min_lr))


@pytest.mark.parametrize(
    ("name", "stages", "size", "parameters"),
    [
        ("baseline64", (), 64, 4_195_457),
        ("deep64", (), 64, 6_305_401 + 601),
        ("deep64", ("sigmoid",), 64, 6_305_401),
        # 3x3 kernels of 32, 32 and 64 outputs; 17x17 pixels are left; 64 and 1 outputs
        (
            "convnet150",
            (),
            150,
            (27 + 1) * 32 + (288 + 1) * 32 + (288 + 1) * 64 + (17 * 17 * 64 + 1) * 64 + 65,
        ),
    ],
)
def test_small_nets_have_the_parameters_of_their_models(name, stages, size, parameters):
    path = ROOT / f"net_specs/{name}.yaml"
    net = blueprint(
        resolve(read_net(path), net_state(TEST, stages=stages)), own_shapes(path, size)
    ).net
    assert sum(item.parameter.numel() for item in net.learnable) == parameters


def test_the_second_output_of_two_heads_is_one():
    spec = read_net(ROOT / "net_specs/vgg8_two_heads.yaml")
    net = Net(deploy_net(resolve(spec, net_state(TEST)).message, {"data": (2, 3, 32, 32)}))
    blobs = net({"data": torch.randn(2, 3, 32, 32)}).blobs
    assert blobs["ones"].shape == blobs["prob"].shape
    assert blobs["ones"].eq(1).all()


@pytest.mark.parametrize("path", NETS, ids=name_of)
def test_a_first_layer_that_holds_the_deviation_learns_as_without_it(path):
    """Weights w = v / s of pictures s * x move as v would: rate / s^2, decay * s^2."""
    layers = [layer for layer in read_net(path).message.layer if layer.type == "Convolution"]
    rates = [spec for layer in layers for spec in layer.param if 0 < spec.lr_mult < 0.1]
    if "&first" not in path.read_text():
        assert not rates
        return
    (rate,) = rates
    deviation = 127 if "efficientnet" in path.stem else 255 * 0.226
    assert rate == layers[0].param[0]
    assert rate.lr_mult * deviation**2 == pytest.approx(1, rel=0.05)
    assert rate.lr_mult * rate.decay_mult == pytest.approx(1, rel=0.05)
