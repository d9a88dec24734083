import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from catdog.net.net import Net
from catdog.net.summary import summarize, table
from catdog.proto.caffe_pb2 import TEST, TRAIN, NetParameter
from catdog.spec import filter_net, net_state, read_net
from catdog.spec.data_layers import cut_data_layers
from catdog.spec.read import parse_yaml

INPUT = "layer:\n- {name: d, type: Input, top: d, input_param: {shape: {dim: [%s]}}}\n"
CONT = "- {name: c, type: Input, top: c, input_param: {shape: {dim: [4, 3]}}}\n"
STATIC = "- {name: s, type: Input, top: s, input_param: {shape: {dim: [3, 2, 4]}}}\n"
FILLERS = "weight_filler: {type: xavier}"


def net_of(text, phase=TEST, fill=False, **arguments):
    message = NetParameter()
    parse_yaml(text, message, "net.yaml")
    return Net(filter_net(message, net_state(phase)), fill=fill, **arguments)


LAYERS = {
    "conv": (
        INPUT % "2, 6, 9, 8",
        "{type: Convolution, bottom: d, convolution_param: {num_output: 4, group: 2, "
        "kernel_h: 3, kernel_w: 2, stride: 2, pad: 1}}",
        2 * 4 * 5 * 5 * 3 * 3 * 2,
    ),
    "conv_3d": (
        INPUT % "2, 2, 5, 6, 7",
        "{type: Convolution, bottom: d, convolution_param: {num_output: 3, kernel_size: 3}}",
        2 * 3 * 3 * 4 * 5 * 2 * 27,
    ),
    "deconv": (
        INPUT % "2, 6, 4, 5",
        "{type: Deconvolution, bottom: d, convolution_param: {num_output: 4, group: 2, "
        "kernel_size: 3, stride: 2}}",
        2 * 6 * 4 * 5 * 2 * 9,
    ),
    "fc": (
        INPUT % "3, 2, 4, 5",
        "{type: InnerProduct, bottom: d, inner_product_param: {num_output: 7}}",
        3 * 7 * 40,
    ),
    "fc_on_axis_2_transposed": (
        INPUT % "3, 2, 4, 5",
        "{type: InnerProduct, bottom: d, inner_product_param: {num_output: 7, axis: 2, "
        "transpose: true}}",
        3 * 2 * 7 * 20,
    ),
    "lstm": (
        INPUT % "4, 3, 5" + CONT,
        "{type: LSTM, bottom: [d, c], recurrent_param: {num_output: 6}}",
        4 * 3 * (5 * 24 + 6 * 24),
    ),
    "lstm_static": (
        INPUT % "4, 3, 5" + CONT + STATIC,
        "{type: LSTM, bottom: [d, c, s], recurrent_param: {num_output: 6}}",
        4 * 3 * (5 * 24 + 6 * 24) + 3 * 8 * 24,
    ),
    "rnn_static": (
        INPUT % "4, 3, 5" + CONT + STATIC,
        "{type: RNN, bottom: [d, c, s], recurrent_param: {num_output: 6}}",
        4 * 3 * (5 * 6 + 6 * 6 + 6 * 6) + 3 * 8 * 6,
    ),
    "pool": (
        INPUT % "2, 6, 9, 8",
        "{type: Pooling, bottom: d, pooling_param: {kernel_size: 2}}",
        0,
    ),
}


@pytest.mark.parametrize("name", LAYERS)
def test_multiply_adds_by_hand_and_by_the_counter_of_torch(name):
    inputs, layer, wanted = LAYERS[name]
    text = f"{inputs}- {{name: l, top: l, {layer[1:]}"
    row = summarize(net_of(text)).rows[-1]
    assert row.multiply_adds == wanted
    net = net_of(text, fill=True)
    batch = {name: torch.zeros(shape) for name, shape in net.inputs.items()}
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(batch)
    # it counts a multiply-add as two
    assert counter.get_total_flops() == 2 * wanted


@pytest.mark.parametrize(
    ("path", "size", "parameters"),
    [("net_specs/deep64.yaml", 64, 6_306_002), ("net_specs/caffenet.yaml", 227, 56_876_418)],
)
def test_parameters_of_shipped_nets(path, size, parameters, request):
    spec = read_net(request.config.rootpath / path)
    _, rest = cut_data_layers(filter_net(spec.message, net_state(TRAIN)))
    inputs = {"data": (2, 3, size, size), "label": (2,)}
    found = summarize(Net(rest, inputs=inputs, fill=False))
    assert found.parameters == parameters
    assert found.batch == 2


SHARED = (
    INPUT
    % "2, 3"
    + "- {name: a, type: InnerProduct, bottom: d, top: a, param: [{name: w}, {name: b}], "
    "inner_product_param: {num_output: 3}}\n"
    "- {name: b, type: InnerProduct, bottom: a, top: b, param: [{name: w}, {name: b}], "
    "inner_product_param: {num_output: 3}}\n"
    "- {name: relu, type: ReLU, bottom: b, top: b}\n"
)


def test_shared_parameters_count_once_and_in_place_blobs_too():
    found = summarize(net_of(SHARED))
    assert [row.parameters for row in found.rows] == [0, 12, 0, 0]
    assert found.blob_bytes == 4 * 3 * 2 * 3


def test_the_table():
    assert table(summarize(net_of(SHARED))) == (
        "layer  type          output  parameters  multiply-adds\n"
        "------------------------------------------------------\n"
        "d      Input         2x3\n"
        "a      InnerProduct  2x3             12             18\n"
        "b      InnerProduct  2x3                            18\n"
        "relu   ReLU          2x3\n"
        "------------------------------------------------------\n"
        "total parameters: 12 (0.00 MB)\n"
        "total multiply-adds: 36 for a batch of 2, 18 for one\n"
        "blobs of a forward pass: 0.00 MB"
    )
