"""BatchNorm of NVIDIA's and of Intel's fork, held against the formulas in float64."""

import numpy as np
import pytest
import torch
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st

from catdog.errors import LayerError
from catdog.layers import class_of
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import LayerParameter, NetParameter
from tests.layers.single import build, numbers

SHAPES = st.tuples(*[st.integers(1, 4)] * 4) | st.tuples(*[st.integers(1, 4)] * 2)


def filled(text, shape, training=False):
    """With drawn blobs, which it gives too."""
    layer = build(text, shape, training=training).double()
    blobs = [numbers(*blob.shape, seed=at + 1) for at, blob in enumerate(layer.blobs)]
    blobs[1], blobs[2] = blobs[1].abs() + 0.1, torch.tensor([3.0]).double()
    for index, blob in enumerate(blobs):
        layer.blobs.parameter(index).data.copy_(blob)
    return layer, [blob.numpy() for blob in blobs]


def normed(x, mean, variance, eps, scale, bias):
    along = (1, -1, *[1] * (x.ndim - 2))
    mean, variance, scale, bias = (
        np.asarray(each, dtype=float).reshape(along) for each in (mean, variance, scale, bias)
    )
    return scale * (x - mean) / np.sqrt(variance + eps) + bias


def statistics(x):
    axes = tuple(axis for axis in range(x.ndim) if axis != 1)
    return x.mean(axes), x.var(axes), x.size // x.shape[1]


