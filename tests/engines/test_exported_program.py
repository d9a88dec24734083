import numpy as np
import pytest
import torch

from catdog.engines import exported_program
from catdog.engines.exported_program import write_program
from catdog.engines.onnx_layers import PlainNet
from catdog.engines.onnx_model import Form
from catdog.errors import CatdogError
from tests.engines.test_onnx_model import SIZED, net_of


def test_torch_opens_it_and_computes_the_net(tmp_path):
    path = tmp_path / "net.pt2"
    form = Form(dynamic=("batch", "height", "width"), metadata={"names": "cat, dog"})
    found = write_program(net_of(SIZED), path, form)
    assert [each.output for each in found] == ["cut", "flat", "mean"]
    assert all(each.difference <= 1e-5 for each in found)
    beside = {"names": ""}
    program = torch.export.load(str(path), extra_files=beside).module()
    assert beside == {"names": "cat, dog"}
    data = torch.randn(3, 6, 45, 62)
    with torch.no_grad():
        got = program(data)
        wanted = net_of(SIZED.replace("[1, 6, 32, 40]", "[3, 6, 45, 62]"))(data).blobs
    for name, numbers in zip(("cut", "flat", "mean"), got, strict=True):
        np.testing.assert_allclose(numbers, wanted[name], rtol=1e-4, atol=1e-5)


def test_one_with_other_numbers_is_not_written(tmp_path, monkeypatch):
    class Wrong(PlainNet):
        def forward(self, *inputs):
            return tuple(each + 1 for each in super().forward(*inputs))

    monkeypatch.setattr(exported_program, "PlainNet", Wrong)
    with pytest.raises(CatdogError, match='the program computes another "cut" than the net'):
        write_program(net_of(SIZED), tmp_path / "net.pt2")
    assert not list(tmp_path.iterdir())


def test_a_net_that_cannot_be_exported(tmp_path):
    net = net_of(
        "name: odd\nlayer:\n"
        "- {name: in, type: Input, top: [d, s], input_param: {shape: [{dim: [4, 3]}, {dim: 4}]}}\n"
        "- {name: some, type: BatchReindex, bottom: [d, s], top: some}\n"
    )
    with pytest.raises(CatdogError, match="net odd: torch cannot export it: ") as caught:
        write_program(net, tmp_path / "net.pt2")
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())
