"""What a net takes, found without numbers, is what it takes with them."""

from pathlib import Path

import pytest
import torch
from google.protobuf import text_format
from torch.autograd.graph import saved_tensors_hooks

from catdog.net.footprint import footprint
from catdog.net.net import Net
from catdog.net.resolved import resolve
from catdog.proto.caffe_pb2 import TEST, TRAIN, NetParameter, NetState
from catdog.spec import net_state, read_net

COMPOSITES = Path(__file__).parents[1] / "goldens_forks/composites"

DENSE = """
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
        inner_product_param { num_output: 7 } }
layer { name: "r" type: "Sigmoid" bottom: "ip" top: "r" }
layer { name: "ip2" type: "InnerProduct" bottom: "r" top: "ip2"
        inner_product_param { num_output: 2 } }
layer { name: "loss" type: "EuclideanLoss" bottom: "ip2" bottom: "wanted" top: "loss" }
"""
DENSE_INPUTS = {"data": (5, 3), "wanted": (5, 2)}


def net_of(text, inputs, phase=TRAIN, fill=False):
    message = text_format.Parse(text, NetParameter(state=NetState(phase=phase)))
    return Net(message, inputs=inputs, fill=fill)


@pytest.mark.parametrize(
    "name", ["ssd_train", "ssd_deploy", "rpn", "rfcn_ohem", "yolov2", "yolov3"]
)
def test_layers_whose_numbers_decide_what_they_keep(name):
    """Boxes that are mined or sorted do not count; the rest of the net does."""
    spec = read_net(COMPOSITES / f"{name}.prototxt")
    for phase in (TRAIN, TEST):
        found = footprint(Net(resolve(spec, net_state(phase)).message, fill=False))
        assert found and found.kept
        assert found.growing > found.batch


def test_a_dense_net_by_hand():
    found = footprint(net_of(DENSE, DENSE_INPUTS))
    assert found.weights == {"ip": 4 * (3 * 7 + 7), "ip2": 4 * (7 * 2 + 2)}
    assert found.learned == found.parameters == 4 * 44
    # of the first product its bottom, of the sigmoid its top, which is the second's bottom too, of
    # the loss the difference
    assert sum(found.kept.values()) == 4 * (5 * 3 + 5 * 7 + 5 * 2)
    assert found.batch == 4 * (5 * 3 + 5 * 2)
    without = footprint(net_of(DENSE, DENSE_INPUTS, TEST))
    # the bottom of the first product with its top; wanted is there all the time
    assert sum(without.kept.values()) == 4 * (5 * 2 + 5 * 7 + 5 * 7)


def saved(net):
    """Bytes that autograd saves when the net runs with numbers."""
    storages = {id(p.untyped_storage()): p.untyped_storage() for p in net.parameters()}
    total = 0

    def save(tensor):
        nonlocal total
        storage = tensor.untyped_storage()
        if id(storage) not in storages:
            storages[id(storage)] = storage
            total += storage.nbytes()
        return tensor

    labels = {name for name, shape in net.inputs.items() if len(shape) == 1}
    batch = {
        name: torch.zeros(shape) if name in labels else torch.randn(shape)
        for name, shape in net.inputs.items()
    }
    with saved_tensors_hooks(save, lambda tensor: tensor):
        net(batch)
    return total


@pytest.mark.parametrize(
    ("name", "size"),
    [("small64", 64), ("deep64", 64), ("catdog96", 80), ("resnet18", 64), ("squeezenet1_1", 64)],
)
def test_without_numbers_as_with_them(name, size):
    spec = read_net(f"net_specs/{name}.yaml")
    resolved = resolve(spec, net_state(TRAIN, 0, (), spec.message.state))
    inputs = {"data": (2, 3, size, size), "label": (2,)}
    found = footprint(Net(resolved.rest, inputs=inputs, fill=False))
    expected = saved(Net(resolved.rest, inputs=inputs))
    # on the meta device dropout's mask is as large, and a CPU saves some small counts more
    assert sum(found.kept.values()) == pytest.approx(expected, rel=0.02)


def test_what_only_code_knows_is_not_guessed():
    text = 'layer { name: "out" type: "HDF5Output" bottom: "a" bottom: "b" }'
    text = text.replace(" }", ' hdf5_output_param { file_name: "x.h5" } }')
    assert footprint(net_of(text, {"a": (2, 2), "b": (2, 1)})) is None
