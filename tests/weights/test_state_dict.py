"""Nets of torchvision and ours: the same photos, the same weights, the same outputs."""

import numpy as np
import pytest
import torch

from catdog.data.transform import Transform
from catdog.errors import WeightsError
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import TEST, LayerParameter, NetParameter
from catdog.weights import Weights, copy_weights, fold_net, fold_weights, read_weights
from catdog.weights.architectures import ARCHITECTURES
from catdog.weights.state_dict import blobs_of, recognise
from tests.weights.torch_nets import (
    LAST,
    architecture,
    model,
    normalised,
    photos,
    scores,
    size_of,
    with_all_classes,
)

STAGES = {
    "vgg11": (1, 1, 2, 2, 2),
    "vgg13": (2, 2, 2, 2, 2),
    "vgg19": (2, 2, 4, 4, 4),
}
NAMES = [*LAST, *STAGES, "vgg11_bn", "vgg13_bn", "vgg19_bn"]


def message_of(name: str) -> NetParameter:
    """Our net; those of VGG that do not ship have the convolutions of vgg16 and its like."""
    if name in LAST:
        return with_all_classes(name, size_of(name))
    base = with_all_classes("vgg16_bn" if name.endswith("_bn") else "vgg16", size_of(name))
    return _restaged(base, STAGES[name.removesuffix("_bn")])


def _restaged(base: NetParameter, stages: tuple[int, ...]) -> NetParameter:
    """VGG16 with another number of convolutions in each stage."""
    made, bottom = NetParameter(name=base.name), "data"
    for layer in base.layer:
        stage, _, rest = layer.name.removeprefix("conv").removeprefix("relu").partition("_")
        if layer.name.startswith("pool"):
            bottom = _pooled(made, layer, bottom)
        elif not rest:
            made.layer.add().CopyFrom(layer)
        elif rest.split("_")[0] == "1":
            bottom = _first_of_stage(made, layer, bottom, f"conv{stage}_1")
            if layer.type == "ReLU":
                bottom = _others(made, base, stage, stages[int(stage) - 1])
    return made


def _pooled(made: NetParameter, layer: LayerParameter, bottom: str) -> str:
    made.layer.add().CopyFrom(layer)
    made.layer[-1].bottom[:] = [bottom]
    return layer.top[0]


def _first_of_stage(made: NetParameter, layer: LayerParameter, bottom: str, top: str) -> str:
    made.layer.add().CopyFrom(layer)
    made.layer[-1].bottom[:] = [bottom]
    return top


def _others(made: NetParameter, base: NetParameter, stage: str, count: int) -> str:
    """Convolutions after the first, each a copy of the second of its stage, or the first."""
    first = f"conv{stage}_1"
    width = next(x for x in base.layer if x.name == first).convolution_param.num_output
    kinds = [x for x in base.layer if x.top[:] == [first] and x.name != first]
    convolution = next(x for x in base.layer if x.name == f"conv{stage}_2")
    bottom = first
    for number in range(2, count + 1):
        top = f"conv{stage}_{number}"
        added = made.layer.add()
        added.CopyFrom(convolution)
        added.name, added.bottom[:], added.top[:] = top, [bottom], [top]
        assert added.convolution_param.num_output == width
        for kind in kinds:
            after = made.layer.add()
            after.CopyFrom(kind)
            after.name = kind.name.replace(f"{stage}_1", f"{stage}_{number}")
            after.bottom[:], after.top[:] = [top], [top]
        bottom = top
    return bottom


def net_of(message: NetParameter, weights: Weights) -> Net:
    net = Net(message)
    copy_weights(net, weights, strict=True)
    return net


def prepared(name: str, batch: torch.Tensor) -> torch.Tensor:
    """Stored photos as the data layer of the spec gives them."""
    layer = LayerParameter()
    mean = np.array(architecture(name).mean[::-1])
    layer.transform_param.mean_value.extend(mean)
    if name in LAST:
        given = with_all_classes(name, size_of(name)).layer[0].transform_param.mean_value
        np.testing.assert_allclose(np.broadcast_to(given, 3), mean, rtol=1e-6)
    transform = Transform(layer, TEST)
    pictures = list(batch.numpy())
    draw = transform.draw([picture.shape for picture in pictures], torch.Generator())
    return transform.apply(transform.gather(pictures, draw), draw)


