"""DummyData: both forms of shapes, constants, random numbers that resume."""

import numpy as np
import pytest
import torch
from google.protobuf import text_format

from catdog.errors import CatdogError, DataError, LayerError
from catdog.proto.caffe_pb2 import NetParameter
from tests.data.sources.build import FORMATS, layer, source

GAUSSIAN = 'data_filler { type: "gaussian" std: 2 }'


def dummy(text, tmp_path, tops=("a", "b")):
    return source(layer(f"dummy_data_param {{ {text} }}", "DummyData", tops), tmp_path)


CASES = sorted((FORMATS.parent / "layers" / "DummyData").glob("*.prototxt"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_blobs_are_those_of_caffe(path, tmp_path):
    (made,) = text_format.Parse(path.read_text(), NetParameter()).layer
    with np.load(path.with_suffix(".npz")) as arrays:
        wanted = {key.removeprefix("out:"): arrays[key] for key in arrays}
    blobs = source(made, tmp_path).next().blobs
    assert blobs.keys() == wanted.keys()
    for top, blob in blobs.items():
        np.testing.assert_array_equal(blob, wanted[top], strict=True)


def test_one_shape_for_all_or_one_for_each(tmp_path):
    assert dummy("shape { dim: 2 dim: 3 }", tmp_path).shapes == {"a": (2, 3), "b": (2, 3)}
    two = dummy("shape { dim: 2 dim: 3 } shape { dim: 4 }", tmp_path)
    assert two.shapes == {"a": (2, 3), "b": (4,)}
    legacy = dummy("num: 2 num: 5 channels: 3 height: 1 width: 4", tmp_path)
    assert legacy.shapes == {"a": (2, 3, 1, 4), "b": (5, 3, 1, 4)}


def test_zeros_without_a_filler_and_constants(tmp_path):
    zeros = dummy("shape { dim: 2 }", tmp_path).next().blobs
    assert not zeros["a"].any() and not zeros["b"].any()
    opened = dummy("shape { dim: 2 } data_filler { value: 3 } data_filler { value: 4 }", tmp_path)
    for _ in range(2):
        blobs = opened.next().blobs
        assert blobs["a"].tolist() == [3, 3] and blobs["b"].tolist() == [4, 4]
        blobs["a"].zero_()


def test_random_numbers_are_new_in_every_batch_and_resume(tmp_path):
    opened = dummy(f"shape {{ dim: 400 }} {GAUSSIAN}", tmp_path)
    first = opened.next().blobs
    state = opened.state()
    second = opened.next().blobs
    assert not torch.equal(first["a"], second["a"])
    assert not torch.equal(first["a"], first["b"])
    assert 1.5 < float(first["a"].std()) < 2.5
    resumed = dummy(f"shape {{ dim: 400 }} {GAUSSIAN}", tmp_path)
    resumed.load_state(state)
    assert torch.equal(resumed.next().blobs["a"], second["a"])


def test_there_is_no_pass(tmp_path):
    opened = dummy("shape { dim: 2 }", tmp_path)
    assert opened.size is None
    with pytest.raises(DataError, match=r"has no end.*test_iter"):
        opened.one_pass()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", r"has 0 values of shape, takes 1 or 2 \(one for each top\)"),
        ("shape { dim: 1 } num: 2", "has shape and num"),
        ("num: 1 channels: 2 height: 3", "has 0 values of width"),
        ("shape { dim: 1 } data_filler {} data_filler {} data_filler {}", "3 values of data_fil"),
    ],
)
def test_what_a_layer_cannot_be(tmp_path, text, words):
    with pytest.raises(LayerError, match=words):
        dummy(text, tmp_path)


def test_a_filler_that_is_not_known_says_so_at_once(tmp_path):
    with pytest.raises(CatdogError, match="gausian"):
        dummy('shape { dim: 1 } data_filler { type: "gausian" }', tmp_path)
