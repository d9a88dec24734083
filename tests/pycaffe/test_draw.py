"""caffe.draw: pictures by Caffe's names."""

import sys
from types import SimpleNamespace

import pytest
from google.protobuf import text_format

import catdog.pycaffe as caffe
from catdog.errors import CatdogError
from catdog.proto.caffe_pb2 import TEST, TRAIN, LayerParameter, NetParameter
from catdog.pycaffe import draw
from tests.pycaffe.nets import DEPLOY

CONVOLUTION = text_format.Parse(
    """name: "c1" type: "Convolution" param { lr_mult: 1 } param { lr_mult: 2 }
    convolution_param { num_output: 8 kernel_size: 5 stride: 2 }""",
    LayerParameter(),
)
POOLING = text_format.Parse(
    'name: "p1" type: "Pooling" pooling_param { pool: AVE kernel_size: 3 }', LayerParameter()
)


@pytest.fixture
def net():
    return text_format.Parse(
        DEPLOY + 'layer { name: "late" type: "ReLU" bottom: "prob" top: "late" '
        "include { phase: TRAIN } }",
        NetParameter(),
    )


def test_labels_of_layers():
    words = draw.get_layer_label(CONVOLUTION, "LR")
    assert words == '"c1\\n(Convolution)\\nkernel size: 5\\nstride: 2\\npad: 0"'
    words = draw.get_layer_label(CONVOLUTION, "TB", display_lrm=True)
    assert words == '"c1 (Convolution) kernel size: 5 stride: 2 pad: 0 lr mult: 1/2"'
    words = draw.get_layer_label(POOLING, "BT")
    assert words == '"p1 (Pooling AVE) kernel size: 3 stride: 1 pad: 0"'


def test_labels_of_edges_and_colours():
    assert draw.get_edge_label(CONVOLUTION) == "8"
    assert draw.get_edge_label(POOLING) == '""'
    data = LayerParameter(type="Data")
    data.data_param.batch_size = 32
    assert draw.get_edge_label(data) == "Batch 32"
    inner = LayerParameter(type="InnerProduct")
    inner.inner_product_param.num_output = 10
    assert draw.get_edge_label(inner) == "10"
    colours = {draw.choose_color_by_layertype(kind) for kind in ("Convolution", "Pooling", "ReLU")}
    assert len(colours) == 3
    assert draw.get_pooling_types_dict() == {0: "MAX", 1: "AVE", 2: "STOCHASTIC"}


def test_pictures(net, tmp_path):
    assert draw.draw_net(net, "LR").startswith(b"\x89PNG")
    text = draw.draw_net(net, "TB", ext="dot", phase=TEST).decode()
    assert "late" not in text and "prob" in text
    assert "late" in draw.draw_net(net, "TB", ext="dot", phase=TRAIN).decode()
    draw.draw_net_to_file(net, tmp_path / "net.svg")
    assert "<svg" in (tmp_path / "net.svg").read_text()


def test_a_graph_for_pydot(net, monkeypatch):
    made = []

    class Dot:
        def __init__(self, name, **_):
            self.name = name

        def add_node(self, node):
            made.append(node)

        def add_edge(self, edge):
            made.append(edge)

    pydot = SimpleNamespace(
        Dot=Dot, Node=lambda name, **_: name, Edge=lambda start, end, **_: (start, end)
    )
    monkeypatch.setitem(sys.modules, "pydot", pydot)
    assert draw.get_pydot_graph(net, "LR", phase=TEST).name == "deploy"
    assert "conv_Convolution" in made and ("data_blob", "conv_Convolution") in made
    assert ("prob_Softmax", "prob_blob") in made


def test_without_pydot_it_says_so(net, monkeypatch):
    monkeypatch.setitem(sys.modules, "pydot", None)
    with pytest.raises(CatdogError, match="pip install pydot, or use draw_net"):
        draw.get_pydot_graph(net, "LR")


def test_it_is_part_of_the_package():
    assert caffe.net_spec is not None and "Convolution" in caffe.layer_type_list()
