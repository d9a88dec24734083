"""Which known net layers belong to."""

from pathlib import Path

import pytest

from catdog.errors import CatdogError
from catdog.spec import read_net, read_solver
from catdog.weights.pretrained import NAMES, name_for, solver_of

ROOT = Path(__file__).parents[2]
SHIPPED = [name for name in NAMES if solver_of(name)]


@pytest.mark.parametrize("name", SHIPPED)
def test_the_net_of_a_solver_that_is_named_for_weights_is_that_of_the_weights(name):
    solver = read_solver(ROOT / solver_of(name)).message
    assert list(solver.weights) == [name]
    assert name_for(read_net(ROOT / solver.net).message) == name


def test_caffenet_with_all_of_its_layers_names():
    assert name_for(read_net(ROOT / "net_specs/caffenet.yaml").message) == "caffenet"


@pytest.mark.parametrize("name", ["vgg16_cifar", "resnet18_cifar", "vgg8", "deep64"])
def test_nets_without_imagenet_weights(name):
    with pytest.raises(CatdogError, match=r"--weights: no known .*solvers/s2\.yaml"):
        name_for(read_net(ROOT / f"net_specs/{name}.yaml").message)


def test_a_caffenet_that_normalises_before_it_pools_is_alexnet():
    net = read_net(ROOT / "net_specs/caffenet.yaml").message
    layers = {layer.name: layer for layer in net.layer}
    layers["pool1"].type, layers["norm1"].type = "LRN", "Pooling"
    with pytest.raises(CatdogError):
        name_for(net)
