import json
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from google.protobuf import text_format

import catdog.layers
from catdog.errors import CatdogError
from catdog.export.module import EMITTERS, check_supported, torch_module
from catdog.layers.base import Setting
from catdog.net import wiring
from catdog.net.deploy import deploy_net
from catdog.net.net import Net
from catdog.net.resolved import resolve
from catdog.proto.caffe_pb2 import TEST, NetParameter
from catdog.runtime.randomness import Randomness
from catdog.spec import filter_net, net_state, read_net
from catdog.spec.read import parse_yaml
from tests.export.written import load, same

GOLDENS = Path(__file__).parents[1] / "goldens"
ROOT = Path(__file__).parents[2]
FORKS = GOLDENS.parent / "goldens_forks"
LAYERS = [
    folder / "layers" / entry["type"] / entry["case"]
    for folder in (GOLDENS, FORKS)
    for entry in json.loads((folder / "layers/index.json").read_text())
    if entry["type"] in EMITTERS
]
#: Cases of forks that say why they cannot be written.
REFUSED = {"BN": "segnet_learn", "BatchNorm": ("nv_", "intel_")}


def net_of(text, **arguments):
    message = NetParameter()
    parse_yaml(text, message, "net.yaml")
    return Net(message, setting=Setting(Randomness(0)), **arguments)


@pytest.mark.parametrize(
    "stem", LAYERS, ids=[f"{p.parts[-4]}-{p.parts[-2]}-{p.name}" for p in LAYERS]
)
def test_every_layer_gives_the_nets_numbers_to_the_bit(stem, tmp_path):
    kind = stem.parent.name
    message = text_format.Parse(stem.with_suffix(".prototxt").read_text(), NetParameter())
    net = Net(filter_net(message, net_state(TEST)), setting=Setting(Randomness(0)))
    with np.load(stem.with_suffix(".npz")) as arrays:
        for index, blob in enumerate(net.layer_blobs().get("test", [])):
            blob.copy_(torch.from_numpy(arrays[f"param:{index}"]))
        batch = {name: torch.from_numpy(arrays[f"in:{name}"]) for name in net.inputs}
    if stem.name.startswith(REFUSED.get(kind, "-")):
        with pytest.raises(CatdogError, match=rf'layer "test": \({kind}\) .*cannot be written'):
            torch_module(net, "x.pt")
        return
    # a second pass goes on from the state of the first
    same(net, batch, tmp_path, passes=2 if kind in ("RNN", "LSTM") else 1)


def deployed(path, size):
    net = resolve(read_net(path), net_state(TEST))
    shapes = dict(wiring.input_shapes(net.rest))
    for layer in net.data_layers:
        shapes.update({layer.top[0]: (2, 3, size, size)})
    return Net(deploy_net(net.message, shapes), setting=Setting(Randomness(0)))


NETS = [
    *((path, 0) for path in sorted((GOLDENS / "composites").glob("*.prototxt"))),
    (ROOT / "net_specs/deep64.yaml", 64),
    (ROOT / "net_specs/caffenet.yaml", 227),
]


@pytest.mark.parametrize(("path", "size"), NETS, ids=[path.stem for path, _ in NETS])
def test_whole_nets_give_their_numbers_to_the_bit(path, size, tmp_path):
    net = deployed(path, size)
    chance = torch.Generator().manual_seed(0)
    batch = {name: torch.rand(shape, generator=chance) for name, shape in net.inputs.items()}
    if "words" in batch:
        batch["words"] = (5 * batch["words"]).floor()
    same(net, batch, tmp_path)


def test_the_file_for_a_small_net():
    net = deployed(GOLDENS / "composites/lenet_like.prototxt", 0)
    text = torch_module(net, "lenet.pt", ["Pictures are grey."]).text
    assert text.startswith('"""The net lenet_like, written by catdog as a torch module.\n')
    assert 'net.load_state_dict(torch.load("lenet.pt", weights_only=True))' in text
    assert 'Pictures are grey.\n"""\n' in text
    assert "import catdog" not in text
    assert "from catdog" not in text
    assert max(map(len, text.splitlines())) <= 100


