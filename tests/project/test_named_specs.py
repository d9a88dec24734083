"""Projects on nets of torchvision by name, here on a small one that stands for them."""

import hashlib
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
import yaml
from torch import nn

from catdog.errors import CatdogError, WeightsError
from catdog.export.from_torch import training_form as forms
from catdog.net.net import Net
from catdog.project.fitting import fit, new
from catdog.spec import read_net
from catdog.training.finetuning import check_weights
from catdog.weights import read_weights, torchvision_nets
from catdog.weights.named_module import NamedModule
from catdog.weights.pretrained import name_for
from tests.export.from_torch.modules import with_statistics
from tests.project.photos import write_photos

NAME = "torchvision:tiny"


class Tiny(nn.Module):
    def __init__(self, classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.BatchNorm2d(8, momentum=0.2))
        self.head_first = nn.Linear(8 * 7 * 7, 6)
        self.head = nn.Linear(6, classes)

    def forward(self, x):
        x = self.stem(x).relu().flatten(1)
        return self.head(self.head_first(x).relu())


def named(make=Tiny) -> NamedModule:
    colours = ((120.0, 110.0, 100.0), (60.0, 55.0, 50.0))
    return NamedModule(NAME, make, *colours, size=16, resize=20, classes=(), outputs=9)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A working directory with photos, and a cache that has the weights of the net."""
    monkeypatch.chdir(tmp_path)
    write_photos(Path("photos"))
    torch.manual_seed(0)
    whole = tmp_path / "whole.pth"
    torch.save(with_statistics(Tiny(9)).state_dict(), whole)
    name = f"tiny-{hashlib.sha256(whole.read_bytes()).hexdigest()[:8]}.pth"
    place = tmp_path / "hub" / "checkpoints" / name
    place.parent.mkdir(parents=True)
    whole.rename(place)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.setattr(torchvision_nets, "find", lambda _: named())
    monkeypatch.setattr(torchvision_nets, "file_of", lambda _: name)
    return place


def test_a_net_by_name_is_fitted_to_photos(hub):
    result = fit("photos", "out", net=NAME, epochs=4, device="cpu", tell=lambda _: None)
    assert result.net == "tiny"
    solver = yaml.safe_load(Path("out/solver.yaml").read_text())
    assert solver["weights"] == NAME
    assert solver["freeze"] == ["stem*", "head_first"]
    first = torch.load(hub, weights_only=True)["stem.0.weight"]
    learned = read_weights(result.weights).blobs
    torch.testing.assert_close(
        torch.from_numpy(learned["stem_0"][0]).flip(1) * torch.tensor([60, 55, 50]).view(3, 1, 1),
        first,
    )
    assert learned["head-own"][0].shape == (3, 6)


def test_weights_that_cannot_be_fetched_are_missed_before_the_data_are_built(hub, monkeypatch):
    hub.unlink()

    def fails(*_args: object, **_more: object) -> None:
        raise URLError("no network")

    monkeypatch.setattr(torch.hub, "download_url_to_file", fails)
    with pytest.raises(WeightsError, match=f"get .*{hub.name} and put it into"):
        fit("photos", "out", net=NAME, epochs=4, device="cpu", tell=lambda _: None)
    assert Path("out/solver.yaml").exists()
    assert not Path("out/data").exists()


def test_the_net_is_for_training_and_its_name_tells_its_weights(hub):
    folder = new("photos", "out", net=NAME, tell=lambda _: None)
    net = Net(read_net(folder / "net.yaml"), inputs={"data": (2, 3, 16, 16), "label": (2,)})
    layers = {layer.name: layer for layer in net.message.layer}
    norm = layers["stem_1"].batch_norm_param
    assert not norm.HasField("use_global_stats")
    assert norm.moving_average_fraction == pytest.approx(0.8)
    assert layers["head-own"].param[0].lr_mult == 10
    # (60 + 55 + 50) / 3 squared
    assert layers["stem_0"].param[0].decay_mult == pytest.approx(3000, rel=0.02)
    assert name_for(net.message) == NAME
    check_weights(NAME, net, Path)
    with pytest.raises(WeightsError, match=f"of another net, and this one is {NAME}"):
        check_weights("torchvision:resnet34", net, lambda _: Path("none"))
    hub.write_bytes(b"damaged")
    with pytest.raises(WeightsError, match="is damaged or another file"):
        check_weights(NAME, net, Path)


def test_patterns_name_all_layers_but_the_last():
    form = forms.training_form(named(), 4)
    names = [layer.name for layer in form.net.layer if layer.type in ("Convolution", "BatchNorm")]
    assert all(any(fnmatchcase(name, each) for each in form.known) for name in names)
    assert not any(fnmatchcase(f"head{forms.FRESH}", each) for each in form.known)


def test_a_net_whose_tensors_are_not_those_of_its_layers_is_refused():
    class Doubled(Tiny):
        def forward(self, x):
            twice = nn.functional.linear(self.stem(x).relu().flatten(1), 2 * self.head_first.weight)
            return self.head(twice)

    with pytest.raises(WeightsError, match="its tensors are not those of its layers one by one"):
        forms.training_form(named(Doubled), 4)


@pytest.mark.usefixtures("hub")
def test_a_size_of_its_own():
    with pytest.raises(CatdogError, match=f"{NAME} takes photos of 16x16"):
        fit("photos", "out", net=NAME, size=32, tell=lambda _: None)
