import pytest
from google.protobuf import text_format

from catdog.data.sources import SOURCES
from catdog.layers import LAYERS
from catdog.net.unused_fields import messages_of, unread
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


def test_every_message_has_a_reader():
    messages = {
        field.name for field in LayerParameter.DESCRIPTOR.fields if field.name.endswith("_param")
    }
    assert messages == {message for kind in TYPES for message in messages_of(kind)}


@pytest.mark.parametrize("kind", ["AbsVal", "BNLL", "EuclideanLoss", "Filter", "LSTMUnit"])
def test_types_without_a_message(kind):
    assert messages_of(kind) == ()
