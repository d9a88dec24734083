import json
from pathlib import Path

import numpy as np
import pytest
import torch
from google.protobuf import text_format

from catdog.errors import CatdogError, LayerError, SpecError
from catdog.layers.base import Setting
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import TEST, TRAIN, NetParameter
from catdog.runtime.randomness import Randomness
from catdog.spec import filter_net, net_state
from catdog.spec.read import parse_yaml

GOLDENS = Path(__file__).parents[1]
CASES = [
    {**case, "stem": GOLDENS / folder / "composites" / case["case"]}
    for folder in ("goldens", "goldens_forks")
    for case in json.loads((GOLDENS / folder / "composites" / "index.json").read_text())
]
#: Biases before a norm by the statistics of the batch: their gradient is 0 but for rounding.
WITHOUT_GRADIENT = {"segnet_train": {"conv1:1", "conv2:1"}}


def net_of(text: str, phase: int = TRAIN, seed: int = 0, **arguments) -> Net:
    message = NetParameter()
    parse_yaml(text, message, "net.yaml")
    setting = Setting(Randomness(seed))
    return Net(filter_net(message, net_state(phase)), setting=setting, **arguments)


def close(got, want, relative):
    largest = max(float(np.abs(want).max(initial=0)), 1e-6)
    np.testing.assert_allclose(got, want, rtol=relative, atol=relative * largest)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_whole_nets_compute_what_caffe_computes(case):
    message = NetParameter()
    text_format.Parse(case["stem"].with_suffix(".prototxt").read_text(), message)
    net = Net(filter_net(message, net_state({"TRAIN": TRAIN, "TEST": TEST}[case["phase"]])))
    arrays = np.load(case["stem"].with_suffix(".npz"))
    blobs = net.layer_blobs()
    for key in arrays:
        if key.startswith("param:"):
            layer, index = key[6:].rsplit(":", 1)
            blobs[layer][int(index)].copy_(torch.from_numpy(arrays[key]))
    batch = {name: torch.from_numpy(arrays[f"in:{name}"]) for name in net.inputs}
    for name, tensor in batch.items():
        tensor.requires_grad_(
            case["force_backward"]
            and name not in case["no_gradient_for"]
            and f"dblob:{name}" in arrays
        )
    keep = [name for name in net.shapes if f"blob:{name}" in arrays]
    result = net(batch, keep=keep)
    for name in keep:
        close(result.blobs[name].detach().numpy(), arrays[f"blob:{name}"], 1e-5)
    if "loss" in arrays:
        close(result.loss.item(), arrays["loss"], 1e-5)
    if not result.loss.requires_grad:
        return
    result.loss.backward()
    for name, tensor in batch.items():
        if tensor.requires_grad:
            # Caffe writes zeros for a label below a Split layer
            gradient = torch.zeros_like(tensor) if tensor.grad is None else tensor.grad
            close(gradient.numpy(), arrays[f"dblob:{name}"], 2e-5)
    for learnable in net.learnable:
        key = f"dparam:{learnable.name}"
        gradient = learnable.parameter.grad
        if gradient is None:
            assert key not in arrays or not arrays[key].any()
        elif learnable.name in WITHOUT_GRADIENT.get(case["case"], ()):
            noise = 1e-6 * np.abs(arrays[key.replace(":1", ":0")]).max()
            assert gradient.abs().max() < noise
            assert np.abs(arrays[key]).max() < noise
        else:
            close(gradient.numpy(), arrays[key], 2e-5)
    for key in arrays:
        if key.startswith("param_after:"):
            layer, index = key[12:].rsplit(":", 1)
            close(net.layer_blobs()[layer][int(index)].numpy(), arrays[key], 1e-5)


IP = "{name: %s, type: InnerProduct, bottom: %s, top: %s, inner_product_param: {num_output: 3}}"


def test_all_faults_of_the_wiring_at_once():
    with pytest.raises(SpecError) as caught:
        net_of(
            """
            layer:
            - {name: data, type: Input, top: [data], input_param: {shape: {dim: [2, 3]}}}
            - {name: a, type: Convolutoin, bottom: data, top: a}
            - {name: b, type: ReLU, bottom: dat, top: b}
            - {name: c, type: ReLU, bottom: [b, b], top: c}
            - {name: d, type: ReLU, bottom: b, top: c}
            - {name: e, type: Reduction, bottom: b, top: e, loss_weight: [1, 2]}
            """
        )
    assert [str(fault) for fault in caught.value.faults] == [
        'layer "a": unknown layer type "Convolutoin"; did you mean "Convolution"?',
        'layer "b": (ReLU) unknown bottom "dat": no layer above makes it; did you mean "data"?',
        'layer "c": (ReLU) has 2 bottoms, takes 1',
        'layer "d": (ReLU) top "c" is made by another layer already; '
        "give it another name, or name it as the bottom to run in place",
        'layer "e": (Reduction) has 2 loss_weight for 1 blobs; '
        "write loss_weight once for each blob or not at all",
    ]


def test_a_net_without_numbers_has_shapes():
    net = net_of(
        "layer: [{name: d, type: Input, top: d, input_param: {shape: {dim: [2, 5]}}},"
        + IP % ("a", "d", "a")
        + "]",
        fill=False,
    )
    assert net.shapes == {"d": (2, 5), "a": (2, 3)}
    assert all(learnable.parameter.is_meta for learnable in net.learnable)


