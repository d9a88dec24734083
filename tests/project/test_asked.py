"""What is asked of `catdog.fit` is looked at before anything is written."""

from pathlib import Path

import numpy as np
import pytest

from catdog.cli.main import call_tool
from catdog.errors import CatdogError
from catdog.project.asked import checked
from catdog.project.fitting import fit
from catdog.project.request import Request
from tests.project.photos import write_photos


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"epochs": -1}, "epochs=-1 is no number above 0"),
        ({"epochs": float("nan")}, "epochs=nan is no number"),
        ({"epochs": float("inf")}, "epochs=inf is no number"),
        ({"epochs": "3"}, "epochs='3' is no number"),
        ({"epochs": True}, "epochs=True is no number"),
        ({"lr": -0.1}, "lr=-0.1 is no number"),
        ({"minutes": -3}, "minutes=-3 is no number"),
        ({"batch": -5}, "batch=-5 is no whole number from 1 on"),
        ({"batch": 2.5}, r"batch=2\.5 is no whole number"),
        ({"size": -3}, "size=-3 is no whole number"),
        ({"seed": -1}, "seed=-1 is no whole number from 0 on"),
        ({"seed": "a"}, "seed='a' is no whole number"),
        ({"seed": None}, "seed=None is no whole number"),
        ({"device": "bla"}, 'device: no device "bla"; cpu, cuda or cuda:1'),
        ({"device": "cuda:99"}, "device cuda:99: this machine has"),
        ({"device": 3}, "device: got 3; cpu, cuda"),
        ({"net": 5}, "net=5 is no path"),
        ({"out": 5}, "out=5 is no path"),
        ({"epochs": 2, "minutes": 3}, "epochs and minutes exclude each other"),
    ],
)
def test_wrong_values_are_one_line_that_names_them(given, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    with pytest.raises(CatdogError, match=told) as caught:
        fit("photos", **{"out": "made", **given})
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_numbers_of_numpy_become_those_of_python():
    asked = checked(Request("", epochs=np.float32(0.5), batch=np.int64(8), lr=np.int8(1)))
    assert asked == Request("", epochs=0.5, batch=8, lr=1)
    assert [type(value) for value in (asked.epochs, asked.batch, asked.lr)] == [float, int, int]


def test_the_command_says_the_same(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    with pytest.raises(CatdogError, match="epochs and minutes exclude each other; say how often"):
        call_tool("fit", ["photos", "--epochs", "2", "--minutes", "3"])
    with pytest.raises(CatdogError, match="--out photos/sub: lies in photos, where the photos"):
        call_tool("fit", ["photos", "--out", "photos/sub"])
    assert not list(Path("photos").iterdir())


def test_a_size_is_for_a_net_from_scratch(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_photos(Path("photos"), count=10)
    with pytest.raises(CatdogError, match="size of its own; leave it out, or train from scratch"):
        fit("photos", size=32, tell=lambda _: None)
