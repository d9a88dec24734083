"""Layers that run as one give what they give one by one."""

import numpy as np
import pytest

from catdog import opencv
from tests.opencv.cases import draw_weights, layer

CONV = "convolution_param { num_output: 6 kernel_size: 3 }"
WIDE = "convolution_param { num_output: 6 kernel_size: 3 stride: 4 }"
DEEP = "convolution_param { num_output: 6 kernel_size: 3 pad: 1 group: 6 bias_term: false }"
CHAINS = {
    "conv relu": [("Convolution", CONV), ("ReLU", "")],
    "conv leaky": [("Convolution", CONV), ("ReLU", "relu_param { negative_slope: 0.3 }")],
    "conv relu6": [("DepthwiseConvolution", DEEP), ("ReLU6", "")],
    "conv norm": [("Convolution", CONV), ("BatchNorm", "")],
    "conv norm scale relu": [
        ("Convolution", CONV),
        ("BatchNorm", ""),
        ("Scale", "scale_param { bias_term: true }"),
        ("ReLU", ""),
    ],
    "conv scale": [("ConvolutionDepthwise", DEEP), ("Scale", "")],
    "a window beyond the padding": [("Convolution", WIDE), ("ReLU", "")],
    "norm scale relu": [("BatchNorm", ""), ("Scale", ""), ("ReLU", "")],
    "norm relu6": [("BatchNorm", ""), ("ReLU6", "")],
    "norm of the batch": [
        ("Convolution", CONV),
        ("BatchNorm", "batch_norm_param { use_global_stats: false }"),
        ("ReLU", ""),
    ],
    "scale along another axis": [("Convolution", CONV), ("Scale", "scale_param { axis: 2 }")],
    "deconv relu": [("Deconvolution", CONV), ("ReLU", "")],
}


def read(tmp_path, lines):
    text = tmp_path / "net.prototxt"
    shape = "dim: 2 dim: 6 dim: 9 dim: 10"
    text.write_text("\n".join([f'input: "data" input_shape {{ {shape} }}', *lines]))
    draw_weights(text, tmp_path / "net.caffemodel", 4)
    net = opencv.readNetFromCaffe(text, tmp_path / "net.caffemodel")
    net.setInput(np.random.default_rng(2).normal(size=(2, 6, 9, 10)) * 4)
    return net


@pytest.mark.filterwarnings("ignore:.*use_global_stats")
@pytest.mark.parametrize("chain", CHAINS)
def test_together_and_one_by_one(chain, tmp_path):
    layers = CHAINS[chain]
    names = ["data", *(f"l{number}" for number in range(len(layers)))]
    lines = [
        layer(kind, fields, bottom=names[number], top=names[number + 1])
        for number, (kind, fields) in enumerate(layers)
    ]
    net = read(tmp_path, lines)
    together = net.forward()
    one_by_one = net.forward(names[1:])[-1]
    np.testing.assert_allclose(together, one_by_one, rtol=1e-5, atol=1e-5)
    assert np.abs(one_by_one).max() > 0.1
    ran = np.count_nonzero(net.getPerfProfile()[1])
    assert ran == len(layers)


def test_what_others_read_is_made(tmp_path):
    net = read(
        tmp_path,
        [
            layer("Convolution", CONV, top="conv"),
            layer("ReLU", bottom="conv", top="positive"),
            layer("Eltwise", bottom="conv positive", top="sum"),
        ],
    )
    conv = net.forward("conv")
    wanted = conv + np.maximum(conv, 0)
    np.testing.assert_allclose(net.forward(), wanted, rtol=1e-5, atol=1e-5)


def test_parameters_that_are_set_later_count(tmp_path):
    lines = [layer("Convolution", CONV, top="conv"), layer("BatchNorm", bottom="conv", top="norm")]
    net = read(tmp_path, lines)
    before = net.forward()
    net.setParam("norm", 1, net.getParam("norm", 1) * 4)
    np.testing.assert_allclose(net.forward(), before / 2, rtol=1e-4, atol=1e-4)


def test_layers_that_ran_together_have_the_time_of_the_first(tmp_path):
    lines = [layer("Convolution", CONV, top="conv"), layer("ReLU", bottom="conv", top="relu")]
    net = read(tmp_path, lines)
    net.forward()
    first, second = net.getPerfProfile()[1]
    assert first > 0 == second
