"""Gradients of chains in place are those that Caffe computes from the overwritten blob."""

import numpy as np
import pytest

import catdog.pycaffe as caffe

NET = """force_backward: true
layer {{ name: "in" type: "Input" top: "x" input_param {{ shape {{ dim: 2 dim: 9 }} }} }}
layer {{ name: "first" type: "Power" bottom: "x" top: "a" }}
layer {{ name: "one" bottom: "a" top: "a" {one} }}
layer {{ name: "two" type: "Power" bottom: "a" top: "a" power_param {{ scale: 0.5 shift: 0.25 }} }}
"""


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


#: Spec, value, and the slope from x (before), y (after) and v (what the blob holds in the end).
CASES = [
    ('type: "TanH"', np.tanh, lambda _x, _y, v: 1 - v * v),
    ('type: "Sigmoid"', sigmoid, lambda _x, _y, v: v * (1 - v)),
    ('type: "ReLU"', lambda x: np.maximum(x, 0), lambda _x, _y, v: v > 0),
    (
        'type: "ReLU" relu_param { negative_slope: -2 }',
        lambda x: np.where(x > 0, x, -2 * x),
        lambda _x, _y, v: np.where(v > 0, 1, -2),
    ),
    (
        'type: "ELU" elu_param { alpha: 1.5 }',
        lambda x: np.where(x > 0, x, 1.5 * (np.exp(x) - 1)),
        lambda _x, _y, v: np.where(v > 0, 1, v + 1.5),
    ),
    ('type: "BNLL"', lambda x: np.log1p(np.exp(x)), lambda _x, _y, v: sigmoid(v)),
    (
        'type: "Exp" exp_param { base: 2 scale: 0.5 }',
        lambda x: 2 ** (0.5 * x),
        lambda _x, _y, v: v * np.log(2) * 0.5,
    ),
    (
        'type: "Swish" swish_param { beta: 2 }',
        lambda x: x * sigmoid(2 * x),
        lambda x, _y, v: 2 * v + sigmoid(2 * x) * (1 - 2 * v),
    ),
    (
        'type: "Clip" clip_param { min: -0.3 max: 0.4 }',
        lambda x: np.clip(x, -0.3, 0.4),
        lambda _x, _y, v: (v >= np.float32(-0.3)) & (v <= np.float32(0.4)),
    ),
    # these keep what they need for themselves
    (
        'type: "PReLU"',
        lambda x: np.where(x > 0, x, x / 4),
        lambda x, _y, _v: np.where(x > 0, 1, 0.25),
    ),
]


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize(("one", "value", "slope"), CASES, ids=[case[0] for case in CASES])
def test_a_layer_under_another_in_place(write, one, value, slope, held):
    net = caffe.Net(write(NET.format(one=one)), caffe.TEST)
    x = np.linspace(-2, 2, 18, dtype=np.float32).reshape(2, 9)
    net.blobs["x"].data[...] = x
    seen = net.blobs["a"].data if held else None
    net.forward()
    final = 0.5 * value(x) + 0.25
    np.testing.assert_allclose(net.blobs["a"].data, final, rtol=1e-5, atol=1e-6)
    assert seen is None or (seen == net.blobs["a"].data).all()
    diff = np.random.default_rng(0).normal(size=(2, 9)).astype(np.float32)
    net.blobs["a"].diff[...] = diff
    net.backward()
    wanted = diff * 0.5 * slope(x, value(x), final)
    np.testing.assert_allclose(net.blobs["x"].diff, wanted, rtol=1e-4, atol=1e-6)


def test_a_layer_whose_result_is_written_over_later(write):
    text = """force_backward: true
    layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 4 } } }
    layer { name: "tanh" type: "TanH" bottom: "x" top: "a" }
    layer { name: "power" type: "Power" bottom: "a" top: "a" power_param { shift: 0.5 } }"""
    net = caffe.Net(write(text), caffe.TEST)
    net.blobs["x"].data[...] = x = np.array([-1, 0, 0.5, 2], np.float32)
    net.forward()
    net.blobs["a"].diff[...] = 1
    net.backward()
    np.testing.assert_allclose(net.blobs["x"].diff, 1 - (np.tanh(x) + 0.5) ** 2, rtol=1e-5)


def test_scale_and_batch_norm_in_place_keep_their_bottom(write):
    text = """force_backward: true
    layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 6 dim: 3 } } }
    layer { name: "copy" type: "Power" bottom: "x" top: "a" }
    layer { name: "bn" type: "BatchNorm" bottom: "a" top: "a" }
    layer { name: "scale" type: "Scale" bottom: "a" top: "a" scale_param { bias_term: true } }"""
    apart = text.replace('"BatchNorm" bottom: "a" top: "a"', '"BatchNorm" bottom: "a" top: "b"')
    apart = apart.replace('"Scale" bottom: "a" top: "a"', '"Scale" bottom: "b" top: "c"')
    rng = np.random.default_rng(0)
    x, diff = (rng.normal(size=(6, 3)).astype(np.float32) for _ in range(2))
    found = []
    for spec, top in ((text, "a"), (apart, "c")):
        net = caffe.Net(write(spec), caffe.TRAIN)
        net.params["scale"][0].data[...] = [1, 2, 3]
        net.blobs["x"].data[...] = x
        _ = [blob.data for blob in net.blobs.values()]
        net.forward()
        net.blobs[top].diff[...] = diff
        net.backward()
        found.append((net.blobs["x"].diff.copy(), net.params["scale"][0].diff.copy()))
    for in_place, other in zip(*found, strict=True):
        np.testing.assert_allclose(in_place, other, rtol=1e-4, atol=1e-6)