@pytest.mark.parametrize("name", NAMES)
def test_outputs_are_those_of_the_other_net(name):
    there, batch = model(name), photos(size_of(name))
    with torch.no_grad():
        expected = there(normalised(batch, architecture(name)))
    known = recognise(there.state_dict())
    assert known is not None
    assert known.name == name
    weights = Weights(blobs_of(there.state_dict(), known))
    message, data = message_of(name), prepared(name, batch)
    bound = 1e-4 * max(1.0, float(expected.abs().max()))
    assert float(expected.std()) > 100 * bound
    plain = scores(net_of(message, weights), data)
    torch.testing.assert_close(plain, expected, rtol=0, atol=bound)
    folded = fold_net(message)
    assert not {"BatchNorm", "Scale"} & {layer.type for layer in folded.layer}
    again = scores(net_of(folded, fold_weights(weights, message)), data)
    torch.testing.assert_close(again, expected, rtol=0, atol=bound)


def test_no_two_nets_have_tensors_of_the_same_names():
    assert len({(known.prefixes, known.widths) for known in ARCHITECTURES}) == len(ARCHITECTURES)
    assert recognise(dict.fromkeys(["conv1.0", "conv1.1", "fc.0"], torch.zeros(1))) is None
    assert recognise({}) is None


@pytest.fixture(scope="module")
def state():
    return model("squeezenet1_1").state_dict()


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_state_dict_in_a_file_is_recognised(state, tmp_path, suffix):
    path = tmp_path / f"weights{suffix}"
    if suffix == ".pth":
        torch.save({f"module.{name}": tensor for name, tensor in state.items()}, path)
    else:
        from safetensors.torch import save_file

        save_file(state, path)
    found = read_weights(path)
    assert {"conv1", "fire9/expand3x3", "conv10"} <= found.blobs.keys()
    expected = state["features.12.expand3x3.weight"].numpy()
    np.testing.assert_array_equal(found.blobs["fire9/expand3x3"][0], expected)


def test_the_first_layer_takes_bytes_in_the_order_of_the_store(state):
    found = blobs_of(state, architecture("squeezenet1_1"))["conv1"][0]
    red = state["features.0.weight"][:, 0].numpy() / (255 * 0.229)
    np.testing.assert_allclose(found[:, 2], red, rtol=1e-6)


def test_a_state_dict_with_a_part_missing(state, tmp_path):
    path = tmp_path / "w.pth"
    torch.save({k: v for k, v in state.items() if k != "features.0.weight"}, path)
    with pytest.raises(WeightsError, match=r"w\.pth: is a squeezenet1_1 without features\.0\.w"):
        read_weights(path)


def test_a_net_for_grey_pictures_is_refused(state, tmp_path):
    path = tmp_path / "w.pth"
    torch.save({**state, "features.0.weight": torch.zeros(64, 1, 3, 3)}, path)
    with pytest.raises(WeightsError, match="only one that takes three colours"):
        read_weights(path)


def test_an_unknown_state_dict_is_told_what_is_known(tmp_path):
    path = tmp_path / "w.pth"
    torch.save({"encoder.weight": torch.zeros(2)}, path)
    with pytest.raises(WeightsError, match=r"state dicts of alexnet, vgg11,"):
        read_weights(path)


def test_running_statistics_weigh_what_a_long_training_left():
    there = model("resnet18")
    blobs = blobs_of(there.state_dict(), architecture("resnet18"))
    mean, variance, factor = blobs["layer1_0_conv1_bn"]
    assert factor == pytest.approx([10])
    np.testing.assert_allclose(mean / factor, there.layer1[0].bn1.running_mean, rtol=1e-6)
    np.testing.assert_allclose(variance / factor, there.layer1[0].bn1.running_var, rtol=1e-6)