def test_shared_parameters_stay_shared(tmp_path):
    net = deployed(GOLDENS / "composites/siamese.prototxt", 0)
    made = load(torch_module(net, "x.pt"), tmp_path)
    assert made.conv.weight is made.conv_p.weight
    assert made.feat.bias is made.feat_p.bias


IN = "{name: %s, type: Input, top: %s, input_param: {shape: {dim: [2, 3]}}}"
FC = (
    "{name: %s, type: InnerProduct, bottom: %s, top: %s, "
    "inner_product_param: {num_output: 3, weight_filler: {type: xavier}}}"
)


@pytest.mark.parametrize(
    "names",
    [
        ["conv1/3x3", "conv1_3x3", "conv1-3x3"],
        ["forward", "train", "self"],
        ["class", "lambda", "None"],
        ["torch", "F", "nn"],
        ["1", "2", "_1"],
        ["weight", "weight ", "wéight"],
        ['"', "'''", '"""'],
        ['x"); import os; ("', "a\nimport os", "\\"],
        ["norm_across_channels", "Frame", "len"],
    ],
)
def test_names_of_any_kind(names, tmp_path):
    net = net_of(
        "layer: ["
        + IN % (json.dumps(names[0]), json.dumps(names[0]))
        + ","
        + FC % tuple(map(json.dumps, (names[1], names[0], names[1])))
        + ","
        + FC % tuple(map(json.dumps, (names[2], names[0], names[2])))
        + "]\nname: "
        + json.dumps(names[0])
    )
    same(net, {names[0]: torch.rand(2, 3)}, tmp_path)


def test_parts_of_layers_do_not_take_the_names_of_others(tmp_path):
    scale = "{name: s, type: Scale, bottom: d, top: s, scale_param: {bias_term: true}}"
    net = net_of(
        f"layer: [{IN % ('d', 'd')}, {scale}, {FC % ('s_weight', 's', 'a')}, "
        f"{FC % ('s_bias', 'a', 'b')}]"
    )
    same(net, {"d": torch.rand(2, 3)}, tmp_path)


@pytest.mark.parametrize("kind", catdog.layers.LAYERS)
def test_every_type_is_written_or_refused_by_name(kind):
    node = SimpleNamespace(name="a", type=kind)
    with nullcontext() if kind in EMITTERS else pytest.raises(CatdogError, match=f'"a" .{kind}'):
        check_supported(SimpleNamespace(name="odd", nodes=[node]))


def test_nothing_is_written_that_is_no_layer():
    assert catdog.layers.LAYERS.keys() >= EMITTERS.keys()


def test_all_layers_that_cannot_be_written_are_named():
    net = net_of(
        "name: odd\nlayer: ["
        + IN % ("d", "d")
        + ",{name: i, type: Input, top: i, input_param: {shape: {dim: [2]}}},"
        "{name: pick, type: BatchReindex, bottom: [d, i], top: pick},"
        "{name: some, type: Filter, bottom: [pick, i], top: some}]"
    )
    with pytest.raises(CatdogError) as caught:
        torch_module(net, "x.pt")
    assert str(caught.value).startswith(
        'net odd: cannot be written as torch code: "pick" (BatchReindex), "some" (Filter); '
    )


@pytest.mark.parametrize(
    "layer",
    [
        "type: BatchNorm, batch_norm_param: {scale_bias: true}",
        "type: Dropout, dropout_param: {sample_weights_test: true}",
    ],
)
def test_what_a_fork_has_otherwise_is_not_written_as_caffes(layer):
    text = "name: odd\nlayer: [" + IN % ("d", "d")
    net = net_of(text + f",{{name: other, {layer}, bottom: d, top: t}}]")
    with pytest.raises(CatdogError, match=r"cannot be written"):
        torch_module(net, "x.pt")


def test_the_written_module_can_be_trained(tmp_path):
    net = deployed(GOLDENS / "composites/in_place_chain.prototxt", 0)
    made = load(torch_module(net, "x.pt"), tmp_path).train()
    batch = [torch.rand(shape) for shape in net.inputs.values()]
    made(*batch).square().sum().backward()
    assert all(parameter.grad is not None for parameter in made.parameters())
