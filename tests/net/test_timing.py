import pytest

from catdog.errors import CatdogError
from catdog.net.net import Net
from catdog.net.timing import LayerTimes, Times, lines, time_net
from catdog.proto.caffe_pb2 import TEST, TRAIN, NetParameter
from catdog.spec import filter_net, net_state
from catdog.spec.read import parse_yaml

NET = """
layer:
- {name: in, type: Input, top: [data, label], input_param: {shape: [{dim: [2, 3, 6, 6]}, {dim: 2}]}}
- {name: conv, type: Convolution, bottom: data, top: conv,
   convolution_param: {num_output: 4, kernel_size: 3}}
- {name: relu, type: ReLU, bottom: conv, top: conv}
- {name: drop, type: Dropout, bottom: conv, top: conv}
- {name: fc, type: InnerProduct, bottom: conv, top: fc, inner_product_param: {num_output: 3}}
- {name: accuracy, type: Accuracy, bottom: [fc, label], top: accuracy}
- {name: loss, type: SoftmaxWithLoss, bottom: [fc, label], top: loss}
"""


def net_of(text, phase=TRAIN):
    message = NetParameter()
    parse_yaml(text, message, "net.yaml")
    return Net(filter_net(message, net_state(phase)))


@pytest.mark.parametrize("phase", [TRAIN, TEST])
def test_every_layer_has_a_forward_and_those_under_the_loss_a_backward(phase):
    times = time_net(net_of(NET, phase), 3)
    assert [layer.name for layer in times.layers] == [
        "conv", "relu", "drop", "fc", "accuracy", "loss"
    ]  # fmt: skip
    assert all(len(layer.forward) == 3 for layer in times.layers)
    assert [len(layer.backward) for layer in times.layers] == [3, 3, 3, 3, 0, 3]
    assert len(times.forward) == len(times.backward) == 3
    assert all(taken > 0 for layer in times.layers for taken in layer.forward + layer.backward)


def test_a_net_without_a_loss_has_no_backward():
    text = "".join(line for line in NET.splitlines(keepends=True) if "loss" not in line)
    times = time_net(net_of(text), 1)
    assert not times.backward
    assert not any(layer.backward for layer in times.layers)


def test_no_gradient_is_left_behind():
    net = net_of(NET)
    time_net(net, 1)
    assert all(parameter.grad is None for parameter in net.parameters())


def test_less_than_one_iteration():
    with pytest.raises(CatdogError, match="--iterations"):
        time_net(net_of(NET), 0)


def test_caffes_lines():
    layers = [LayerTimes("conv1", [1, 9, 2], [3, 4, 5]), LayerTimes("accuracy", [0.25])]
    assert list(lines(Times(layers, [10, 12, 20], [1, 2, 3]))) == [
        "Average time per layer (medians): ",
        "     conv1\tforward: 2 ms.",
        "     conv1\tbackward: 4 ms.",
        "  accuracy\tforward: 0.25 ms.",
        "Average Forward pass: 14 ms (median 12 ms).",
        "Average Backward pass: 2 ms (median 2 ms).",
        "Average Forward-Backward: 16 ms (median 14 ms).",
        "Total Time: 48 ms.",
    ]
