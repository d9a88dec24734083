import numpy as np
import pytest
import torch
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st

from catdog.errors import LayerError
from catdog.layers.base import Setting
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import TRAIN, NetParameter
from catdog.runtime.randomness import Randomness
from tests.layers.single import build, numbers, run


def lrn(x, size, alpha, beta, k, within):
    """The formula of the goldens' README, one number after the other."""
    scale, far = np.zeros_like(x), size // 2
    for n, c, h, w in np.ndindex(*x.shape):
        if within:
            rows, columns = slice(max(h - far, 0), h + far + 1), slice(max(w - far, 0), w + far + 1)
            scale[n, c, h, w] = 1 + alpha / size**2 * (x[n, c, rows, columns] ** 2).sum()
        else:
            around = x[n, max(c - far, 0) : c + far + 1, h, w]
            scale[n, c, h, w] = k + alpha / size * (around**2).sum()
    return x * scale**-beta


@pytest.mark.parametrize("channels_last", [False, True])
@given(
    size=st.sampled_from([1, 3, 5, 7, 9]),
    alpha=st.sampled_from([1e-4, 0.5, 2.0]),
    beta=st.sampled_from([0.25, 0.5, 0.75, 1.0]),
    k=st.sampled_from([1.0, 2.5]),
    region=st.sampled_from(["ACROSS_CHANNELS", "WITHIN_CHANNEL"]),
    shape=st.tuples(st.integers(1, 2), st.integers(1, 6), st.integers(1, 4), st.integers(1, 4)),
)
def test_lrn(channels_last, size, alpha, beta, k, region, shape):
    x = numbers(*shape)
    if channels_last:
        x = x.to(memory_format=torch.channels_last)
    fields = f"local_size: {size} alpha: {alpha} beta: {beta} k: {k} norm_region: {region}"
    layer = build(f'type: "LRN" lrn_param {{ {fields} }}', shape)
    expected = lrn(x.numpy(), size, alpha, beta, k, region == "WITHIN_CHANNEL")
    # alpha is a float of the message, so not quite 1e-4
    np.testing.assert_allclose(layer(x), expected, rtol=1e-9)
    assert layer.top_shapes(shape) == [shape]


@pytest.mark.parametrize("region", ["ACROSS_CHANNELS", "WITHIN_CHANNEL"])
@pytest.mark.parametrize("beta", [0.75, 0.6])
@pytest.mark.parametrize("size", [3, 5])
def test_lrn_gradient(region, beta, size):
    fields = f"local_size: {size} alpha: 2 beta: {beta} k: 1.5 norm_region: {region}"
    layer = build(f'type: "LRN" lrn_param {{ {fields} }}', (2, 4, 3, 3))
    assert torch.autograd.gradcheck(layer, numbers(2, 4, 3, 3, grad=True))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_lrn_of_some_images_at_a_time_is_that_of_all(layout, monkeypatch):
    layer = build('type: "LRN" lrn_param { alpha: 2 }', (7, 6, 5, 4))
    x, gradient = (numbers(7, 6, 5, 4).float().to(memory_format=layout) for _ in range(2))
    found = []
    for block in (1, 3 * 6 * 5 * 4, 1 << 20):
        monkeypatch.setattr("catdog.layers.norm.BLOCK", block)
        bottom = x.clone().requires_grad_()
        top = layer(bottom)
        top.backward(gradient)
        found.append((top.detach(), bottom.grad))
    for some, all_ in ((found[0], found[2]), (found[1], found[2])):
        assert all(torch.equal(*pair) for pair in zip(some, all_, strict=True))


def test_lrn_does_not_overflow_in_half_precision():
    x = torch.full((1, 4, 2, 2), 1000.0)
    text = 'type: "LRN" lrn_param { alpha: 0.0001 }'
    assert run(text, x.half()).dtype == torch.float16
    torch.testing.assert_close(run(text, x.half()), run(text, x).half())


def test_lrn_channels_last_stays():
    x = numbers(2, 6, 3, 4).to(memory_format=torch.channels_last)
    assert run('type: "LRN"', x).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("across", [False, True])
