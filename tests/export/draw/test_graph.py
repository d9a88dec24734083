"""Nets as boxes and arrows."""

from google.protobuf import text_format

from catdog.export.draw.graph import Arrow, graph_of
from catdog.export.draw.words import colour, details
from catdog.proto.caffe_pb2 import LayerParameter, NetParameter

NET = """
layer { name: "train" type: "Data" top: "data" top: "label" data_param { batch_size: 8 } }
layer { name: "test" type: "Data" top: "data" top: "label" }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" param { lr_mult: 0.5 }
  convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "bn" type: "BatchNorm" bottom: "conv" top: "conv" }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "sum" type: "Eltwise" bottom: "conv" bottom: "conv" top: "sum" }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "sum" bottom: "label" top: "loss" }
"""


def graph(**arguments):
    return graph_of(text_format.Parse(NET, NetParameter()), **arguments)


def test_layers_in_place_stand_in_the_box_of_the_one_they_change():
    names = [[row.name for row in box.rows] for box in graph().boxes]
    assert names == [["train"], ["test"], ["conv", "bn", "relu"], ["sum"], ["loss"]]


def test_arrows_come_from_all_that_make_a_blob():
    assert graph().arrows == [
        *(Arrow(0, 2, "data"), Arrow(1, 2, "data")),
        *(Arrow(2, 3), Arrow(3, 4), Arrow(0, 4, "label"), Arrow(1, 4, "label")),
    ]


def test_sizes_and_rates_where_they_are_asked_for():
    found = graph(shapes={"data": (8, 3, 9, 9), "conv": (8, 4, 7, 7), "loss": ()}, show_rates=True)
    assert [box.size for box in found.boxes] == [
        *("8 × 3 × 9 × 9", "8 × 3 × 9 × 9", "8 × 4 × 7 × 7", "", ""),
    ]
    assert found.boxes[2].rows[0].text == "Convolution  4 @ 3×3  lr × 0.5"
    assert graph().boxes[0].rows[0].text == "Data  batch 8"


def told(text):
    return details(text_format.Parse(text, LayerParameter()))


def test_the_numbers_that_a_reader_looks_for():
    full = """num_output: 8 kernel_size: 5 stride: 2 pad: 1 dilation: 2 group: 4"""
    told_full = told(f'type: "Convolution" convolution_param {{ {full} }}')
    assert told_full == "8 @ 5×5, stride 2, pad 1, dilation 2, group 4"
    sides = "num_output: 8 kernel_h: 1 kernel_w: 7 pad_w: 3 stride: 1"
    assert told(f'type: "Convolution" convolution_param {{ {sides} }}') == "8 @ 1×7, pad 0×3"
    pool = 'type: "Pooling" pooling_param { pool: AVE kernel_size: 3 stride: 2 }'
    assert told(pool) == "AVE 3×3, stride 2"
    assert told('type: "Pooling" pooling_param { global_pooling: true }') == "MAX, global"
    assert told('type: "InnerProduct" inner_product_param { num_output: 10 }') == "10"
    assert told('type: "Eltwise" eltwise_param { operation: PROD }') == "PROD"
    assert told('type: "Dropout"') == "0.5"
    assert told('type: "Softmax"') == told('type: "Unheard"') == ""


def test_families_have_their_colours():
    assert colour("Convolution") == colour("Deconvolution") != colour("Pooling")
    assert colour("SoftmaxWithLoss") == colour("Accuracy") == colour("EuclideanLoss")
    assert colour("Unheard") not in (colour("Convolution"), colour("Accuracy"))
