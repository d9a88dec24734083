import pytest
import torch

from catdog.errors import CatdogError
from catdog.runtime import devices


def test_which_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert devices.chosen("all") == [0, 1, 2]
    assert devices.chosen("2,0") == [2, 0]


@pytest.mark.parametrize("text", ["3", "0,x", "", "-1"])
def test_a_gpu_that_is_not_there(monkeypatch, text):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    with pytest.raises(CatdogError, match=r"--gpu: no GPU .*; `all`, or numbers from 0 to 2"):
        devices.chosen(text)


def test_the_cpu_and_several_tables_as_text():
    table = devices.cpu()
    shown = devices.text([table, [("Device id", "0")]])
    assert f"torch:             {torch.__version__}\n\nDevice id:  0" in shown
    assert all(value for _, value in table)
    assert len(shown.splitlines()) == len(table) + 2


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_gpu():
    table = dict(devices.gpu(0))
    assert table["Name"] == torch.cuda.get_device_name(0)