@pytest.mark.parametrize("variance", [False, True])
@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 5), (2, 3, 4, 5), (4,)])
def test_mvn(across, variance, shape):
    x = numbers(*shape)
    flags = f"across_channels: {across} normalize_variance: {variance} eps: 0.1".lower()
    layer = build(f'type: "MVN" mvn_param {{ {flags} }}', shape)
    wide = x.numpy().reshape(*shape, *[1] * (4 - len(shape)))
    axes = (1, 2, 3) if across else (2, 3)
    centred = wide - wide.mean(axes, keepdims=True)
    eps = float(np.float32(0.1))
    expected = centred / (wide.std(axes, keepdims=True) + eps) if variance else centred
    np.testing.assert_allclose(layer(x), expected.reshape(shape), atol=1e-12)
    assert layer.top_shapes(shape) == [shape]


@pytest.mark.parametrize("across", ["false", "true"])
@pytest.mark.parametrize("variance", ["false", "true"])
def test_mvn_gradient(across, variance):
    text = f"across_channels: {across} normalize_variance: {variance} eps: 1e-9"
    layer = build(f'type: "MVN" mvn_param {{ {text} }}', (2, 3, 3, 2))
    assert torch.autograd.gradcheck(layer, numbers(2, 3, 3, 2, grad=True))


def test_mvn_of_a_flat_channel():
    x = torch.ones(1, 1, 2, 2, requires_grad=True)
    top = run('type: "MVN"', x)
    top.backward(torch.tensor([[[[1.0, 0.0], [0.0, 0.0]]]]))
    assert not top.any() and x.grad.isfinite().all()


def batch_norm(x, eps):
    """Output, mean and variance with divisor m, by channel."""
    axes = tuple(i for i in range(x.ndim) if i != 1)
    mean, variance = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) / np.sqrt(variance + eps), mean.reshape(-1), variance.reshape(-1)


@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 5), (2, 3, 4, 5), (1, 2, 2, 2, 2), (6, 1)])
def test_batch_norm_moves_its_statistics(shape):
    fields = "moving_average_fraction: 0.5 eps: 0.01"
    layer = build(f'type: "BatchNorm" batch_norm_param {{ {fields} }}', shape, training=True)
    layer.double()
    expected = [np.zeros(shape[1]), np.zeros(shape[1]), 0.0]
    count = np.prod(shape) / shape[1]
    for seed in range(3):
        x = numbers(*shape, seed=seed).numpy() * 3 + 2
        top, mean, variance = batch_norm(x, float(np.float32(0.01)))
        np.testing.assert_allclose(layer(torch.from_numpy(x)).detach(), top, rtol=1e-9, atol=1e-12)
        unbiased = variance * count / (count - 1)
        expected = [0.5 * old + new for old, new in zip(expected, (mean, unbiased, 1), strict=True)]
    for blob, wanted in zip(layer.blobs, expected, strict=True):
        np.testing.assert_allclose(blob.detach().reshape(np.shape(wanted)), wanted, rtol=1e-9)
    layer.eval()
    before = [blob.detach().clone() for blob in layer.blobs]
    x = numbers(*shape).numpy()
    mean, variance = (
        (blob / expected[2]).reshape(-1, *[1] * (len(shape) - 2)) for blob in expected[:2]
    )
    top = (x - mean) / np.sqrt(variance + float(np.float32(0.01)))
    np.testing.assert_allclose(layer(torch.from_numpy(x)).detach(), top, rtol=1e-9)
    assert all(torch.equal(a, b) for a, b in zip(before, layer.blobs, strict=True))


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(("given_", "uses"), [("true", True), ("false", False), (None, None)])
def test_use_global_stats_overrides_the_phase(training, given_, uses):
    fields = f"batch_norm_param {{ use_global_stats: {given_} }}" if given_ else ""
    layer = build(f'type: "BatchNorm" {fields}', (4, 2), training=training).double()
    layer(numbers(4, 2))
    assert layer.blobs[2].item() == (0 if (uses if given_ else not training) else 1)


def test_batch_norm_without_statistics_divides_by_eps():
    top = run('type: "BatchNorm" batch_norm_param { eps: 0.25 }', torch.ones(1, 2, 1, 1))
    assert top.flatten().tolist() == [2, 2]


def test_batch_norm_of_one_number():
    layer = build('type: "BatchNorm"', (1, 2), training=True)
    layer.blobs.parameter(1).data.fill_(1000)
    assert layer(torch.tensor([[3.0, 4.0]])).tolist() == [[0, 0]]
    np.testing.assert_allclose(layer.blobs[0].detach(), [3, 4])
    np.testing.assert_allclose(layer.blobs[1].detach(), [999, 999])


