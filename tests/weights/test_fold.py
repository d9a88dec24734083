"""Batch normalisation folded into the layer before: what can be, what must stay."""

import numpy as np
import pytest
import torch
from google.protobuf import text_format

from catdog.errors import WeightsError
from catdog.layers.base import Setting
from catdog.net.batch_statistics import for_single_photos
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import NetParameter
from catdog.runtime.randomness import Randomness
from catdog.weights import Weights, copy_weights, fold_net, fold_weights, weights_of
from catdog.weights.fold import folded_by_stored

INPUT = """
state { phase: TEST }
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: [2, 3, 6, 6] } } }
"""
CONV = """
layer { name: "c" type: "Convolution" bottom: "data" top: "c"
  convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: "xavier" }
    bias_term: %s bias_filler { type: "gaussian" } } }
"""
NORM = 'layer { name: "n" type: "BatchNorm" bottom: "%s" top: "%s" batch_norm_param { %s } }\n'
SCALE = """layer { name: "s" type: "Scale" bottom: "%s" top: "%s"
  scale_param { filler { type: "gaussian" } %s } }
"""
DENSE = """
layer { name: "c" type: "InnerProduct" bottom: "data" top: "c"
  inner_product_param { num_output: 4 weight_filler { type: "xavier" } } }
"""
BIAS = 'bias_term: true bias_filler { type: "gaussian" }'

FOLDED = {
    "in place": CONV % "false" + NORM % ("c", "c", "") + SCALE % ("c", "c", BIAS),
    "with a bias": CONV % "true" + NORM % ("c", "c", "eps: 0.01") + SCALE % ("c", "c", BIAS),
    "tops of their own": CONV % "true" + NORM % ("c", "n", "") + SCALE % ("n", "s", BIAS),
    "without an offset": CONV % "true" + NORM % ("c", "n", "") + SCALE % ("n", "s", ""),
    "without a scale": CONV % "true" + NORM % ("c", "n", "use_global_stats: true"),
    "inner product": DENSE + NORM % ("c", "n", "") + SCALE % ("n", "s", BIAS),
}
RELU = 'layer { name: "r" type: "ReLU" bottom: "%s" top: "r" }\n'


def net_of(text: str) -> Net:
    """A net with statistics of its own."""
    net = Net(text_format.Parse(INPUT + text, NetParameter()), setting=Setting(Randomness(0)))
    generator = torch.Generator().manual_seed(0)
    for node in net:
        if node.type in ("BatchNorm", "BN"):
            for blob in node.layer.blobs:
                blob.data.uniform_(0.5, 2, generator=generator)
    return net


def outputs(net: Net) -> list[torch.Tensor]:
    data = torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(1))
    blobs = net({"data": data}).blobs
    return [blobs[name] for name in sorted(blobs)]


BN = 'layer { name: "n" type: "BN" bottom: "c" top: "n" bn_param { %s } }\n'
DEPTHWISE = """
layer { name: "c" type: "%s" bottom: "data" top: "c" convolution_param { num_output: 3
  kernel_size: 3 %s weight_filler { type: "gaussian" } bias_filler { type: "gaussian" } } }
"""
#: Of forks of Caffe.
FOLDED |= {
    "NVIDIA's": CONV % "true" + NORM % ("c", "n", "scale_bias: true eps: 1e-8"),
    "NVIDIA's, a scale after it": CONV % "true"
    + NORM % ("c", "n", "scale_bias: true use_global_stats: false")
    + SCALE % ("n", "s", BIAS),
    "Intel's": CONV % "false" + NORM % ("c", "n", "engine: MKLDNN"),
    "Intel's without a bias": CONV % "true" + NORM % ("c", "n", "bias_term: false eps: 0.1"),
    "PSPNet's": CONV % "true" + BN % "eps: 0.1",
    "PSPNet's, frozen": DENSE + BN % "frozen: true",
    "SegNet's": CONV % "true" + BN % "bn_mode: INFERENCE",
    "depthwise": DEPTHWISE % ("ConvolutionDepthwise", "group: 1") + BN % "eps: 0.1",
    "depthwise with groups": DEPTHWISE % ("DepthwiseConvolution", "group: 3")
    + NORM % ("c", "n", ""),
}


