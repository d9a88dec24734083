"""Cutting the data layers out of a net."""

from google.protobuf import text_format

from catdog.data.sources import SOURCES
from catdog.proto.caffe_pb2 import NetParameter
from catdog.spec.data_layers import DATA_LAYERS, cut_data_layers

NET = """
name: "n" state { phase: TEST }
layer { name: "d" type: "Data" top: "data" top: "label" }
layer { name: "i" type: "Input" top: "x" input_param { shape { dim: 1 } } }
layer { name: "c" type: "Constant" bottom: "data" top: "y" }
layer { name: "r" type: "DummyData" top: "z" }
"""


def test_cut():
    net = text_format.Parse(NET, NetParameter())
    before = net.SerializeToString()
    layers, rest = cut_data_layers(net)
    assert [layer.name for layer in layers] == ["d", "r"]
    assert [layer.name for layer in rest.layer] == ["i", "c"]
    assert rest.name == "n" and rest.state == net.state
    assert net.SerializeToString() == before


def test_every_data_layer_of_caffe_has_a_source():
    assert set(SOURCES) == DATA_LAYERS
