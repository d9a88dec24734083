"""Nets of torchvision and timm by name, against their modules on the same photo."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

from catdog.errors import CatdogError, SpecError, WeightsError
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import LayerParameter, NetParameter
from catdog.spec import read_net
from catdog.weights import copy_weights, read_weights
from catdog.weights.named_nets import named_module
from catdog.weights.torchvision_nets import recognise
from tests.export.from_torch.modules import with_statistics
from tools.convert import main

#: How torchvision makes the modules that it has weights for.
PRETRAINED = {"googlenet": {"transform_input": True, "init_weights": False}}


def photo(size: int) -> Image.Image:
    """A photo of drawn numbers whose shorter side is what torchvision's transforms resize to."""
    pixels = np.random.default_rng(0).integers(0, 256, (size, size + 20, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def module_of(name: str, classes: int = 1000) -> nn.Module:
    torch.manual_seed(0)
    more = PRETRAINED.get(name, {})
    made = torchvision.models.get_model(name, weights=None, num_classes=classes, **more)
    return with_statistics(made).eval()


def outputs(net: Net, picture: Tensor) -> Tensor:
    """Of the one output of a net, of an RGB picture, 3 x height x width, from 0 to 255."""
    means = torch.tensor(list(net.message.layer[0].transform_param.mean_value)).view(3, 1, 1)
    with torch.no_grad():
        return next(iter(net({"data": (picture.flip(0) - means)[None]}).blobs.values()))


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["googlenet", "shufflenet_v2_x0_5", "squeezenet1_0"])
def test_a_net_computes_what_the_module_does_with_its_transforms(name, place, capsys):
    module = module_of(name, classes=7)
    torch.save(module.state_dict(), place / "mine.pth")
    main([f"torchvision:{name}", "mine.pth", "net.prototxt"])
    assert f"largest difference from torchvision:{name} on a drawn photo" in capsys.readouterr().err
    preset = torchvision.models.get_model_weights(name).DEFAULT.transforms()
    whole = photo(preset.resize_size[0])
    picture = torchvision.transforms.functional.center_crop(whole, preset.crop_size)
    with torch.no_grad():
        expected = module(preset(whole)[None])
    net = Net(read_net(place / "net.prototxt").message)
    copy_weights(net, read_weights(place / "net.caffemodel"), strict=True)
    found = outputs(net, torchvision.transforms.functional.pil_to_tensor(picture).float())
    assert float((found - expected).abs().max()) < 1e-5 * float(expected.abs().max())
    # the state dict itself gives the same numbers to the net, by the names of its layers
    straight = read_weights(place / "mine.pth", net=net.message.name).blobs
    converted = read_weights(place / "net.caffemodel").blobs
    assert straight.keys() == converted.keys()
    for layer, blobs in converted.items():
        for one, other in zip(straight[layer], blobs, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-6)


def test_drawn_weights_carry_the_preparation_of_photos(place):
    main(["torchvision:squeezenet1_0", "-", "net.caffemodel"])
    found = read_weights(place / "net.caffemodel").net
    assert (found.dataset.width, found.dataset.height) == (256, 256)
    assert found.deploy.layer[0].transform_param.crop_size == 224
    assert found.deploy.layer[-1].name == "prob"
    assert list(found.dataset.class_name)[:2] == ["tench", "goldfish"]
    assert "# torchvision:squeezenet1_0, by catdog" in (place / "net.prototxt").read_text()


@pytest.mark.parametrize("classes", [1000, 3])
@pytest.mark.parametrize("name", ["resnet34", "regnet_x_400mf", "mobilenet_v2", "googlenet"])
def test_a_state_dict_says_which_net_it_is(name, classes):
    state = module_of(name, classes).state_dict()
    found = recognise(state)
    assert found is not None
    assert found.name == f"torchvision:{name}"
    # without the heads that only count in training
    state = {key: each for key, each in state.items() if not key.startswith("aux")}
    assert recognise(state) is not None
    assert recognise({**state, "more.weight": torch.zeros(1)}) is None


def test_densenets_of_an_older_torchvision_have_other_names():
    named = named_module("torchvision:densenet121")
    state = named.shapes.state_dict()
    older = {
        key.replace("norm1", "norm.1").replace("conv2", "conv.2") if "denselayer" in key else key: t
        for key, t in state.items()
    }
    assert older.keys() != state.keys()
    assert not named.misfits(older)
    assert "has no features.conv0.weight" in named.misfits(
        {key: each for key, each in older.items() if "conv0" not in key}
    )


def test_a_state_dict_that_does_not_fit_is_named_with_the_command_for_it(place):
    torch.save(module_of("shufflenet_v2_x0_5").state_dict(), place / "mine.pth")
    inner = LayerParameter(name="other", type="InnerProduct", bottom=["data"], top=["other"])
    inner.inner_product_param.num_output = 1
    data = LayerParameter(name="data", type="Input", top=["data"])
    data.input_param.shape.add(dim=[1, 3])
    net = Net(NetParameter(layer=[data, inner]))
    with pytest.raises(WeightsError) as caught:
        copy_weights(net, read_weights(place / "mine.pth"))
    assert str(caught.value).endswith(
        "mine.pth: is the state dict of torchvision:shufflenet_v2_x0_5; catdog convert "
        f"torchvision:shufflenet_v2_x0_5 {place}/mine.pth net.prototxt makes its net"
    )
    with pytest.raises(WeightsError, match=r"of torchvision:shufflenet_v2_x0_5, not of torch\S+34"):
        main(["torchvision:resnet34", "mine.pth", "net.prototxt"])
    with pytest.raises(WeightsError, match=r"of torchvision:shufflenet_v2_x0_5, not of torch\S+34"):
        read_weights(place / "mine.pth", net="torchvision:resnet34")
    assert not list(place.glob("net.*"))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("torchvision:resnet34x", 'has no such net for pictures; did you mean "resnet34"'),
        ("torchvision:quantized_resnet18", "of torchvision.models.quantization, .* take torchvis"),
        ("torchvision:fasterrcnn_resnet50_fpn", r"is of torchvision\.models\.detection, whose"),
        ("torchvision:", "no such net for pictures; `catdog list named` has"),
    ],
)
@pytest.mark.usefixtures("place")
def test_names_that_become_no_net(name, said):
    with pytest.raises(CatdogError, match=said):
        main([name, "-", "net.prototxt"])


