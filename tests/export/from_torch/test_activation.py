"""Activations of torch, and the layers that they become."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from catdog.errors import SpecError
from catdog.export.from_torch.module_net import module_net
from tests.export.from_torch.modules import Of, check, drawn, types

_CAFFES = {
    "ReLU": nn.ReLU(),
    "leaky ReLU": nn.LeakyReLU(0.3),
    "PReLU": nn.PReLU(),
    "PReLU of channels": nn.PReLU(3, init=0.4),
    "ELU": nn.ELU(0.7),
    "SELU": nn.SELU(),
    "CELU": nn.CELU(1.7),
    "sigmoid": nn.Sigmoid(),
    "log of sigmoid": nn.LogSigmoid(),
    "tanh": nn.Tanh(),
    "SiLU": nn.SiLU(),
    "Mish": nn.Mish(),
    "softplus": nn.Softplus(),
    "softplus, steep": nn.Softplus(2.5),
    "softsign": nn.Softsign(),
    "hardtanh": nn.Hardtanh(-0.5, 0.7),
    "clamp from below": lambda x: x.clamp(min=-0.2),
    "clamp from above": lambda x: x.clamp(max=0.2),
    "clamp at zero": lambda x: x.clamp(min=0),
    "softmax": nn.Softmax(1),
    "softmax of another axis": nn.Softmax(-1),
    "log of softmax": nn.LogSoftmax(1),
    "softmin": nn.Softmin(1),
    "dropout": nn.Sequential(nn.Dropout(), nn.ReLU(), nn.AlphaDropout()),
    "abs": torch.abs,
    "exp": torch.exp,
    "minus": lambda x: -x,
    "logarithms": lambda x: (
        torch.log(x.abs() + 1) + torch.log2(x.abs() + 1) * torch.log10(x * x + 1)
    ),
    "powers": lambda x: x**2 + x.abs().sqrt() + (x.abs() + 1).rsqrt() + (x**2 + 1).reciprocal(),
    "in place": lambda x: (x + 1).mul_(2).relu_(),
    "copies": lambda x: x.contiguous().clone().detach().float() + 0.5,
}
_FORKS = {
    "ReLU6": nn.ReLU6(),
    "hardsigmoid": nn.Hardsigmoid(),
    "hardswish": nn.Hardswish(),
    "hardswish by hand": lambda x: x * F.relu6(x + 3) / 6,
}


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (2, 3)])
def test_the_net_computes_the_same(shape):
    functions = nn.ModuleList(map(Of, (_CAFFES | _FORKS).values()))
    before = nn.Linear(shape[-1], shape[-1])
    # over the input, and in place over what a layer made
    check(lambda x: [each(x) for each in functions], drawn(*shape) * 4)
    check(lambda x: [each(before(x)) for each in functions], drawn(*shape) * 4)


def test_gated_linear_units():
    check(nn.GLU(1), drawn(2, 6, 4, 4))
    check(nn.GLU(-1), drawn(2, 6))


def test_what_predicts_at_random_is_refused():
    with pytest.raises(SpecError, match="drops numbers in prediction too"):
        module_net(Of(lambda x: F.dropout(x, 0.5, training=True)), [drawn(1, 3)], "net", "net.py:M")


def test_dropout_leaves_no_layer():
    made = check(nn.Sequential(nn.Linear(3, 3), nn.Dropout(), nn.ReLU()), drawn(2, 3))
    assert types(made) == ["InnerProduct", "ReLU"]


def test_unknown_operators_are_all_told_at_once():
    module = nn.Sequential(nn.GELU(), nn.Conv2d(3, 4, 1), nn.GroupNorm(2, 4), nn.GELU())
    with pytest.raises(SpecError) as raised:
        module_net(module.eval(), [drawn(1, 3, 4, 4)], "net", "net.py:Model")
    assert str(raised.value).splitlines() == [
        "net.py:Model: gelu (0, 3): Caffe has no layer for it",
        "net.py:Model: group_norm (2): Caffe has no layer for it",
    ]
