import pytest
from google.protobuf import text_format

from catdog.data.sources import SOURCES
from catdog.layers import LAYERS
from catdog.net.net import Net
from catdog.net.unused_fields import messages_of, unread, unused_tops
from catdog.proto.caffe_pb2 import LayerParameter, NetParameter

TYPES = [*LAYERS, *SOURCES, "Input"]


def test_a_message_of_another_type_is_told():
    net = text_format.Parse(
        """
        layer { name: "a" type: "ReLU" relu_param { negative_slope: 1 } pooling_param { pad: 1 } }
        layer { name: "b" type: "SoftmaxWithLoss" loss_param { } softmax_param { } }
        layer { name: "c" type: "Split" param { } loss_param { } }
        """,
        NetParameter(),
    )
    assert list(unread(net)) == [
        'layer "a" (ReLU) does not look at pooling_param',
        'layer "c" (Split) does not look at loss_param',
    ]


def test_what_is_only_for_datums_is_told():
    net = text_format.Parse(
        """
        layer { name: "a" type: "MemoryData" top: "d" transform_param { scale: 0.5 } }
        layer { name: "b" type: "MemoryData" top: "e" }
        """,
        NetParameter(),
    )
    (line,) = unread(net)
    assert line.startswith('layer "a" (MemoryData) applies its transform_param to Datums')


FIELDS = LayerParameter.DESCRIPTOR.fields_by_name


def test_every_message_has_a_reader():
    messages = {
        field.name for field in LayerParameter.DESCRIPTOR.fields if field.name.endswith("_param")
    }
    read = {message for kind in TYPES for message in messages_of(kind)}
    assert read <= messages
    # those of forks, until their layers are here
    assert all(FIELDS[name].number >= 200 for name in messages - read)


@pytest.mark.parametrize("kind", ["AbsVal", "BNLL", "EuclideanLoss", "Filter", "LSTMUnit"])
def test_types_without_a_message(kind):
    assert messages_of(kind) == ()


HEADS = """
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
  inner_product_param { num_output: 2 } }
layer { name: "more" type: "InnerProduct" bottom: "data" top: "more"
  inner_product_param { num_output: 500 } }
"""
RESULTS = """
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" top: "prob" }
layer { name: "accuracy" type: "Accuracy" bottom: "ip" bottom: "label" top: "accuracy" top: "each" }
layer { name: "sum" type: "Reduction" bottom: "ip" top: "sum" loss_weight: 0.1 }
"""


def unused(text: str) -> list[str]:
    data = LayerParameter(name="d", type="Data", top=["data", "label", "weight"])
    inputs = {"data": (4, 3), "label": (4,), "weight": (4,)}
    net = Net(text_format.Parse(text, NetParameter()), inputs=inputs, fill=False)
    return list(unused_tops(net, [data]))


def test_a_top_that_nobody_reads_is_told():
    assert unused(HEADS + RESULTS) == [
        'top "more" of layer "more" (InnerProduct) is not used',
        'top "prob" of layer "loss" (SoftmaxWithLoss) is not used',
        'top "weight" of layer "d" (Data) is not used',
    ]


def test_a_net_without_a_result_is_for_its_tops():
    assert unused(HEADS) == []
