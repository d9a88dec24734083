from math import prod

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st

from catdog.errors import LayerError
from tests.layers.single import build, numbers, run


def windows(x, kernel, stride, pad, dilation):
    """What each window sees, (n, channels, *outputs, *kernel), by walking over it."""
    x = np.pad(x, [(0, 0), (0, 0), *((p, p) for p in pad)])
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    # C++ cuts a quotient off towards 0: a window beyond the edge by less than a stride sees zeros
    outputs = [int((n - r) / s) + 1 for n, r, s in zip(x.shape[2:], reach, stride, strict=True)]
    x = np.pad(x, [(0, max(0, r - n)) for n, r in zip(x.shape, (1, 1, *reach), strict=True)])
    seen = np.zeros((*x.shape[:2], *outputs, *kernel))
    for at in np.ndindex(*outputs):
        cut = [
            slice(i * s, i * s + r, d)
            for i, s, r, d in zip(at, stride, reach, dilation, strict=True)
        ]
        seen[:, :, *at] = x[:, :, *cut]
    return seen


def correlate(x, weight, bias, group, **window):
    """Convolution as Caffe means it, one group after the other."""
    seen = windows(x, weight.shape[2:], **window)
    axes = weight.ndim - 2
    tops = []
    for part, kernels in zip(np.split(seen, group, 1), np.split(weight, group, 0), strict=True):
        last = tuple(range(2 + axes, 2 + 2 * axes))
        top = np.tensordot(part, kernels, ((1, *last), (1, *range(2, 2 + axes))))
        tops.append(np.moveaxis(top, -1, 1))
    return np.concatenate(tops, 1) + bias.reshape(-1, *[1] * axes)


def has_room(kernel, size, stride, pad, dilation):
    moves = zip(size, kernel, stride, pad, dilation, strict=True)
    return all(n + 2 * p + s > d * (k - 1) + 1 for n, k, s, p, d in moves)


@st.composite
def convolutions(draw):
    axes = draw(st.integers(1, 3))
    sizes = st.lists(st.integers(1, 3), min_size=axes, max_size=axes)
    window = {
        "stride": draw(sizes),
        "pad": draw(st.lists(st.integers(0, 3), min_size=axes, max_size=axes)),
        "dilation": draw(sizes),
    }
    group = draw(st.integers(1, 2))
    channels, outputs = (group * draw(st.integers(1, 2)) for _ in range(2))
    size = draw(st.lists(st.integers(2, 6), min_size=axes, max_size=axes))
    return draw(sizes), window, group, channels, outputs, size


def text(kind, kernel, window, group, outputs):
    fields = {"kernel_size": kernel, **window}
    lists = " ".join(f"{name}: {number}" for name in fields for number in fields[name])
    return (
        f'type: "{kind}" convolution_param {{ num_output: {outputs} group: {group} {lists} '
        'weight_filler { type: "gaussian" } bias_filler { type: "uniform" } }'
    )


