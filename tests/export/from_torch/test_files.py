"""A module to the two files of a net, on the command line."""

from pathlib import Path

import pytest
import safetensors.torch
import torch

from catdog.errors import CatdogError, SpecError, WeightsError
from catdog.export.from_torch.source import module_source
from catdog.net.net import Net
from catdog.spec import read_net
from catdog.weights import copy_weights, read_weights
from tests.export.from_torch.modules import drawn, with_statistics
from tools.convert import main

CODE = """
import torch
from torch import nn

class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.bn = nn.BatchNorm2d(8)
        self.fc = nn.Linear(8, 5)

    def forward(self, x):
        return self.fc(self.bn(self.conv(x)).relu().mean((2, 3))).softmax(1)

class Sized(Model):
    input_size = (3, 12, 8)

class Odd(nn.Sequential):
    def __init__(self):
        super().__init__(nn.GELU(), nn.GroupNorm(1, 3))

class Failing(nn.Module):
    def __init__(self):
        raise RuntimeError("no such luck")

class Different(nn.Module):
    calls = 0
    def forward(self, x):
        Different.calls += 1
        return x * Different.calls

class NoNumbers(nn.Module):
    def forward(self, x):
        return x * float("nan")

class Branching(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x

number = 5
made = Model()
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net_of_mine.py").write_text(CODE)
    return tmp_path


def _module():
    space: dict = {}
    exec(CODE, space)
    return with_statistics(space["Model"]()).eval()


@pytest.mark.parametrize("state", ["state.pt", "state.safetensors", "checkpoint.pth"])
@pytest.mark.parametrize("target", ["out/net.prototxt", "out/net.caffemodel"])
@pytest.mark.usefixtures("place")
def test_both_files_are_written_and_compute_the_same(capsys, state, target):
    module = _module()
    tensors = module.state_dict()
    if state.endswith(".safetensors"):
        safetensors.torch.save_file(tensors, state)
    elif state.endswith(".pth"):
        torch.save({"model": {f"module.{k}": v for k, v in tensors.items()}, "epoch": 3}, state)
    else:
        torch.save(tensors, state)
    main(["net_of_mine.py:Model", state, target, "--shape", "2,3,7,6"])
    told = capsys.readouterr()
    assert told.out.splitlines() == ["out/net.prototxt", "out/net.caffemodel"]
    assert "largest difference from net_of_mine.py:Model on a drawn input of 2x3x7x6" in told.err
    net = Net(read_net("out/net.prototxt").message)
    copy_weights(net, read_weights("out/net.caffemodel"), strict=True)
    x = drawn(2, 3, 7, 6, seed=5)
    with torch.no_grad():
        torch.testing.assert_close(net({"data": x}).blobs["softmax"], module(x))


def test_without_weights_and_with_a_shape_of_its_own(place):
    main(["net_of_mine.py:Sized", "-", "net.yaml"])
    (shape,) = read_net("net.yaml").message.layer[0].input_param.shape
    assert list(shape.dim) == [1, 3, 12, 8]
    main(["net_of_mine.py:made", "made.caffemodel", "--shape", "x=1,3,4,4"])
    assert (place / "made.prototxt").exists()


@pytest.mark.parametrize(
    ("words", "kind", "message"),
    [
        (["Model"], CatdogError, "its input is not known; say it: --shape x=1,3,224,224"),
        (["Odd", "--shape", "1,3,4,4"], SpecError, "gelu (0): Caffe has no layer for it"),
        (["Failing"], CatdogError, "net_of_mine.py:24: raised RuntimeError: no such luck"),
        (["number"], CatdogError, "is of type int, not a torch module"),
        (["Modle"], CatdogError, 'has no Modle; did you mean "Model"?'),
        (["NoNumbers", "--shape", "1,3"], CatdogError, "of a drawn input are no numbers: nothing"),
        (["Branching", "--shape", "1,3"], CatdogError, "cannot be followed on an input of 1x3"),
        (["Different", "--shape", "1,3"], CatdogError, "the net differs from the module by"),
        (["Model", "--shape", "y=1,3,4,4"], CatdogError, "forward has no input for --shape y"),
        (["Model", "--shape", "1,5,4,4"], CatdogError, "cannot be followed on an input of 1x5x4x4"),
        (["Model", "--weights", "gone.pt"], WeightsError, "gone.pt: no such file"),
        (["Model", "--opset", "17"], CatdogError, "only --weights and --shape are taken"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_written(place, words, kind, message):
    name, *others = words
    if "--weights" in others:
        (place / "gone.pt").unlink(missing_ok=True)
    with pytest.raises(kind) as raised:
        main([f"net_of_mine.py:{name}", "net.prototxt", *others])
    assert message in str(raised.value)
    assert [path.name for path in place.iterdir() if path.suffix != ".py"] in ([], ["__pycache__"])


@pytest.mark.usefixtures("place")
def test_tensors_of_another_module():
    torch.save({"conv.weight": torch.zeros(8, 3, 5, 5), "more": torch.zeros(1)}, "other.pt")
    with pytest.raises(WeightsError) as raised:
        main(["net_of_mine.py:Model", "other.pt", "net.prototxt", "--shape", "1,3,4,4"])
    assert str(raised.value).startswith(
        "other.pt: has no conv.bias, bn.weight, bn.bias, bn.running"
    )
    assert "has besides more; has conv.weight [8, 3, 5, 5] for [8, 3, 3, 3]" in str(raised.value)


@pytest.mark.usefixtures("place")
def test_a_target_that_is_no_net():
    with pytest.raises(CatdogError, match=r"name one of both, net.prototxt or net.caffemodel"):
        main(["net_of_mine.py:Sized", "net.onnx"])
    with pytest.raises(CatdogError, match="several targets"):
        main(["net_of_mine.py", "net.onnx", "more.onnx"])
    with pytest.raises(CatdogError, match="several state dicts"):
        main(["net_of_mine.py:Sized", "a.pt", "b.pt", "net.prototxt"])


@pytest.mark.parametrize(
    "text", ["net.yaml", "net_of_mine.py", "s3://a/b.pt", "C:/net.yaml", "a b:c"]
)
def test_names_of_files_are_no_modules(text):
    assert module_source(text) is None


@pytest.mark.usefixtures("place")
def test_modules_that_are_installed():
    main(["torchvision.models:squeezenet1_1", "net.prototxt", "--shape", "1,3,65,65"])
    with pytest.raises(CatdogError, match=r"raised ModuleNotFoundError.*; name a file, net\.py"):
        main(["no_such_package:Model", "net.prototxt"])
    with pytest.raises(CatdogError, match='did you mean "torchvision"'):
        main(["torchvison:resnet18", "net.prototxt"])
    Path("needs_more.py").write_text("import no_such_package")
    with pytest.raises(CatdogError, match=r"needs_more\.py:1: .*; its code is run as it stands"):
        main(["needs_more.py:Model", "net.prototxt"])
