"""A layer that writes over its bottom gives the numbers and gradients of one that does not."""

import pytest
import torch
import torch.nn.functional as F
from google.protobuf import text_format

from catdog.layers import LAYERS
from catdog.layers.base import Setting
from catdog.proto.caffe_pb2 import LayerParameter
from catdog.runtime.randomness import Randomness
from tests.layers.single import build, numbers

SHAPE = (4, 3, 5, 5)
IN_PLACE = [kind for kind, layer in LAYERS.items() if layer.may_run_in_place]
FIELDS = [
    'type: "ReLU" relu_param { negative_slope: 0.25 }',
    'type: "ReLU" relu_param { negative_slope: -0.25 }',
    'type: "ELU" elu_param { alpha: 0 }',
    'type: "ELU" elu_param { alpha: -1.5 }',
    'type: "Dropout" dropout_param { dropout_ratio: 0 }',
]
NEEDED = {"Clip": "clip_param { min: -0.5 max: 1 }"}
TEXTS = [f'type: "{kind}" {NEEDED.get(kind, "")}' for kind in IN_PLACE] + FIELDS


def after_convolution(text, top, training):
    """Output of convolution and layer, the gradients, and whether it lies where the bottom lay."""
    param = LayerParameter(name="test", bottom=["b"], top=[top])
    text_format.Parse(text, param)
    layer = LAYERS[param.type](param, [SHAPE], Setting(randomness=Randomness(3)))
    layer.train(training)
    layer.blobs.fill(Randomness(3))
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(4, 2, 5, 5, generator=draw).requires_grad_()
    weight = torch.randn(3, 2, 3, 3, generator=draw).requires_grad_()
    bottom = F.conv2d(x, weight, padding=1)
    address = bottom.data_ptr()
    out = layer(bottom)
    sources = [x, weight, *(blob for blob in layer.blobs if blob.requires_grad)]
    gradients = torch.autograd.grad(
        out, sources, torch.randn(out.shape, generator=draw), allow_unused=True
    )
    return out, gradients, layer.in_place and out.data_ptr() == address


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("text", TEXTS)
def test_in_place_is_the_same(text, training):
    expected, wanted, _ = after_convolution(text, "t", training)
    out, gradients, _ = after_convolution(text, "b", training)
    assert torch.equal(out, expected)
    for gradient, other in zip(gradients, wanted, strict=True):
        torch.testing.assert_close(gradient, other)


@pytest.mark.parametrize("kind", IN_PLACE)
def test_in_place_needs_no_memory(kind):
    text = f'type: "{kind}" {NEEDED.get(kind, "")}'
    assert after_convolution(text, "b", True)[2]
    assert not after_convolution(text, "t", True)[2]


OVERWRITTEN = [
    'type: "PReLU"',
    'type: "AbsVal"',
    'type: "Power" power_param { power: 2 shift: 1 }',
    'type: "Power"',
    'type: "Log" log_param { shift: 9 }',
    'type: "BNLL"',
    'type: "Swish"',
    'type: "Swish" swish_param { beta: 2 }',
    'type: "Clip" clip_param { min: -1 max: 1 }',
    'type: "Concat"',
    'type: "Tile" tile_param { tiles: 1 }',
    'type: "Eltwise"',
    'type: "Eltwise" eltwise_param { operation: MAX }',
    'type: "Eltwise" eltwise_param { operation: PROD }',
    'type: "Eltwise" eltwise_param { operation: PROD stable_prod_grad: false }',
    'type: "Reduction" reduction_param { axis: 1 operation: SUMSQ }',
    'type: "Reduction" reduction_param { axis: 1 operation: ASUM }',
    'type: "Reduction" reduction_param { axis: 1 operation: MEAN }',
    'type: "BatchReindex"',
    'type: "Filter"',
]


def overwritten(text, in_place):
    """Gradients of the bottoms below a tanh of the top, and what the bottoms hold afterwards."""
    bottoms = [numbers(3, 4, seed=seed, grad=True) for seed in range(1 + ("Eltwise" in text))]
    choice = [torch.tensor([2.0, 0.0, 1.0])] if "BatchReindex" in text or "Filter" in text else []
    layer = build(text, *[(3, 4)] * len(bottoms), *[(3,)] * len(choice)).double()
    assert layer.top_may_be_overwritten
    # a leaf may not be written over, so that a top that is its bottom would be found here too
    top = layer(*bottoms, *choice)
    top = top[0] if isinstance(top, tuple) else top
    top = torch.tanh_(top) if in_place else torch.tanh(top)
    return torch.autograd.grad(top.square().sum(), bottoms), [b.detach() for b in bottoms]


@pytest.mark.parametrize("text", OVERWRITTEN)
def test_what_may_be_overwritten(text):
    for found, expected in zip(overwritten(text, True), overwritten(text, False), strict=True):
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("kind", ["Split", "Flatten", "Reshape", "Slice", "Crop", "Parameter"])
def test_views_may_not_be_overwritten(kind):
    assert not LAYERS[kind].top_may_be_overwritten
