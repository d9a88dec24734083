import pytest
import torch

from catdog.engines.other_sizes import open_axes, resized, sizes_to_try
from catdog.errors import CatdogError, LayerError
from catdog.layers.base import Setting
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import NetParameter
from catdog.runtime.randomness import Randomness
from catdog.spec.read import parse_yaml

NET = """
layer:
- {name: in, type: Input, top: data, input_param: {shape: {dim: [1, 3, 32, 40]}}}
- {name: c, type: Convolution, bottom: data, top: c,
   convolution_param: {num_output: 2, kernel_size: 3, stride: 2, weight_filler: {type: xavier}}}
- {name: p, type: Pooling, bottom: c, top: p, pooling_param: {kernel_size: 3, stride: 2}}
"""
FC = "- {name: fc, type: InnerProduct, bottom: p, top: fc, inner_product_param: {num_output: 2}}\n"
RESHAPE = "- {name: r, type: Reshape, bottom: p, top: r, reshape_param: {shape: {dim: [%s]}}}\n"


def net_of(text: str) -> Net:
    message = NetParameter(name="n")
    parse_yaml(text, message, "net.yaml")
    return Net(message, setting=Setting(Randomness(0))).requires_grad_(False)


def test_axes_by_their_names():
    assert open_axes("batch, height,batch") == ("batch", "height")
    with pytest.raises(CatdogError, match='"widht"; did you mean "width"') as caught:
        open_axes("batch,widht")
    assert caught.value.where == "--dynamic"


def test_a_resized_net_has_the_same_parameters():
    net = net_of(NET)
    other = resized(net, {"batch": 1, "height": 5, "width": 16})
    assert other.inputs == {"data": (2, 3, 37, 56)}
    for one, two in zip(net.parameters(), other.parameters(), strict=True):
        assert one is two
    with torch.no_grad():
        found = other(torch.zeros(2, 3, 37, 56)).blobs["p"]
    assert tuple(found.shape) == other.shapes["p"]


def test_a_little_and_much_more_is_tried():
    assert sizes_to_try(net_of(NET), ()) == []
    found = sizes_to_try(net_of(NET), ("batch", "height", "width"))
    assert found == [
        {"batch": 1, "height": 64, "width": 1},
        {"batch": 1, "height": 1, "width": 64},
    ]


def test_multiples_are_found_where_a_net_takes_no_other():
    aligned = NET + (
        "- {name: u, type: Deconvolution, bottom: p, top: u,"
        " convolution_param: {num_output: 2, kernel_size: 3, stride: 2}}\n"
        "- {name: e, type: Eltwise, bottom: [c, u], top: e}\n"
    )
    assert sizes_to_try(net_of(aligned), ("height",)) == [{"height": 16}, {"height": 64}]


@pytest.mark.parametrize(
    ("more", "axis", "told"),
    [
        # one line more makes no other top, since windows are cut at the edge
        (FC, "height", r'"fc": \(InnerProduct\) needs height 32: with more it would have param'),
        (FC, "width", r'"fc": \(InnerProduct\) needs width 40'),
        (RESHAPE % "0, 2, 7, 9", "width", r'"r": \(Reshape\) needs width 40: with more it cannot'),
        (RESHAPE % "1, 126", "batch", r'"r": \(Reshape\) needs batch 1'),
    ],
)
def test_the_layer_that_fixes_an_axis_is_named(more, axis, told):
    with pytest.raises(LayerError, match=told) as caught:
        sizes_to_try(net_of(NET + more), (axis,))
    assert caught.value.remedy == f"leave {axis} out of --dynamic"


def test_inputs_that_are_no_pictures():
    flat = net_of(
        "layer:\n- {name: in, type: Input, top: d, input_param: {shape: {dim: [4, 3]}}}\n"
        "- {name: r, type: ReLU, bottom: d, top: r}\n"
    )
    assert sizes_to_try(flat, ("batch",)) == [{"batch": 1}, {"batch": 1}]
    with pytest.raises(CatdogError, match="net n: no input of the net has a height"):
        sizes_to_try(flat, ("height",))