SHARED = """
layer:
- {{name: d, type: Input, top: d, input_param: {{shape: {{dim: [2, 6]}}}}}}
- name: a
  type: InnerProduct
  bottom: d
  top: a
  param: {{name: w{first}}}
  inner_product_param: {{num_output: 4, bias_term: false, weight_filler: {{type: xavier}}}}
- {{name: r, type: Reshape, bottom: d, top: r, reshape_param: {{shape: {{dim: [3, 4]}}}}}}
- name: b
  type: InnerProduct
  bottom: r
  top: b
  param: {{name: w{second}}}
  inner_product_param: {{num_output: {outputs}, bias_term: false}}
- {{name: l, type: Reduction, bottom: b, top: l, loss_weight: 1}}
- {{name: m, type: Reduction, bottom: a, top: m, loss_weight: 1}}
"""


def test_shared_parameters_of_equal_count():
    text = SHARED.format(first="", second=", share_mode: PERMISSIVE", outputs=6)
    net = net_of(text)
    assert [learnable.name for learnable in net.learnable] == ["a:0"]
    assert net.layer_blobs()["b"][0].shape == (6, 4)
    x = torch.randn(2, 6)
    net({"d": x}).loss.backward()
    weight = net.learnable[0].parameter
    through_a = torch.ones(2, 4).T @ x
    through_b = (torch.ones(3, 6).T @ x.view(3, 4)).view(4, 6)
    torch.testing.assert_close(weight.grad, through_a + through_b)


@pytest.mark.parametrize(
    ("first", "second", "outputs", "message"),
    [
        ("", "", 6, "share_mode: PERMISSIVE to share equal counts"),
        ("", "", 5, "whose shape is .4, 6., but needs .5, 4.; rename it"),
        (", lr_mult: 1", ", lr_mult: 2, share_mode: PERMISSIVE", 6, "give both the same"),
    ],
)
def test_parameters_that_cannot_be_shared(first, second, outputs, message):
    with pytest.raises(LayerError, match=message):
        net_of(SHARED.format(first=first, second=second, outputs=outputs))


def test_a_sharer_gives_its_factor_to_the_owner():
    text = SHARED.format(first="", second=", lr_mult: 0, share_mode: PERMISSIVE", outputs=6)
    (learnable,) = net_of(text).learnable
    assert learnable.lr_mult == 0
    assert not learnable.parameter.requires_grad


def test_too_many_param_fields():
    with pytest.raises(LayerError, match="has 1 param fields for 0 parameter blobs"):
        net_of(
            "layer: [{name: d, type: Input, top: d, input_param: {shape: {dim: [2]}}},"
            "{name: r, type: ReLU, bottom: d, top: r, param: {lr_mult: 1}}]"
        )


def test_statistics_have_no_rate_and_keep_their_decay():
    net = net_of("""
        layer:
        - {name: x, type: Input, top: x, input_param: {shape: {dim: [4, 3]}}}
        - {name: n, type: BatchNorm, bottom: x, top: n, param: [{decay_mult: 0}]}
        """)
    assert [(each.lr_mult, each.decay_mult) for each in net.learnable] == [(0, 0), (0, 1), (0, 1)]
    assert not any(each.parameter.requires_grad for each in net.learnable)


def test_two_layers_with_parameters_need_two_names():
    layers = IP % ("a", "d", "a") + "," + IP % ("a", "a", "b")
    with pytest.raises(LayerError, match=r'layer "a".*name of two layers'):
        net_of(
            "layer: [{name: d, type: Input, top: d, input_param: {shape: {dim: [2, 3]}}}, "
            + layers
            + "]"
        )


def test_a_test_net_uses_the_parameters_of_the_train_net():
    text = (
        "layer: [{name: d, type: Input, top: d, input_param: {shape: {dim: [2, 3]}}},"
        + IP % ("a", "d", "a")
        + "]"
    )
    train, test = net_of(text), net_of(text, TEST)
    test.share(train)
    train.layer_blobs()["a"][0].fill_(2)
    assert test({"d": torch.ones(2, 3)}).blobs["a"].tolist() == [[6.0] * 3] * 2
    with pytest.raises(LayerError, match="in the net it shares with"):
        net_of(text.replace("[2, 3]", "[2, 4]"), TEST).share(train)


def test_the_same_seed_gives_the_same_net():
    text = SHARED.format(first="", second=", share_mode: PERMISSIVE", outputs=6)
    one, two, other = (net_of(text, seed=seed).layer_blobs()["a"][0] for seed in (1, 1, 2))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


def test_a_missing_input_is_named():
    net = net_of("layer: {name: d, type: Input, top: [d, e], input_param: {shape: {dim: [2]}}}")
    with pytest.raises(CatdogError, match="no value for input e"):
        net({"d": torch.zeros(2)})


def test_blobs_are_dropped_after_their_last_use_unless_kept():
    net = net_of(
        "layer: [{name: d, type: Input, top: d, input_param: {shape: {dim: [2]}}},"
        "{name: a, type: AbsVal, bottom: d, top: a}, {name: b, type: AbsVal, bottom: a, top: b}]"
    )
    batch = {"d": torch.ones(2)}
    assert set(net(batch).blobs) == {"b"}
    assert set(net(batch, keep=["a"]).blobs) == {"a", "b"}


def test_a_batch_is_not_written_over_by_a_layer_in_place():
    net = net_of(
        "layer: [{name: d, type: Input, top: d, input_param: {shape: {dim: [2]}}},"
        "{name: a, type: ReLU, bottom: d, top: d}]"
    )
    x = torch.tensor([-1.0, 1.0])
    assert net({"d": x}).blobs["d"].tolist() == [0, 1]
    assert x.tolist() == [-1, 1]
