"""One layer by itself, from the text of its LayerParameter."""

from typing import Any

import torch
from google.protobuf import text_format
from torch import Tensor

from catdog.layers import make_layer
from catdog.layers.base import Layer, Setting
from catdog.proto.caffe_pb2 import LayerParameter
from catdog.runtime.randomness import Randomness
from catdog.spec.shape import Shape


def build(text: str, *shapes: Shape, tops: int = 1, training: bool = False) -> Layer:
    """A filled layer `test` of `type: ...` with bottoms b0, b1 ... and tops t0, t1 ..."""
    param = LayerParameter(name="test")
    text_format.Parse(text, param)
    if not param.bottom:
        param.bottom.extend(f"b{i}" for i in range(len(shapes)))
    if not param.top:
        param.top.extend(f"t{i}" for i in range(tops))
    layer = make_layer(param, shapes, Setting(randomness=Randomness(1)))
    layer.train(training)
    layer.blobs.fill(Randomness(1))
    return layer


def run(text: str, *bottoms: Tensor, **how: Any) -> Any:
    """The tops of a layer that is built for these bottoms."""
    return build(text, *(tuple(bottom.shape) for bottom in bottoms), **how)(*bottoms)


def numbers(*shape: int, seed: int = 0, grad: bool = False) -> Tensor:
    """Normal random numbers in float64, fit for finite differences."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_(grad)
