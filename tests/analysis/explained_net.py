"""A net whose heat maps can be written down, as weights that carry how photos are prepared."""

from pathlib import Path

from google.protobuf import text_format

from catdog.layers.base import Setting
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import DatasetParameter, NetParameter
from catdog.runtime.randomness import Randomness
from catdog.weights import weights_of, write_weights

SIDE, CHANNELS, CLASSES = 8, 4, ("cat", "dog", "fox")
_DATA = """layer { name: "data" type: "Input" top: "data" transform_param { scale: 0.01 }
  input_param { shape { dim: 1 dim: %d dim: 8 dim: 8 } } }"""
CONVOLUTION = """
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" convolution_param {
  num_output: 4 kernel_size: 3 weight_filler { type: "gaussian" std: 0.5 } } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
"""
#: A layer of scores, and what makes probabilities of them.
HEAD = """
layer { name: "%(blob)s_score" type: "InnerProduct" bottom: "%(bottom)s" top: "%(blob)s_score"
  inner_product_param { num_output: %(count)d weight_filler { type: "gaussian" std: 0.5 } } }
layer { name: "%(blob)s" type: "%(kind)s" bottom: "%(blob)s_score" top: "%(blob)s" }
"""
SOFTMAX = HEAD % {"blob": "prob", "bottom": "conv", "count": 3, "kind": "Softmax"}


def write_net(
    path: Path,
    layers: str = CONVOLUTION + SOFTMAX,
    *,
    names: tuple[str, ...] = CLASSES,
    order: str = "BGR",
) -> Path:
    """The weights of a net with these layers on photos of SIDE x SIDE."""
    net = NetParameter()
    net.dataset.width = net.dataset.height = SIDE
    net.dataset.class_name.extend(names)
    net.dataset.channel_order = DatasetParameter.ChannelOrder.Value(order)
    text_format.Parse(_DATA % (1 if order == "GRAY" else 3) + layers, net.deploy)
    write_weights(path, weights_of(Net(net.deploy, setting=Setting(Randomness(5))), net))
    return path
