"""How many of the first layers make the same of an example in every pass."""

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format

from catdog.data.feed import Feed
from catdog.data.mean import write_mean
from catdog.data.sources import Source
from catdog.errors import CatdogError, LayerError
from catdog.layers.base import Setting
from catdog.net.net import Net
from catdog.proto.caffe_pb2 import TEST, TRAIN, NetParameter, Phase
from catdog.runtime.randomness import Randomness
from catdog.training.cacheable import check_cacheable, frozen_part, trainable_ids
from tests.data.sources.build import layer as data_layer
from tests.data.sources.build import pictures, source, write_lmdb

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
        'type: "Split" top: "more"',
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
        'type: "Split" top: "more" loss_weight: 0 loss_weight: 1',
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


def checked(*sources: Source, net: Net | None = None, trainable: Collection[int] = ()) -> None:
    with Feed(list(sources)):
        check_cacheable(net or opened('type: "TanH"'), sources, trainable)


def stored(folder: Path, transform: str, phase: Phase = TRAIN) -> Source:
    """Pictures of 8 by 8."""
    if not (folder / "store").exists():
        write_lmdb(folder / "store", pictures(2, (3, 8, 8)), encoded=True)
    text = f'data_param {{ source: "store" batch_size: 2 }} transform_param {{ {transform} }}'
    return source(data_layer(text), folder, phase)


@pytest.mark.parametrize(
    "transform",
    [
        "scale: 2",
        "mean_value: 3",
        'mean_file: "mean.binaryproto"',
        "mirror: false",
        "crop_size: 8",
        "force_color: true",
        "force_gray: true",
    ],
)
def test_what_does_the_same_to_a_picture_every_time_is_taken(
    tmp_path: Path, transform: str
) -> None:
    write_mean(np.zeros((3, 8, 8), np.float32), tmp_path / "mean.binaryproto")
    checked(stored(tmp_path, transform))


@pytest.mark.parametrize(
    ("transform", "fields"),
    [
        ("mirror: true", ["mirror"]),
        ("crop_size: 7", ["crop_size"]),
        ("mirror: true crop_size: 7 scale: 2", ["mirror", "crop_size"]),
    ],
)
def test_what_changes_a_picture_by_chance_is_refused(
    tmp_path: Path, transform: str, fields: list[str]
) -> None:
    with pytest.raises(LayerError) as error:
        checked(stored(tmp_path, transform))
    assert error.value.field == fields[0]
    assert f"at random ({', '.join(fields)})" in str(error.value)
    assert f"leave out {' and '.join(fields)}, or cache_features" in str(error.value)


def test_a_test_cuts_in_the_middle(tmp_path: Path) -> None:
    checked(stored(tmp_path, "crop_size: 7", TEST))


def test_features_are_of_one_data_layer_with_records(tmp_path: Path) -> None:
    made_up = data_layer("dummy_data_param { shape { dim: 2 } }", "DummyData", ["more"])
    dummy = source(made_up, tmp_path)
    for sources in ((), (stored(tmp_path, ""), dummy)):
        with pytest.raises(CatdogError, match=rf"one data layer, this has {len(sources)}; leave "):
            checked(*sources)
    with pytest.raises(LayerError, match="makes up its data, so there are no features") as error:
        checked(dummy)
    assert error.value.field == "type"


@pytest.mark.parametrize(
    ("first", "reason", "remedy"),
    [
        ('type: "Scale"', "not frozen", "name it in freeze, or leave cache_features out"),
        ('type: "TanH" loss_weight: 1', "a loss", "leave cache_features out"),
        ('type: "Dropout"', "random", "leave cache_features out"),
    ],
)
def test_why_there_are_no_features(tmp_path: Path, first: str, reason: str, remedy: str) -> None:
    message = NetParameter()
    data, _ = FIRST.split('layer { name: "relu"')
    text_format.Parse(f'{data} layer {{ name: "x" bottom: "data" top: "x" {first} }}', message)
    net = Net(message, setting=Setting(Randomness(0))).train()
    with pytest.raises(LayerError) as error:
        checked(stored(tmp_path, ""), net=net, trainable=trainable_ids(net))
    assert error.value.layer == "x"
    assert f"is the first of the net and {reason}, so there are no" in str(error.value)
    assert str(error.value).endswith(f"to cache; {remedy}")