@pytest.mark.parametrize("shape", [(1, 3), (1, 3, 1), (1, 3, 1, 1), (1, 1, 1, 1, 1), (1,)])
def test_batch_norm_of_one_number_trains(shape):
    """Caffe's arithmetic: a variance of 0, so that no number changes the top."""
    layer = build('type: "BatchNorm"', shape, training=True).double()
    x = 1e4 * numbers(*shape).requires_grad_()
    x.retain_grad()
    top = layer(x)
    top.backward(numbers(*shape, seed=1))
    mean = x.detach().numpy()
    assert not ((mean - mean) / np.sqrt(0 + 1e-5)).any() and not top.any()
    # differences of the formula are 0 too, since the mean goes along with the number
    assert not x.grad.any()
    np.testing.assert_array_equal(layer.blobs[0].detach().reshape(shape), mean)
    assert [layer.blobs[1].max().item(), layer.blobs[2].item()] == [0, 1]


NORMED = """
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: 3 dim: 1 dim: 1 } } }
layer { name: "w" type: "Scale" bottom: "x" top: "w" scale_param { bias_term: true } }
layer { name: "norm" type: "BatchNorm" bottom: "w" top: "TOP" }
layer { name: "scale" type: "Scale" bottom: "TOP" top: "TOP" scale_param { bias_term: true } }
layer { name: "relu" type: "ReLU" bottom: "TOP" top: "TOP" }
layer { name: "sum" type: "Reduction" bottom: "TOP" top: "sum" loss_weight: 1 }
"""


@pytest.mark.parametrize("top", ["w", "norm"])
@pytest.mark.parametrize("step_by_step", [False, True])
def test_a_net_of_one_number_a_channel_trains_in_place_and_not(top, step_by_step):
    message = text_format.Parse(NORMED.replace("TOP", top), NetParameter())
    message.state.phase = TRAIN
    net = Net(message, setting=Setting(Randomness(1)))
    net.step_by_step = step_by_step
    bias = net.node("scale").layer.blobs.parameter(1)
    bias.data.copy_(torch.tensor([2.0, -1, 3]))
    result = net({"x": 1e4 * numbers(1, 3, 1, 1).float()})
    result.loss.backward()
    assert result.loss.item() == 5
    assert bias.grad.tolist() == [1, 0, 1]
    others = [net.node("scale").layer.blobs.parameter(0), *net.node("w").layer.blobs.parameters()]
    assert not any(parameter.grad.any() for parameter in others)


@pytest.mark.parametrize("across", ["false", "true"])
@pytest.mark.parametrize("shape", [(2, 3, 1, 1), (2, 1), (1,)])
def test_mvn_of_one_number_trains(across, shape):
    layer = build(f'type: "MVN" mvn_param {{ across_channels: {across} }}', shape, training=True)
    x = numbers(*shape, grad=True)
    top = layer(x)
    top.backward(numbers(*shape, seed=1))
    assert top.isfinite().all() and x.grad.isfinite().all()
    if across == "false":
        assert not top.any() and not x.grad.any()


def test_batch_norm_of_one_axis_is_one_channel():
    layer = build('type: "BatchNorm"', (5,), training=True).double()
    assert layer.blobs.shape(0) == (1,)
    x = numbers(5)
    top, *_ = batch_norm(x.numpy()[:, None], float(np.float32(1e-5)))
    np.testing.assert_allclose(layer(x).detach(), top[:, 0], rtol=1e-9)


@pytest.mark.parametrize("training", [False, True])
def test_batch_norm_gradient(training):
    text = 'type: "BatchNorm" batch_norm_param { eps: 0.1 }'
    layer = build(text, (3, 2, 2, 2), training=training).double()
    layer.blobs.parameter(1).data.fill_(2)
    layer.blobs.parameter(2).data.fill_(2)
    # fixed statistics, so that every call is the same function
    assert torch.autograd.gradcheck(layer, numbers(3, 2, 2, 2, grad=True))
    assert all(blob.grad is None for blob in layer.blobs)


@pytest.mark.parametrize(
    ("text", "shape", "message"),
    [
        ('type: "LRN" lrn_param { local_size: 4 }', (1, 2, 3, 3), "local_size 4"),
        ('type: "LRN" lrn_param { local_size: 0 }', (1, 2, 3, 3), "local_size 0"),
        ('type: "LRN"', (1, 2, 3), "4 axes"),
        ('type: "MVN"', (1, 2, 3, 4, 5), "at most 4"),
        ('type: "BatchNorm"', (), "with an axis"),
    ],
)
def test_faults(text, shape, message):
    with pytest.raises(LayerError, match=message) as caught:
        build(text, shape)
    assert caught.value.remedy
