"""Convolutions, matrices and batch normalisation of torch, and the layers that they become."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from catdog.errors import SpecError
from catdog.export.from_torch.module_net import module_net
from tests.export.from_torch.modules import Of, check, drawn, names, types


@st.composite
def _windows(draw):
    axes = draw(st.integers(1, 2))
    sides = st.tuples(*[st.integers(1, 3)] * axes)
    group = draw(st.integers(1, 3))
    return {
        "in_channels": group * draw(st.integers(1, 2)),
        "out_channels": group * draw(st.integers(1, 2)),
        "kernel_size": draw(sides),
        "stride": draw(sides),
        "padding": draw(st.tuples(*[st.integers(0, 2)] * axes)),
        "dilation": draw(st.tuples(*[st.integers(1, 2)] * axes)),
        "groups": group,
        "bias": draw(st.booleans()),
    }


@settings(max_examples=2, deadline=None)
@given(st.lists(_windows(), min_size=8, max_size=8), st.integers(7, 9))
def test_convolutions_with_drawn_windows(windows, size):
    modules = nn.ModuleList(
        (nn.Conv1d, nn.Conv2d)[len(window["kernel_size"]) - 1](**window) for window in windows
    )
    made = _check_each(modules, windows, size)
    assert types(made) == ["Convolution"] * 8


def _check_each(modules, windows, size):
    inputs = [drawn(2, each["in_channels"], *[size] * len(each["kernel_size"])) for each in windows]
    return check(lambda *x: [each(i) for each, i in zip(modules, x, strict=True)], *inputs)


@settings(max_examples=2, deadline=None)
@given(st.lists(_windows(), min_size=6, max_size=6), st.integers(0, 1))
def test_transposed_convolutions_with_drawn_windows(windows, further):
    modules = nn.ModuleList()
    for window in windows:
        sides = list(zip(window["dilation"], window["stride"], strict=True))
        fits = all(further * d < max(s, d) for d, s in sides)
        kind = (nn.ConvTranspose1d, nn.ConvTranspose2d)[len(sides) - 1]
        output_padding = tuple(further * d for d, _ in sides) if fits else 0
        modules.append(kind(**window, output_padding=output_padding))
    assert types(_check_each(modules, windows, 5)) == ["Deconvolution"] * 6


@pytest.mark.parametrize("kernel", [(2, 3), 4])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_padding_by_name(kernel, padding):
    check(nn.Conv2d(3, 4, kernel, padding=padding, dilation=1), drawn(2, 3, 9, 8))


_PADS = st.tuples(*[st.integers(0, 3)] * 4)


@settings(max_examples=2, deadline=None)
@given(st.lists(st.tuples(_PADS, st.integers(1, 3), st.integers(1, 2)), min_size=6, max_size=6))
def test_zeros_before_a_convolution_become_its_padding(drawn_ones):
    modules = nn.ModuleList(
        nn.Sequential(nn.ZeroPad2d(pads), nn.Conv2d(3, 4, kernel, stride, padding=1))
        for pads, kernel, stride in drawn_ones
    )
    made = check(lambda x: [each(x) for each in modules], drawn(1, 3, 7, 6))
    assert types(made) == ["Convolution"] * 6


def test_zeros_before_holes_that_they_do_not_fit():
    module = nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(3, 4, 3, dilation=2))
    with pytest.raises(SpecError, match=r"conv2d \(1\): its padding \(0 before, 1 behind\)"):
        module_net(module.eval(), [drawn(1, 3, 9, 9)], "net", "net.py:Model")


@pytest.mark.parametrize("pads", [(1, 1, 1, 1), (0, 1, 2, 0), (0, 0, 0, 0)])
def test_zeros_before_something_else(pads):
    check(lambda x: F.relu(F.pad(x, pads)), drawn(2, 3, 5, 4))
    # and several readers, one of them a convolution
    conv = nn.Conv2d(3, 3, 3, padding=1)
    check(lambda x: F.pad(conv(F.pad(x, pads)), pads), drawn(2, 3, 5, 4))


@pytest.mark.parametrize("shape", [(2, 5), (2, 3, 5), (2, 3, 4, 5)])
@pytest.mark.parametrize("bias", [True, False])
def test_matrices(shape, bias):
    made = check(nn.Linear(5, 4, bias=bias), drawn(*shape))
    assert types(made) == ["InnerProduct"]


def test_products_with_known_matrices():
    matrix = nn.Parameter(drawn(5, 4))
    bias = nn.Parameter(drawn(4))
    check(lambda x: x @ matrix, drawn(2, 3, 5))
    check(lambda x: torch.mm(x, matrix), drawn(2, 5))
    check(lambda x: torch.addmm(bias, x, matrix), drawn(2, 5))
    # what is known beforehand is computed beforehand
    check(lambda x: F.linear(x, (matrix * matrix.sigmoid()).t().contiguous(), bias), drawn(2, 5))


def test_two_tensors_are_not_multiplied_as_matrices():
    with pytest.raises(SpecError, match="computed from the input"):
        module_net(Of(lambda x: x @ x), [drawn(1, 2, 3, 3)], "net", "net.py:Model")


@pytest.mark.parametrize("affine", [True, False])
def test_batch_normalisation(affine):
    made = check(nn.BatchNorm2d(3, eps=1e-3, affine=affine), drawn(2, 3, 4, 4))
    assert types(made) == ["BatchNorm", "Scale"][: 1 + affine]
    check(nn.BatchNorm1d(3, affine=affine), drawn(4, 3))


def test_statistics_of_the_batch_are_refused():
    module = nn.BatchNorm2d(3, track_running_stats=False)
    with pytest.raises(SpecError, match="statistics of the batch"):
        module_net(module.eval(), [drawn(2, 3, 4, 4)], "net", "net.py:Model")


def test_layers_have_the_names_of_modules_and_write_over_their_bottoms():
    block = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU())
    made = check(nn.Sequential(block, nn.Flatten(), nn.Linear(64, 2)), drawn(1, 3, 6, 6))
    assert names(made) == ["0_0", "0_1", "0_1_scale", "0_2", "1", "2"]
    tops = [layer.top[0] for layer in made.weights.net.layer]
    assert tops == ["data", "0_0", "0_0", "0_0", "0_0", "1", "2"]


def test_nothing_is_written_over_that_somebody_still_reads():
    relu, norm = nn.ReLU(), nn.BatchNorm2d(3)
    made = check(lambda x: (norm(y := x * 2), relu(y), y), drawn(2, 3, 4, 4))
    assert len({layer.top[0] for layer in made.weights.net.layer}) > 3
    check(lambda x: relu(x) + x, drawn(2, 3, 4, 4))
    check(lambda x: relu(x.flatten(1)) + x.mul(3).flatten(1), drawn(2, 3, 4, 4))
    check(lambda x: [relu(y := x + 1), relu(y.flatten(1)), y.view(2, 3, 16) * 2], drawn(2, 3, 4, 4))
    check(lambda x: [relu(p := (x + 1).chunk(3, 1)[1]), p + 1], drawn(2, 3, 4, 4))


def test_a_module_that_runs_twice_has_two_layers():
    conv = nn.Conv2d(3, 3, 3, padding=1)
    made = check(lambda x: conv(conv(x)), drawn(1, 3, 5, 5))
    assert names(made) == ["held_0", "held_0_2"]