def test_operators_without_a_layer_are_told(place):
    with pytest.raises(SpecError, match=r"torchvision:vit_b_16: layer_norm \(.*Caffe has no layer"):
        main(["torchvision:vit_b_16", "-", "net.prototxt"])
    assert not list(place.glob("net.*"))


def test_weights_that_cannot_be_fetched_say_where_to_put_them(place, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(place))

    def offline(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    with pytest.raises(WeightsError) as caught:
        main(["torchvision:resnet34", "net.prototxt"])
    said = str(caught.value)
    assert said.startswith("torchvision:resnet34: cannot be fetched (no network); get https://")
    assert "resnet34-b627a593.pth" in said


class TestTimm:
    """Nets of timm, where it is installed; their weights are drawn."""

    @pytest.fixture(autouse=True)
    def _timm(self):
        pytest.importorskip("timm")

    @pytest.mark.parametrize("name", ["resnet18", "mobilenetv2_035"])
    def test_a_net_computes_what_the_module_does(self, name, place):
        import timm

        torch.manual_seed(0)
        module = with_statistics(timm.create_model(name, num_classes=5)).eval()
        save_file(module.state_dict(), place / "mine.safetensors")
        main([f"timm:{name}", "mine.safetensors", "net.prototxt"])
        about = module.pretrained_cfg
        size = about["input_size"][-1]
        picture = torch.randint(256, (3, size, size), generator=torch.Generator().manual_seed(0))
        mean, deviation = (torch.tensor(about[key]).view(3, 1, 1) for key in ("mean", "std"))
        with torch.no_grad():
            expected = module(((picture / 255 - mean) / deviation)[None])
        net = Net(read_net(place / "net.prototxt").message)
        weights = read_weights(place / "mine.safetensors", net=f"timm:{name}")
        copy_weights(net, weights, strict=True)
        found = outputs(net, picture.float())
        assert float((found - expected).abs().max()) < 1e-5 * float(expected.abs().max())

    def test_names_that_it_does_not_have(self):
        with pytest.raises(CatdogError, match='timm has no such net; did you mean "resnet'):
            named_module("timm:resnet18x")
        with pytest.raises(CatdogError, match='timm has no weights "nonsense" for it; it has'):
            named_module("timm:resnet18.nonsense")


def test_a_net_of_timm_without_timm(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "timm", None)
    with pytest.raises(CatdogError, match="nets of timm need timm, which is not installed; pip in"):
        named_module("timm:resnet18")


@pytest.mark.usefixtures("place")
def test_files_are_written_beside_each_other():
    with pytest.raises(CatdogError, match="name one of both"):
        main(["torchvision:squeezenet1_0", "-", "net.onnx"])
    with pytest.raises(CatdogError, match="takes pictures of 224x224; leave --shape out"):
        main(["torchvision:squeezenet1_0", "-", "net.prototxt", "--shape", "1,3,64,64"])
    assert not list(Path().iterdir())
