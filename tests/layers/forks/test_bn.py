import numpy as np
import pytest
import torch
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st

from catdog.errors import LayerError
from catdog.layers import class_of
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import TRAIN, LayerParameter, NetParameter
from tests.layers.single import build, numbers

SHAPES = st.tuples(*[st.integers(1, 4)] * 4) | st.tuples(*[st.integers(1, 4)] * 2)


def filled(text, shape, *blobs, training=False, tops=1):
    layer = build(text, shape, training=training, tops=tops).double()
    for index, blob in enumerate(blobs):
        layer.blobs.parameter(index).data.copy_(blob.view(layer.blobs.shape(index)))
    return layer


def along(channels, x):
    return channels.numpy().reshape(1, -1, *[1] * (x.ndim - 2))


def standardized(x, mean, variance, eps):
    return (x - along(mean, x)) / np.sqrt(along(variance, x) + eps)


def statistics(x):
    axes = tuple(axis for axis in range(x.dim()) if axis != 1)
    return x.mean(axes), x.var(axes, unbiased=False)


@given(shape=SHAPES, training=st.booleans())
def test_segnet_in_both_phases(shape, training):
    x, (scale, shift) = numbers(*shape), numbers(2, shape[1], seed=1)
    text = 'type: "BN" bn_param { bn_mode: LEARN }'
    layer = filled(text, shape, scale, shift, training=training, tops=3)
    top, mean, variance = layer(x)
    expected_mean, expected_variance = statistics(x)
    normed = standardized(x.numpy(), expected_mean, expected_variance, 1e-9)
    expected = along(scale, normed) * normed + along(shift, normed)
    np.testing.assert_allclose(top.detach(), expected, atol=1e-7)
    assert mean.shape == variance.shape == (1, shape[1], 1, 1)
    torch.testing.assert_close(mean.flatten(), expected_mean)
    torch.testing.assert_close(variance.flatten(), expected_variance)
    assert layer.top_shapes(shape) == [shape, *[(1, shape[1], 1, 1)] * 2]
    assert not layer.updates_blobs() and not layer.per_example()


@pytest.mark.parametrize("mode", ["LEARN", "INFERENCE"])
def test_gradient_of_segnet(mode):
    layer = filled(f'type: "BN" bn_param {{ bn_mode: {mode} }}', (3, 2, 2, 2), *numbers(2, 2))
    blobs = [blob.detach().clone().requires_grad_() for blob in layer.blobs]

    def top(x, *parameters):
        return torch.func.functional_call(
            layer, {"blobs.0": parameters[0], "blobs.1": parameters[1]}, x
        )

    assert torch.autograd.gradcheck(top, (numbers(3, 2, 2, 2, seed=2, grad=True), *blobs))


@given(shape=SHAPES)
def test_segnet_inference(shape):
    x, (scale, shift) = numbers(*shape), numbers(2, shape[1], seed=1)
    layer = filled('type: "BN" bn_param { bn_mode: INFERENCE }', shape, scale, shift, training=True)
    expected = along(scale, x) * x.numpy() + along(shift, x)
    np.testing.assert_allclose(layer(x).detach(), expected, rtol=1e-12)
    assert layer.per_example()


@given(shape=SHAPES, momentum=st.sampled_from([0.0, 0.5, 0.95]), eps=st.sampled_from([1e-5, 0.3]))
def test_moving_statistics(shape, momentum, eps):
    x, blobs = numbers(*shape), numbers(4, shape[1], seed=1)
    slope, bias, mean, variance = blobs[0], blobs[1], blobs[2], blobs[3].abs()
    text = f'type: "BN" bn_param {{ momentum: {momentum} eps: {eps} }}'
    layer = filled(text, shape, slope, bias, mean, variance, training=True)
    of_batch = statistics(x)
    normed = standardized(x.numpy(), *of_batch, eps)
    expected = along(slope, normed) * normed + along(bias, normed)
    np.testing.assert_allclose(layer(x).detach(), expected, atol=1e-6)
    for blob, old, new in zip(list(layer.blobs)[2:], (mean, variance), of_batch, strict=True):
        moved = momentum * old + (1 - momentum) * new
        torch.testing.assert_close(blob.detach().flatten(), moved, rtol=1e-6, atol=1e-6)
    moved = [blob.detach().flatten().clone() for blob in layer.blobs]
    normed = standardized(x.numpy(), moved[2], moved[3], eps)
    expected = along(slope, normed) * normed + along(bias, normed)
    np.testing.assert_allclose(layer.eval()(x).detach(), expected, rtol=1e-6, atol=1e-6)
    assert all(torch.equal(a, b.flatten()) for a, b in zip(moved, layer.blobs, strict=True))


