"""How many of the first layers make the same of an example in every pass."""

import pytest
from google.protobuf import text_format

from catdog.layers.base import Setting
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import NetParameter
from catdog.runtime.randomness import Randomness
from catdog.training.cacheable import frozen_part, trainable_ids

FIRST = """
layer { name: "data" type: "Input" top: "data"
  input_param { shape { dim: 4 dim: 3 dim: 6 dim: 6 } } }
layer { name: "relu" type: "ReLU" bottom: "data" top: "first" }
"""
LAST = 'layer { name: "last" type: "TanH" bottom: "second" top: "last" }'


def opened(layer: str) -> Net:
    message = NetParameter()
    second = f'layer {{ name: "second" bottom: "first" top: "second" {layer} }}'
    text_format.Parse(FIRST + second + LAST, message)
    return Net(message, setting=Setting(Randomness(0))).train()


@pytest.mark.parametrize(
    "layer",
    [
        'type: "Softmax"',
        'type: "Flatten"',
        'type: "Concat" bottom: "data" concat_param { concat_dim: 1 }',
        'type: "InnerProduct" inner_product_param { num_output: 2 }',
        'type: "Scale"',
        'type: "Bias"',
        'type: "Convolution" convolution_param { num_output: 2 kernel_size: 3 }',
        'type: "Pooling" pooling_param { kernel_size: 2 }',
        'type: "BatchNorm" batch_norm_param { use_global_stats: true }',
    ],
)
def test_a_layer_that_takes_examples_one_by_one_is_passed(layer: str) -> None:
    assert frozen_part(opened(layer), ()) == 3


@pytest.mark.parametrize(
    "layer",
    [
        # over the axis of the examples
        'type: "Softmax" softmax_param { axis: 0 }',
        'type: "Flatten" flatten_param { axis: 0 }',
        'type: "Concat" bottom: "data" concat_param { axis: 0 }',
        'type: "Concat" bottom: "data" concat_param { concat_dim: 0 }',
        'type: "InnerProduct" inner_product_param { num_output: 2 axis: 0 }',
        'type: "Scale" scale_param { axis: 0 }',
        'type: "Bias" bias_param { axis: 0 }',
        # of the batch, or by chance
        'type: "BatchNorm"',
        'type: "Dropout"',
        'type: "Pooling" pooling_param { kernel_size: 2 pool: STOCHASTIC }',
        # counts in the loss
        'type: "Power" loss_weight: 1',
    ],
)
def test_a_layer_that_does_not_ends_the_part(layer: str) -> None:
    assert frozen_part(opened(layer), ()) == 1


@pytest.mark.parametrize(("mark", "passed"), [("", 1), ("param { lr_mult: 0 }", 3)])
def test_what_learns_ends_the_part(mark: str, passed: int) -> None:
    net = opened(f'type: "Scale" {mark}')
    assert frozen_part(net, trainable_ids(net)) == passed


def test_chance_rests_in_a_test() -> None:
    assert frozen_part(opened('type: "Dropout"').eval(), ()) == 3


def test_what_reads_a_layer_behind_the_part_is_not_in_it() -> None:
    net = opened('type: "Dropout"')
    assert [node.name for node in net.nodes][frozen_part(net, ())] == "second"
