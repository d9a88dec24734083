"""Small nets and their weights for tests of weight files."""

from pathlib import Path

import numpy as np
from google.protobuf import text_format

from catdog.layers.base import Setting
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import NetParameter
from catdog.runtime.randomness import Randomness
from catdog.weights import Weights

FORMATS = Path(__file__).parent.parent / "goldens" / "formats"

PLAIN = """
name: "plain"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 } } }
layer { name: "block/a" type: "InnerProduct" bottom: "data" top: "a"
  inner_product_param { num_output: 4 weight_filler { type: "xavier" } } }
layer { name: "relu" type: "ReLU" bottom: "a" top: "a" }
layer { name: "b" type: "InnerProduct" bottom: "a" top: "b"
  inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
"""

#: "right" has the weight of "left" and a bias of its own; "third" has all of "left".
SHARED = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 } } }
layer { name: "left" type: "InnerProduct" bottom: "data" top: "left"
  param { name: "w" } param { name: "b" }
  inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
layer { name: "right" type: "InnerProduct" bottom: "data" top: "right" param { name: "w" }
  inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
layer { name: "third" type: "InnerProduct" bottom: "data" top: "third"
  param { name: "w" } param { name: "b" }
  inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
"""


def text(content: str) -> NetParameter:
    return text_format.Parse(content, NetParameter())


def net(content: str = PLAIN, seed: int = 0) -> Net:
    return Net(text(content), setting=Setting(Randomness(seed)))


def flat(weights: Weights) -> dict[str, np.ndarray]:
    """Every array by `<layer>:<i>`."""
    return {
        f"{layer}:{i}": array
        for layer, arrays in weights.blobs.items()
        for i, array in enumerate(arrays)
        if array is not None
    }


def assert_same(found: Weights, expected: Weights) -> None:
    assert flat(found).keys() == flat(expected).keys()
    for name, array in flat(expected).items():
        assert flat(found)[name].shape == array.shape
        np.testing.assert_array_equal(flat(found)[name], array)
