import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from catdog.errors import LayerError
from tests.layers.single import build, numbers, run


@given(
    channels=st.integers(1, 5),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    pad=st.integers(0, 2),
    dilation=st.integers(1, 2),
    size=st.tuples(st.integers(5, 8), st.integers(5, 8)),
    name=st.sampled_from(["ConvolutionDepthwise", "DepthwiseConvolution"]),
)
def test_depthwise_convolution(channels, kernel, stride, pad, dilation, size, name):
    fields = (
        f"num_output: {channels} kernel_h: {kernel[0]} kernel_w: {kernel[1]} pad: {pad} "
        f"stride_h: {stride[0]} stride_w: {stride[1]} dilation: {dilation}"
        + f" group: {channels}"
        * (name == "DepthwiseConvolution")
    )
    layer = build(f'type: "{name}" convolution_param {{ {fields} }}', (2, channels, *size)).double()
    weights, bias = numbers(channels, 1, *kernel, seed=1), numbers(channels, seed=2)
    assert layer.blobs.shape(0) == (channels, 1, *kernel)
    layer.blobs.parameter(0).data.copy_(weights)
    layer.blobs.parameter(1).data.copy_(bias)
    x = numbers(2, channels, *size)
    expected = correlated(x.numpy(), weights.numpy(), stride, pad, dilation)
    expected += bias.numpy()[:, None, None]
    np.testing.assert_allclose(layer(x).detach(), expected, atol=1e-12)
    assert layer.top_shapes(tuple(x.shape)) == [expected.shape]


def correlated(x, weights, stride, pad, dilation):
    """Each channel under its own kernel, one number after the other."""
    wide = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
    reach = [dilation * (k - 1) + 1 for k in weights.shape[2:]]
    rows, columns = (
        (n - r) // s + 1 for n, r, s in zip(wide.shape[2:], reach, stride, strict=True)
    )
    top = np.zeros((*x.shape[:2], rows, columns))
    for c, i, j in np.ndindex(top.shape[1:]):
        at = i * stride[0], j * stride[1]
        seen = wide[:, c, at[0] : at[0] + reach[0] : dilation, at[1] : at[1] + reach[1] : dilation]
        top[:, c, i, j] = (seen * weights[c, 0]).sum((1, 2))
    return top


def test_what_a_depthwise_convolution_keeps():
    text = 'type: "ConvolutionDepthwise" convolution_param { kernel_size: 3 group: 2 '
    assert build(text + "}", (1, 4, 5, 5)).top_shapes((1, 4, 5, 5)) == [(1, 4, 3, 3)]
    layer = build(text + "num_output: 7 }", (1, 4, 5, 5))
    assert layer.top_shapes((1, 4, 5, 5)) == [(1, 4, 3, 3)]
    assert [tuple(blob.shape) for blob in layer.blobs] == [(4, 1, 3, 3), (4,)]
    with pytest.raises(LayerError, match="4 axes with the channels on axis 1"):
        build(text + "axis: 2 }", (1, 4, 5, 5))
    with pytest.raises(LayerError, match="4 axes with the channels on axis 1"):
        build(text + "}", (1, 4, 5))


@pytest.mark.parametrize("slope", [0, 0.3, -0.5])
@pytest.mark.parametrize("in_place", [False, True])
def test_relu6(slope, in_place):
    tops = 'bottom: "a" top: "a"' if in_place else ""
    text = f'type: "ReLU6" {tops} relu6_param {{ negative_slope: {slope} }}'
    x = (numbers(4, 5) * 6).index_fill(0, torch.tensor([0]), 0).index_fill(0, torch.tensor([1]), 6)
    x.requires_grad_()
    top = build(text, (4, 5))(x * 1)
    slope = np.float32(slope)
    numbers_in = x.detach().numpy()
    expected = np.minimum(np.maximum(numbers_in, 0) + slope * np.minimum(numbers_in, 0), 6)
    np.testing.assert_allclose(top.detach(), expected, rtol=1e-6)
    top.sum().backward()
    wanted = torch.where(x > 0, 1.0, float(slope)).where(top < 6, 0.0)
    torch.testing.assert_close(x.grad, wanted.double())


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("group", [1, 2, 3, 6])
def test_shuffle_channel(group, layout):
    x = numbers(2, 6, 3, 4, grad=True)
    layer = build(f'type: "ShuffleChannel" shuffle_channel_param {{ group: {group} }}', x.shape)
    top = layer(x.to(memory_format=layout))
    order = [g * (6 // group) + at for at in range(6 // group) for g in range(group)]
    assert torch.equal(top, x[:, order])
    assert top.is_contiguous(memory_format=layout)
    top.backward(numbers(2, 6, 3, 4, seed=1))
    assert torch.equal(x.grad[:, order], numbers(2, 6, 3, 4, seed=1))


@pytest.mark.parametrize(("shape", "group"), [((2, 6, 3, 3), 4), ((2, 6), 0), ((6,), 1)])
def test_shuffle_channel_needs_whole_groups(shape, group):
    with pytest.raises(LayerError, match="cannot share the channels"):
        build(f'type: "ShuffleChannel" shuffle_channel_param {{ group: {group} }}', shape)


@pytest.mark.parametrize(
    ("scale", "x"), [((2, 3, 1, 1), (2, 3, 4, 5)), ((1, 4), (1, 4)), ((2, 3), (2, 3, 2))]
)
def test_axpy(scale, x):
    bottoms = [numbers(*shape, seed=at, grad=True) for at, shape in enumerate((scale, x, x))]
    layer = build('type: "Axpy"', scale, x, x)
    a, b, c = (bottom.detach().numpy() for bottom in bottoms)
    expected = a.reshape(*x[:2], *[1] * (len(x) - 2)) * b + c
    np.testing.assert_allclose(layer(*bottoms).detach(), expected, rtol=1e-12)
    assert torch.autograd.gradcheck(layer, bottoms)


def test_bottoms_of_axpy_that_do_not_fit():
    with pytest.raises(LayerError, match="different shapes"):
        build('type: "Axpy"', (2, 3), (2, 3, 4, 4), (2, 3, 4, 5))
    for scale in ((3, 2), (2, 3, 4, 1), (2, 3, 4, 4), (2,)):
        with pytest.raises(LayerError, match="has scales"):
            build('type: "Axpy"', scale, (2, 3, 4, 4), (2, 3, 4, 4))


def test_half_precision_stays():
    x = numbers(1, 4, 5, 5).half()
    for text in ('type: "ReLU6"', 'type: "ShuffleChannel" shuffle_channel_param { group: 2 }'):
        assert run(text, x).dtype == torch.float16