@given(shape=SHAPES, eps=st.sampled_from([1e-7, 1e-5, 0.2]), fraction=st.sampled_from([0.5, 0.999]))
def test_nvidia(shape, eps, fraction):
    text = (
        f'type: "BatchNorm" batch_norm_param {{ scale_bias: true eps: {eps} '
        f"moving_average_fraction: {fraction} use_global_stats: true }}"
    )
    layer, (mean, variance, _, scale, bias) = filled(text, shape, training=True)
    # what the message has
    eps, fraction = float(np.float32(max(eps, 1e-5))), float(np.float32(fraction))
    for step in range(4):
        x = numbers(*shape, seed=10 + step).numpy()
        of_mean, of_variance, _ = statistics(x)
        expected = normed(x, of_mean, of_variance, eps, scale, bias)
        np.testing.assert_allclose(layer(torch.from_numpy(x)).detach(), expected, atol=1e-7)
        keep = 0 if step < 2 else fraction
        mean = keep * mean + (1 - keep) * of_mean
        variance = keep * variance + (1 - keep) * (of_variance + eps)
        np.testing.assert_allclose(layer.blobs[0].detach(), mean, rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(layer.blobs[1].detach(), variance, rtol=1e-6)
    expected = normed(x, mean, variance, eps, scale, bias)
    np.testing.assert_allclose(layer.eval()(torch.from_numpy(x)).detach(), expected, atol=1e-6)
    assert layer.blobs[2].item() == 3


@given(shape=SHAPES, global_stats=st.booleans(), with_bias=st.booleans())
def test_intel(shape, global_stats, with_bias):
    text = (
        'type: "BatchNorm" batch_norm_param { engine: MKLDNN eps: 0.1 moving_average_fraction: 0.9 '
        f"use_global_stats: {str(global_stats).lower()} bias_term: {str(with_bias).lower()} }}"
    )
    layer, (mean, variance, factor, scale, *bias) = filled(text, shape, training=True)
    assert len(bias) == with_bias
    x = numbers(*shape, seed=9).numpy()
    of_mean, of_variance, count = statistics(x)
    used = (mean / factor, variance / factor) if global_stats else (of_mean, of_variance)
    eps = np.float32(0.1)
    expected = normed(x, *used, eps, scale, bias[0] if bias else np.zeros_like(scale))
    np.testing.assert_allclose(layer(torch.from_numpy(x)).detach(), expected, atol=1e-7)
    if not global_stats:
        correction = count / (count - 1) if count > 1 else 1
        moved = np.float32(0.9) * variance + correction * of_variance
        np.testing.assert_allclose(layer.blobs[1].detach(), moved, rtol=1e-6)
        np.testing.assert_allclose(layer.blobs[2].detach(), np.float32(0.9) * factor + 1)


@pytest.mark.parametrize("fields", ["scale_bias: true", "filler { }", "engine: MKL2017"])
def test_gradients(fields):
    text = f'type: "BatchNorm" batch_norm_param {{ {fields} }}'
    layer, _ = filled(text, (3, 2, 2, 2), training=True)

    def top(x, scale, bias):
        given = {"blobs.3": scale, "blobs.4": bias}
        return torch.func.functional_call(layer, given, x)

    blobs = [blob.detach().clone().requires_grad_() for blob in list(layer.blobs)[3:]]
    assert torch.autograd.gradcheck(top, (numbers(3, 2, 2, 2, seed=8, grad=True), *blobs))


def test_slices_have_statistics_of_their_own():
    x = numbers(6, 2, 3, 3)
    sliced, _ = filled(
        'type: "BatchNorm" batch_norm_param { stats_batch_size: 2 eps: 0.1 }',
        x.shape,
        training=True,
    )
    whole, _ = filled(
        'type: "BatchNorm" batch_norm_param { use_weight_bias: true eps: 0.1 }',
        (2, 2, 3, 3),
        training=True,
    )
    torch.testing.assert_close(sliced(x), torch.cat([whole(part) for part in x.split(2)]))
    for one, other in zip(sliced.blobs, whole.blobs, strict=True):
        torch.testing.assert_close(one, other)
    with pytest.raises(LayerError, match="cannot share 5 examples among slices of 2"):
        sliced(x[:5])
    with pytest.raises(LayerError, match="cannot share 5 examples among slices of 2"):
        build(
            'type: "BatchNorm" phase: TRAIN batch_norm_param { stats_batch_size: 2 }', (5, 2, 3, 3)
        )


@pytest.mark.parametrize(
    ("fields", "kind", "blobs"),
    [
        ("", "BatchNorm", 3),
        ("engine: CAFFE", "BatchNorm", 3),
        ("engine: CAFFE filler { } bias_filler { }", "BatchNorm", 3),
        ("engine: CUDNN", "BatchNorm", 3),
        ("scale_bias: true", "NvidiaBatchNorm", 5),
        ("scale_bias: false", "BatchNorm", 3),
        ("scale_filler { }", "NvidiaBatchNorm", 5),
        ("bias_filler { }", "NvidiaBatchNorm", 5),
        ("scale_bias: true engine: CUDNN", "NvidiaBatchNorm", 5),
        ("filler { }", "IntelBatchNorm", 5),
        ("filler { } bias_filler { }", "IntelBatchNorm", 5),
        ("bias_term: false", "IntelBatchNorm", 4),
        ("engine: MKL2017", "IntelBatchNorm", 5),
        ("engine: MKLDNN bias_filler { }", "IntelBatchNorm", 5),
        ("engine: MKLDNN use_weight_bias: false", "IntelPlainBatchNorm", 3),
    ],
)
def test_which_one_is_meant(fields, kind, blobs):
    text = f'type: "BatchNorm" batch_norm_param {{ {fields} }}'
    assert class_of(text_format.Parse(text, LayerParameter())).__name__ == kind
    layer = build(text, (2, 3, 2, 2))
    assert type(layer).__name__ == kind and len(layer.blobs) == blobs
    assert all(layer.keeps(index) is (index < 3) for index in range(blobs))


def test_how_the_blobs_start():
    def starts(fields):
        layer = build(f'type: "BatchNorm" batch_norm_param {{ {fields} }}', (2, 3, 2, 2))
        return [blob.detach().flatten()[0].item() for blob in layer.blobs]

    assert starts("scale_bias: true") == [0, 0, 1, 1, 0]
    assert starts("scale_filler { value: 3 } bias_filler { value: 4 }") == [0, 0, 1, 3, 4]
    assert starts("engine: MKLDNN") == [0, 0, 0, 1, 0]
    assert starts("filler { value: 3 } bias_filler { value: 4 }") == [0, 0, 0, 3, 4]


@pytest.mark.parametrize("field", ["scale_bias: true", "scale_filler { }"])
def test_fields_of_both_forks(field):
    with pytest.raises(LayerError, match="a field of NVIDIA's, beside Intel's"):
        build(f'type: "BatchNorm" batch_norm_param {{ {field} engine: MKLDNN }}', (2, 3))


def test_statistics_have_no_rate():
    text = 'type: "BatchNorm" param { lr_mult: 1 } batch_norm_param { scale_bias: true }'
    with pytest.raises(LayerError, match="keeps its statistics itself"):
        build(text, (2, 3))


def test_a_scale_layer_after_it_is_one_with_it():
    text = """
        layer { name: "norm" type: "BatchNorm" bottom: "x" top: "y" batch_norm_param { %s } }
        layer { name: "scale" type: "Scale" bottom: "y" top: "z" scale_param { bias_term: %s } }
    """
    x = numbers(4, 3, 2, 2).float()
    for fields, bias in (("scale_bias: true", "true"), ("bias_term: false", "false")):
        net = Net(
            text_format.Parse(text % (fields, bias), NetParameter()), inputs={"x": (4, 3, 2, 2)}
        )
        for index, parameter in enumerate(net.parameters()):
            parameter.data.copy_(numbers(*parameter.shape, seed=index).abs())
        joined = net({"x": x}).blobs["z"]
        torch.testing.assert_close(joined, net.node("scale").layer(net.node("norm").layer(x)))