@pytest.mark.parametrize("shape", [(3, 2, 2, 3), (4, 3)])
def test_the_gradient_with_moving_statistics_is_that_of_a_batch_put_in(shape):
    x, diff, blobs = (
        numbers(*shape, grad=True),
        numbers(*shape, seed=1),
        numbers(4, shape[1], seed=2),
    )
    layer = filled('type: "BN" bn_param { eps: 0.1 }', shape, *blobs[:3], blobs[3].abs())
    layer(x).backward(diff)
    slope, _, mean, variance = (blob.detach().flatten() for blob in layer.blobs)
    y = standardized(x.detach().numpy(), mean, variance, np.float32(0.1))
    dy = diff.numpy()
    axes = tuple(axis for axis in range(len(shape)) if axis != 1)
    centred = dy - dy.mean(axes, keepdims=True) - y * (dy * y).mean(axes, keepdims=True)
    gain = along(slope, y) / np.sqrt(along(variance, y) + np.float32(0.1))
    np.testing.assert_allclose(x.grad, centred * gain, rtol=1e-9, atol=1e-9)
    of_slope, of_bias = (layer.blobs.parameter(index).grad.flatten() for index in (0, 1))
    np.testing.assert_allclose(of_slope, (dy * y).sum(axes), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(of_bias, dy.sum(axes), rtol=1e-9, atol=1e-9)


def test_frozen_learns_nothing():
    layer = build('type: "BN" bn_param { frozen: true }', (2, 3, 2, 2), training=True).double()
    assert [blob.detach().flatten()[0].item() for blob in layer.blobs] == [0, 0, 0, 1]
    layer.blobs.parameter(0).data.copy_(numbers(1, 3, 1, 1))
    x = numbers(2, 3, 2, 2, grad=True)
    assert torch.autograd.gradcheck(layer, x)
    layer(x).sum().backward()
    assert all(layer.keeps(index) for index in range(4)) and not layer.updates_blobs()
    assert layer.blobs.parameter(0).grad is None


def test_moving_statistics_have_no_rate():
    net = Net(
        text_format.Parse(
            'state { phase: TRAIN } layer { name: "bn" type: "BN" bottom: "x" top: "y" '
            "phase: TRAIN param { lr_mult: 2 } param { } param { lr_mult: 1 } "
            "bn_param { slope_filler { value: 1 } } } layer { name: 'loss' type: 'Reduction' "
            "bottom: 'y' top: 'l' loss_weight: 1 phase: TRAIN }",
            NetParameter(),
        ),
        inputs={"x": (2, 3, 2, 2)},
    )
    assert net.phase == TRAIN
    assert [item.lr_mult for item in net.learnable] == [2, 1, 0, 0]


def test_which_one_is_meant():
    def kind(text):
        return class_of(text_format.Parse(f'type: "BN" top: "y" {text}', LayerParameter())).__name__

    for text in ("bn_param { shift_filler { } }", "bn_param { bn_mode: LEARN }", 'top: "mean"'):
        assert kind(text) == "SegNetBN"
    assert kind("blobs { } blobs { }") == "SegNetBN"
    for field in (
        "slope_filler { }",
        "bias_filler { }",
        "momentum: 0.9",
        "eps: 1e-5",
        "frozen: false",
    ):
        assert kind(f"bn_param {{ {field} }}") == "MovingBN"
    assert kind("blobs { } blobs { } blobs { } blobs { }") == "MovingBN"
    assert kind("param { } param { } param { } param { }") == "MovingBN"


@pytest.mark.parametrize(
    ("text", "tops", "says"),
    [
        ("", 1, "may be SegNet's"),
        (
            "bn_param { eps: 0.1 bn_mode: LEARN }",
            1,
            "has bn_mode of SegNet's BN beside eps of PSPNet's",
        ),
        ("bn_param { eps: 0.1 }", 2, "tops for statistics of SegNet's"),
        ("bn_param { bn_mode: INFERENCE }", 2, "INFERENCE does not make"),
    ],
)
def test_what_is_not_clear(text, tops, says):
    with pytest.raises(LayerError, match=says):
        build(f'type: "BN" {text}', (2, 3, 2, 2), tops=tops)


def test_five_axes_are_too_many():
    with pytest.raises(LayerError, match="1 to 4 axes"):
        build('type: "BN" bn_param { eps: 0.1 }', (1, 2, 3, 4, 5))
