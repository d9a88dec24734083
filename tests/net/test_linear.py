"""Twice the layers are twice the work: nothing looks at all layers for each layer."""

import sys

import pytest

from catdog.net.net import Net
from catdog.proto.caffe_pb2 import LayerParameter, NetParameter


def chain(count, kind):
    """So many layers after each other; in place, or ReLU and pooling in turn."""
    layers = []
    for number in range(count):
        bottom, top = ("x", "x") if "in place" in kind else (f"b{number}", f"b{number + 1}")
        layer = LayerParameter(name=f"l{number}", type="ReLU", bottom=[bottom], top=[top])
        if kind == "sigmoids in place":
            layer.type = "Sigmoid"
        if kind == "pooled" and number % 2:
            layer.type = "Pooling"
            layer.pooling_param.kernel_size = 1
        layers.append(layer)
    return NetParameter(layer=layers), {layers[0].bottom[0]: (1, 1, 2, 2)}


def steps(count, kind):
    """Lines of Python that building a net runs."""
    message, inputs = chain(count, kind)
    ran = 0

    def trace(*_):
        nonlocal ran
        ran += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        Net(message, inputs=inputs, fill=False)
    finally:
        sys.settrace(before)
    return ran


@pytest.mark.parametrize("kind", ["after each other", "in place", "sigmoids in place", "pooled"])
def test_twice_the_layers_are_twice_the_work(kind):
    steps(10, kind)
    few, many = steps(300, kind), steps(600, kind)
    assert many < 2.1 * few
