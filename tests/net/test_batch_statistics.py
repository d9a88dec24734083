from pathlib import Path

import numpy as np
import pytest
import torch

from catdog.errors import WeightsError
from catdog.export.deployed import deployed
from catdog.net.batch_statistics import batch_remarks, by_batch, for_single_photos
from catdog.net.net import Net
from catdog.net.resolved import resolve
from catdog.proto.caffe_pb2 import TEST, TRAIN, NetParameter
from catdog.spec import net_state
from catdog.spec.read import net_of_text
from catdog.weights import write_weights
from catdog.weights.model import Weights

MEAN, VARIANCE = np.array([1.0, -2.0]), np.array([4.0, 0.25])
TEXT = """
layer {{ name: "data" type: "Input" top: "data"
  input_param {{ shape {{ dim: 3 dim: 2 dim: 2 dim: 2 }} }} }}
layer {{ name: "norm" type: "BatchNorm" bottom: "data" top: "norm" {} }}
"""
OF_BATCH = "batch_norm_param { use_global_stats: false }"


def write(folder, fields=OF_BATCH, factor=2.0):
    """A net of one BatchNorm, and its weights."""
    text, weights = folder / "net.prototxt", folder / "net.caffemodel"
    text.write_text(TEXT.format(fields))
    blobs = [np.array(each, np.float32) for each in (factor * MEAN, factor * VARIANCE, [factor])]
    write_weights(weights, Weights({"norm": blobs}, NetParameter()))
    return text, weights


def message(fields, phase=TEST):
    return resolve(net_of_text(TEXT.format(fields), Path("net.prototxt")), net_state(phase)).message


@pytest.mark.parametrize("fields", [OF_BATCH, "phase: TRAIN", OF_BATCH + " phase: TRAIN", ""])
def test_a_deploy_net_takes_the_stored_statistics(tmp_path, fields):
    net = deployed(*write(tmp_path, fields)).net
    given = np.random.default_rng(3).normal(size=(3, 2, 2, 2)).astype(np.float32)
    top = net({"data": torch.from_numpy(given)}).blobs["norm"].numpy()
    axes = (1, 2, 1, 1)
    wanted = (given - MEAN.reshape(axes)) / np.sqrt(VARIANCE.reshape(axes) + 1e-5)
    np.testing.assert_allclose(top, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (OF_BATCH, ['"norm" (use_global_stats: false) take the stored statistics']),
        ("phase: TRAIN", ['"norm" are in the TEST phase']),
        ("", []),
        ("batch_norm_param { use_global_stats: true }", []),
        ("batch_norm_param { use_global_stats: false scale_bias: true }", []),
    ],
)
def test_what_is_changed_is_told(tmp_path, fields, told):
    remarks = deployed(write(tmp_path, fields)[0], None).remarks
    assert [any(each in line for line in remarks) for each in told] == [True] * len(told)
    assert len(remarks) == len(told)


def test_without_stored_statistics_there_is_nothing_to_take(tmp_path):
    with pytest.raises(WeightsError, match='has no statistics for "norm"'):
        deployed(*write(tmp_path, factor=0.0))


def test_a_test_as_caffe_has_it_is_warned_of():
    (line,) = batch_remarks(message(OF_BATCH))
    assert line.startswith('"norm" (use_global_stats: false) normalise by the batch')
    # in a training it is what the field is for
    assert not batch_remarks(message(OF_BATCH, TRAIN))
    assert not batch_remarks(message(""))


def test_a_frozen_layer_takes_the_stored_ones_anyway():
    frozen = message(OF_BATCH)
    frozen.layer[1].frozen = True
    assert not by_batch(frozen)
    assert Net(frozen).node("norm").layer.uses_global_stats


def test_a_training_of_the_deploy_form_still_counts_its_batches():
    net = Net(for_single_photos(message(OF_BATCH)))
    norm = net.node("norm").layer
    assert norm.uses_global_stats
    assert not norm.train().uses_global_stats