@pytest.mark.parametrize("text", FOLDED.values(), ids=list(FOLDED))
def test_a_folded_net_gives_the_same(text):
    last = "s" if '"s"' in text.split("top")[-1] else "n" if '"n"' in text.split("top")[-1] else "c"
    net = net_of(text + RELU % last)
    folded = fold_net(net.message)
    assert [layer.type for layer in folded.layer if layer.type != "Input"][1:] == ["ReLU"]
    again = Net(folded)
    copy_weights(again, fold_weights(weights_of(net)), strict=True)
    torch.testing.assert_close(outputs(again), outputs(net))


def test_statistics_that_were_never_gathered_count_as_zero():
    net = net_of(FOLDED["in place"])
    net.node("n").layer.blobs[2].data.zero_()
    again = Net(fold_net(net.message))
    copy_weights(again, fold_weights(weights_of(net)), strict=True)
    # the outputs are some hundred times the inputs
    torch.testing.assert_close(outputs(again), outputs(net), rtol=1e-4, atol=1e-3)


READ_TWICE = CONV % "true" + RELU % "c" + NORM % ("c", "n", "")
STAYS = {
    "read by another layer": READ_TWICE,
    "SegNet's statistics of the batch": CONV % "true" + BN % "bn_mode: LEARN",
    "after another layer": CONV % "true" + RELU % "c" + NORM % ("r", "r", ""),
    "shared": (CONV % "true").replace('top: "c"', 'top: "c" param { name: "w" }')
    + NORM % ("c", "c", ""),
}


@pytest.mark.parametrize("text", STAYS.values(), ids=list(STAYS))
def test_what_cannot_be_folded_stays(text):
    net = net_of(text)
    assert fold_net(net.message) == net.message
    assert fold_weights(weights_of(net)).blobs.keys() == weights_of(net).blobs.keys()


@pytest.mark.parametrize("fields", ["", "filler { }"], ids=["Caffe's", "Intel's"])
def test_what_takes_the_batch_is_folded_as_it_predicts(fields):
    asking = fields + " use_global_stats: false"
    net = net_of(CONV % "true" + NORM % ("c", "n", asking) + RELU % "n")
    weights = weights_of(net)
    (line,) = folded_by_stored(net.message)
    assert line.startswith('"n" (use_global_stats: false) are folded by the stored statistics')
    single, again = Net(for_single_photos(net.message)), Net(fold_net(net.message))
    assert [layer.type for layer in again.message.layer] == ["Input", "Convolution", "ReLU"]
    copy_weights(single, weights, strict=True)
    copy_weights(again, fold_weights(weights), strict=True)
    torch.testing.assert_close(outputs(again), outputs(single))
    weights.blobs["n"][2] = np.zeros_like(weights.blobs["n"][2])
    with pytest.raises(WeightsError, match='has no statistics for "n"'):
        fold_weights(weights)


def test_what_stores_statistics_is_folded_in_silence():
    assert not folded_by_stored(net_of(FOLDED["in place"]).message)


def test_a_scale_of_another_axis_stays_and_the_norm_goes():
    text = CONV % "true" + NORM % ("c", "c", "") + SCALE % ("c", "s", "axis: 2")
    net = net_of(text)
    folded = fold_net(net.message)
    assert [layer.type for layer in folded.layer] == ["Input", "Convolution", "Scale"]
    again = Net(folded)
    copy_weights(again, fold_weights(weights_of(net)), strict=True)
    torch.testing.assert_close(outputs(again), outputs(net))


def test_blobs_of_another_batch_norm():
    net = net_of(CONV % "true" + NORM % ("c", "n", "scale_bias: true"))
    weights = weights_of(net)
    short = Weights({**weights.blobs, "n": weights.blobs["n"][:3]})
    with pytest.raises(WeightsError, match='has 3 blobs for layer "n"'):
        fold_weights(short, weights.net)


def test_the_deploy_net_is_folded_with_the_rest():
    net = net_of(FOLDED["in place"])
    message = NetParameter()
    message.CopyFrom(net.message)
    message.deploy.CopyFrom(net.message)
    folded = fold_weights(weights_of(net, message))
    assert [layer.type for layer in folded.net.deploy.layer] == ["Input", "Convolution"]


def test_weights_that_do_not_tell_their_net():
    weights = weights_of(net_of(FOLDED["in place"]))
    with pytest.raises(WeightsError, match=r"w\.pth: does not tell its layers; .*--model"):
        fold_weights(Weights(weights.blobs, source="w.pth"))
    with pytest.raises(WeightsError, match='no weights for layer "n"'):
        fold_weights(Weights({"c": weights.blobs["c"]}), weights.net)
