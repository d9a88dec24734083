"""Joining, cutting and reshaping of torch, and the layers that they become."""

import pytest
import torch
from torch import nn

from catdog.errors import SpecError
from catdog.export.from_torch.module_net import module_net
from tests.export.from_torch.modules import Of, check, drawn, types

_CAFFES = {
    "flatten": lambda x: x.flatten(1),
    "view": lambda x: x.view(x.shape[0], -1),
    "view of axes": lambda x: x.view(2, 3, 4, 24),
    "end of flatten": lambda x: x.flatten(2),
    "unflatten": lambda x: x.unflatten(1, (3, 4)),
    "squeeze": lambda x: x.mean((2, 3), keepdim=True).squeeze(),
    "unsqueeze": lambda x: x.unsqueeze(2),
    "cat": lambda x: torch.cat([x, x * 2, x], 1),
    "cat of rows": lambda x: torch.cat([x, x * 2], -2),
    "cat with a constant": lambda x: torch.cat([x, torch.full((2, 1, 4, 6), 2.0)], 1),
    "stack": lambda x: torch.stack([x, x + 1], 2),
    "chunks": lambda x: sum(x.chunk(3, 1)),
    "one of the chunks": lambda x: x.chunk(3, 1)[1] * 2,
    "split": lambda x: [part * 2 for part in x.split([2, 4, 6], 1)],
    "split of columns": lambda x: x.split(4, 3)[1] + 1,
    "unbind": lambda x: x.unbind(2)[1] + 1,
    "channel": lambda x: x[:, 3],
    "last column": lambda x: x[..., -1],
    "range": lambda x: x[:, 2:5, 1:],
    "narrow": lambda x: x.narrow(3, 1, 3),
    "every other": lambda x: x[:, :, ::2, 1::3],
    "expand": lambda x: x.mean((2, 3), keepdim=True).expand(-1, -1, 3, 5),
    "repeat": lambda x: x.repeat(1, 2, 1, 3),
    "permuted ones": lambda x: x.mean((2, 3), keepdim=True).permute(0, 2, 3, 1) * 2,
    "colours of inception": lambda x: torch.cat(
        [torch.unsqueeze(x[:, i], 1) * (0.2 + i) + i for i in range(3)], 1
    ),
}
_FORKS = {
    "permute": lambda x: x.permute(0, 2, 3, 1),
    "transpose": lambda x: x.transpose(1, 3).flatten(1),
}


def test_the_net_computes_the_same():
    functions = (_CAFFES | _FORKS).values()
    check(lambda x: [each(x) for each in functions], drawn(2, 12, 4, 6))
    check(lambda x: [each(x + 1) for each in functions], drawn(2, 12, 4, 6))


def test_parts_that_nobody_reads_are_no_outputs():
    assert types(check(lambda x: x.chunk(3, 1)[1] * 2, drawn(2, 3, 2, 2)))[:2] == [
        "Slice",
        "Silence",
    ]


@pytest.mark.parametrize("groups", [2, 3, 4])
def test_a_shuffle_of_channels_is_one_layer(groups):
    def by_hand(x):
        n, c, h, w = x.shape
        return x.view(n, groups, c // groups, h, w).transpose(1, 2).contiguous().view(n, c, h, w)

    for module in (by_hand, nn.ChannelShuffle(groups)):
        assert types(check(module, drawn(2, 12, 3, 4))) == ["ShuffleChannel"]


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda x: x.view(4, -1), "mixes the examples"),
        (lambda x: x.permute(1, 0, 2, 3), "moves the axis of the examples"),
        (lambda x: torch.cat([x, x]), "joins along the axis of the examples"),
        (lambda x: x[1:], "cuts along the axis of the examples"),
        (lambda x: x[:, ::2], "every other one"),
        (lambda x: x.flip(1), "flip"),
        (lambda x: nn.functional.pad(x, (1, 1, 1, 1), "reflect"), "other numbers than 0"),
        (lambda x: nn.functional.pad(x, (1, 1, 1, 1), value=2), "other numbers than 0"),
        (lambda x: nn.functional.pad(x, (-1, 1, 1, 1)), "pads or cuts"),
    ],
)
def test_what_has_no_layer_is_refused(function, words):
    with pytest.raises(SpecError, match=words):
        module_net(Of(function), [drawn(2, 12, 4, 6)], "net", "net.py:Model")


def test_several_inputs_and_outputs():
    made = check(lambda a, b: {"sum": a + b, "more": (a * 2, b)}, drawn(1, 3), drawn(1, 3, seed=1))
    assert len(made.inputs) == 2
    assert len(made.outputs) == 3