@given(convolutions())
def test_convolution(drawn):
    kernel, window, group, channels, outputs, size = drawn
    assume(has_room(kernel, size, **window))
    x = numbers(2, channels, *size)
    layer = build(text("Convolution", kernel, window, group, outputs), tuple(x.shape)).double()
    weight, bias = (blob.detach().numpy() for blob in layer.blobs)
    assert weight.shape == (outputs, channels // group, *kernel)
    expected = correlate(x.numpy(), weight, bias, group, **window)
    np.testing.assert_allclose(layer(x).detach(), expected, rtol=1e-9, atol=1e-9)
    assert layer.top_shapes(tuple(x.shape)) == [expected.shape]


@given(convolutions())
def test_deconvolution_is_the_transpose(drawn):
    kernel, window, group, channels, outputs, size = drawn
    moves = zip(size, kernel, window["stride"], window["pad"], window["dilation"], strict=True)
    large = [s * (n - 1) + d * (k - 1) + 1 - 2 * p for n, k, s, p, d in moves]
    assume(min(large) > 0)
    small = numbers(2, channels, *size)
    layer = build(text("Deconvolution", kernel, window, group, outputs), tuple(small.shape))
    weight, bias = (blob.detach().numpy() for blob in layer.double().blobs)
    assert weight.shape == (channels, outputs // group, *kernel)
    top = layer(small).detach().numpy()
    assert top.shape == (2, outputs, *large) == layer.top_shapes(tuple(small.shape))[0]
    # <deconvolve(small), other> = <small, convolve(other)> for any other
    other = numbers(*top.shape, seed=1).numpy()
    folded = correlate(other, weight, np.zeros(channels), group, **window)
    linear = top - bias.reshape(-1, *[1] * len(size))
    assert (linear * other).sum() == pytest.approx((folded * small.numpy()).sum(), abs=1e-8)


@given(convolutions())
def test_im2col(drawn):
    kernel, window, _, channels, _, size = drawn
    assume(has_room(kernel, size, **window))
    x = numbers(2, channels, *size)
    axes = len(size)
    seen = windows(x.numpy(), kernel, **window)
    order = (0, 1, *range(2 + axes, 2 + 2 * axes), *range(2, 2 + axes))
    expected = seen.transpose(order).reshape(2, channels * prod(kernel), *seen.shape[2 : 2 + axes])
    layer = build(text("Im2col", kernel, window, 1, 1), tuple(x.shape))
    np.testing.assert_array_equal(layer(x), expected)
    assert layer.top_shapes(tuple(x.shape)) == [expected.shape]


def test_im2col_of_four_axes_and_its_gradient():
    x = numbers(1, 2, 3, 3, 3, 3, grad=True)
    layer = build('type: "Im2col" convolution_param { kernel_size: 2 pad: 1 }', tuple(x.shape))
    assert layer(x).shape == (1, 32, 4, 4, 4, 4)
    assert torch.autograd.gradcheck(layer, x)


@pytest.mark.parametrize("axis", [0, 1, 2, -3])
@pytest.mark.parametrize("kind", ["Convolution", "Deconvolution", "Im2col"])
def test_axis(kind, axis):
    x = numbers(2, 4, 4, 5)
    layer = build(
        f'type: "{kind}" convolution_param {{ num_output: 3 kernel_size: 2 axis: {axis} '
        'weight_filler { type: "gaussian" } }',
        tuple(x.shape),
    ).double()
    at = axis % 4
    flat = x.reshape(-1, *x.shape[at:])
    plain = build(
        f'type: "{kind}" convolution_param {{ num_output: 3 kernel_size: 2 '
        'weight_filler { type: "gaussian" } }',
        tuple(flat.shape),
    ).double()
    top = layer(x)
    assert torch.equal(top.reshape(-1, *top.shape[at:]), plain(flat))
    assert layer.top_shapes(tuple(x.shape)) == [tuple(top.shape)]


def test_no_spatial_axis_is_a_product():
    layer = build(
        'type: "Convolution" convolution_param { num_output: 3 weight_filler { type: "msra" } }',
        (2, 4),
    ).double()
    x = numbers(2, 4)
    assert layer.blobs.shape(0) == (3, 4)
    torch.testing.assert_close(layer(x), x @ layer.blobs[0].T)


def test_several_bottoms_share_the_weights():
    a, b = numbers(2, 3, 4, 4), numbers(2, 3, 4, 4, seed=1)
    texts = 'type: "Convolution" convolution_param { num_output: 2 kernel_size: 3 '
    layer = build(texts + 'weight_filler { type: "msra" } }', a.shape, b.shape, tops=2).double()
    tops = layer(a, b)
    assert len(layer.blobs) == 2 and len(layer.top_shapes(a.shape, b.shape)) == 2
    assert torch.equal(layer(b, a)[0], tops[1]) and not torch.equal(tops[0], tops[1])


@pytest.mark.parametrize("kind", ["Convolution", "Deconvolution"])
def test_gradient(kind):
    layer = build(
        f'type: "{kind}" convolution_param {{ num_output: 4 kernel_size: 3 stride: 2 pad: 1 '
        'group: 2 weight_filler { type: "msra" } }',
        (1, 2, 5, 4),
    ).double()
    assert torch.autograd.gradcheck(layer, numbers(1, 2, 5, 4, grad=True))


@pytest.mark.parametrize("fields", ["engine: CAFFE", "engine: CUDNN", "force_nd_im2col: true"])
def test_accepted_without_change(fields):
    start = 'type: "Convolution" convolution_param { num_output: 2 kernel_h: 2 kernel_w: 3 '
    start += 'weight_filler { type: "xavier" } '
    x = numbers(1, 2, 4, 4).float()
    assert torch.equal(run(start + fields + "}", x), run(start + "}", x))


def test_channels_last_stays():
    x = numbers(2, 3, 6, 6).float().to(memory_format=torch.channels_last)
    top = run('type: "Convolution" convolution_param { num_output: 4 kernel_size: 3 }', x)
    assert top.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    ("fields", "shape", "message"),
    [
        ("num_output: 2", (1, 2, 4, 4), "no kernel_size"),
        ("kernel_size: 2", (1, 2, 4, 4), "no num_output"),
        ("num_output: 2 kernel_size: 0", (1, 2, 4, 4), "kernel_size 0"),
        ("num_output: 2 kernel_h: 3", (1, 2, 4, 4), "kernel_w 0"),
        ("num_output: 2 kernel_size: 3 stride: 0", (1, 2, 4, 4), "stride 0"),
        ("num_output: 2 kernel_size: 3 stride_h: 2", (1, 2, 4, 4), "stride_w 0"),
        ("num_output: 2 kernel_size: 3 dilation: 0", (1, 2, 4, 4), "dilation 0"),
        ("num_output: 2 kernel_size: 3 kernel_h: 3", (1, 2, 4, 4), "kernel_size and kernel_h"),
        ("num_output: 2 kernel_size: 3 pad: 1 pad_w: 0", (1, 2, 4, 4), "pad and pad_h"),
        ("num_output: 2 kernel_h: 3 kernel_w: 3", (1, 2, 4), "1 spatial axes, not 2"),
        ("num_output: 2 kernel_size: [1, 2, 3]", (1, 2, 4, 4), "3 kernel_size values"),
        ("num_output: 2 kernel_size: 5", (1, 2, 4, 4), "no room"),
        ("num_output: 2 kernel_size: 1 group: 2", (1, 3, 4, 4), "2 groups"),
        ("num_output: 3 kernel_size: 1 group: 2", (1, 2, 4, 4), "2 groups"),
        ("num_output: 3 kernel_size: 1 group: 0", (1, 2, 4, 4), "0 groups"),
        ("num_output: 3 kernel_size: 1 axis: 4", (1, 2, 4, 4), "no axis 4"),
        ("num_output: 3 kernel_size: 1", (1, 2, 2, 2, 2, 2), "4 spatial axes"),
        ('num_output: 3 kernel_size: 1 weight_filler { type: "x" }', (1, 2, 4, 4), "filler"),
    ],
)
@pytest.mark.parametrize("kind", ["Convolution", "Deconvolution"])
def test_faults(kind, fields, shape, message):
    if kind == "Deconvolution" and message == "no room":
        fields = "num_output: 2 kernel_size: 1 pad: 2"
    with pytest.raises(LayerError, match=message) as caught:
        build(f'type: "{kind}" convolution_param {{ {fields} }}', shape)
    assert caught.value.remedy


def test_faults_of_several_bottoms():
    text = 'type: "Convolution" convolution_param { num_output: 2 kernel_size: 1 }'
    with pytest.raises(LayerError, match="2 bottoms and 1 tops"):
        build(text, (1, 2, 3, 3), (1, 2, 3, 3))
    with pytest.raises(LayerError, match="one shape"):
        build(text, (1, 2, 3, 3), (1, 2, 3, 4), tops=2)


def test_im2col_needs_room():
    with pytest.raises(LayerError, match="no room"):
        build('type: "Im2col" convolution_param { kernel_size: 5 }', (1, 2, 4, 4))


@pytest.mark.parametrize("bottom_learns", [False, True])
def test_a_stride_that_picks_numbers_has_the_gradients_of_float64_in_channels_last(bottom_learns):
    text = """type: "Convolution" convolution_param {
        num_output: 5 kernel_size: 1 stride: 2 weight_filler { type: "gaussian" std: 1 } }"""
    x = numbers(2, 3, 8, 8).float().contiguous(memory_format=torch.channels_last)
    x.requires_grad_(bottom_learns)
    layer = build(text, tuple(x.shape))
    # many times: memory that is written beyond its end is noticed sooner or later
    for _ in range(50):
        layer.zero_grad()
        x.grad = None
        layer(x).square().sum().backward()
    weight = layer.blobs.parameter(0).detach().double().requires_grad_()
    exact = x.detach().double().contiguous().requires_grad_()
    F.conv2d(exact, weight, stride=2).square().sum().backward()
    torch.testing.assert_close(layer.blobs.parameter(0).grad, weight.grad.float())
    if bottom_learns:
        torch.testing.assert_close(x.grad, exact.grad.float())
