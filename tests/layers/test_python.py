"""Layers written in Python, in a torch net."""

import pytest
import torch
from google.protobuf import text_format

from catdog.errors import LayerError
from catdog.layers.base import Setting
from catdog.layers.python import Python, UserCodeError
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import TEST, LayerParameter, NetParameter
from catdog.pycaffe.install import install

MODULE = "tests.pycaffe.user_layers"
ALLOWED = Setting(provide_caffe=install)


def build(kind, shapes, param_str="", setting=ALLOWED):
    param = LayerParameter(name="own", type="Python", bottom=["b"] * len(shapes), top=["t"])
    param.phase = TEST
    param.python_param.module, param.python_param.layer = MODULE, kind
    param.python_param.param_str = param_str
    return Python(param, shapes, setting)


def test_it_needs_to_be_allowed():
    with pytest.raises(LayerError, match=r"not allowed here; .* --allow-python"):
        build("Ten", [(2, 3)], setting=Setting())


def test_shapes_and_values():
    layer = build("Ten", [(2, 3)])
    assert layer.top_shapes((2, 3)) == [(2, 3)]
    assert layer.top_shapes((4,)) == [(4,)]
    (top,) = layer(torch.ones(2, 3))
    assert top.tolist() == [[10] * 3] * 2
    assert build("Phase", []).top_shapes() == [()]
    assert build("Phase", [])()[0] == TEST


def test_gradients_of_bottoms_and_parameters():
    layer = build("Weighted", [(2, 3)], '{"begin": 4}')
    x = torch.arange(6.0).view(2, 3).requires_grad_()
    (top,) = layer(x)
    (3 * top.sum()).backward()
    assert x.grad.tolist() == [[12] * 3] * 2
    assert layer.blobs[0].grad.tolist() == [3 * 15]


def test_a_loss_of_two_bottoms():
    layer = build("Distance", [(2, 3), (2, 3)])
    a, b = torch.ones(2, 3, requires_grad=True), torch.zeros(2, 3, requires_grad=True)
    (loss,) = layer(a, b)
    assert loss.tolist() == [1.5]
    loss.backward(torch.ones(1))
    assert a.grad.tolist() == [[0.5] * 3] * 2 and b.grad.tolist() == [[-0.5] * 3] * 2


def test_the_result_of_a_pass_stays():
    layer = build("Ten", [(2,)])
    first = layer(torch.ones(2))[0]
    layer(torch.zeros(2))
    assert first.tolist() == [10, 10]


def test_faults_of_the_users_code_name_the_layer():
    with pytest.raises(UserCodeError, match=r'"own".*Broken.setup raised Runtime') as caught:
        build("Broken", [(2,)])
    assert isinstance(caught.value.__cause__, RuntimeError)
    with pytest.raises(UserCodeError, match="forward raised ZeroDivisionError: on purpose"):
        build("BrokenLater", [(2,)])(torch.ones(2))
    with pytest.raises(LayerError, match="no class Nine in a module"):
        build("Nine", [(2,)])


def test_it_learns_in_a_net():
    message = NetParameter()
    text = f"""layer {{ name: "in" type: "Input" top: "x" input_param {{ shape {{ dim: 1 }} }} }}
    layer {{ name: "own" type: "Python" bottom: "x" top: "y" loss_weight: 1
      python_param {{ module: "{MODULE}" layer: "Weighted" param_str: '{{"begin": 3}}' }} }}"""
    text_format.Parse(text, message)
    net = Net(message, setting=ALLOWED)
    (learnable,) = net.learnable
    assert learnable.parameter.tolist() == [3]
    net({"x": torch.tensor([5.0])}).loss.backward()
    assert learnable.parameter.grad.tolist() == [5]
    with torch.no_grad():
        learnable.parameter.copy_(torch.tensor([7.0]))
    assert net({"x": torch.tensor([5.0])}).loss == 35
