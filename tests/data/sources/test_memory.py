"""MemoryData: arrays over and over."""

import numpy as np
import pytest
import torch

from catdog.data.datum import array_to_datum
from catdog.errors import DataError, LayerError
from tests.data.sources.build import layer, pictures, source, train_source

TEXT = "memory_data_param { batch_size: 2 channels: 3 height: 4 width: 5 }"


@pytest.fixture
def opened(tmp_path):
    return source(layer(TEXT, "MemoryData"), tmp_path)


def test_arrays_in_order_and_again(opened):
    data = np.random.default_rng(0).normal(size=(6, 3, 4, 5))
    opened.reset(data, np.arange(6)[:, None, None, None])
    assert opened.shapes == {"data": (2, 3, 4, 5), "label": (2,)}
    for number in (0, 1, 2, 0):
        blobs = opened.finish(opened.next())
        rows = slice(2 * number, 2 * number + 2)
        np.testing.assert_array_equal(blobs["data"], data[rows].astype(np.float32))
        assert blobs["label"].tolist() == [2 * number, 2 * number + 1]
    opened.reset(data[:2], [7, 8])
    assert opened.next().blobs["label"].tolist() == [7, 8]
    assert len(list(opened.one_pass())) == 1


def test_later_changes_of_the_array_do_not_count(opened):
    data = np.zeros((2, 3, 4, 5), np.float32)
    opened.reset(data, [0, 1])
    data += 1
    assert not opened.next().blobs["data"].any()


def test_without_data(opened):
    for ask in (opened.next, opened.one_pass):
        with pytest.raises(DataError, match="has no data yet"):
            ask()
    opened.load_state(opened.state())


def test_datums_are_transformed_and_arrays_are_not(tmp_path):
    rules = "transform_param { scale: 0.5 mean_value: 10 crop_size: 4 }"
    text = TEXT.replace("width: 5", "width: 4") + rules
    opened = source(layer(text, "MemoryData"), tmp_path)
    stored = pictures(4, (3, 8, 6))
    opened.add([array_to_datum(picture, label) for label, picture in enumerate(stored)])
    for number in (0, 1, 0):
        blobs = opened.finish(opened.next())
        for row in (0, 1):
            wanted = (stored[2 * number + row][:, 2:6, 1:5] - 10.0) * 0.5
            np.testing.assert_array_equal(blobs["data"][row], wanted)
        assert blobs["label"].tolist() == [2 * number, 2 * number + 1]
    opened.reset(np.full((2, 3, 4, 4), 7), [0, 0])
    assert (opened.finish(opened.next())["data"] == 7).all()


def test_crops_of_datums_are_random_in_training(tmp_path):
    text = "memory_data_param { batch_size: 9 channels: 1 height: 2 width: 2 }"
    made = layer(text + "transform_param { crop_size: 2 mirror: true }", "MemoryData")
    opened = train_source(made, tmp_path)
    picture = np.arange(64, dtype=np.uint8).reshape(1, 8, 8)
    opened.add([array_to_datum(picture, 0)] * 9)
    first = opened.next().blobs["data"]
    assert len(first.flatten(1).unique(dim=0)) > 3
    opened.add([array_to_datum(picture, 0)] * 9)
    assert not torch.equal(opened.next().blobs["data"], first)


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ([(3, 4, 5)], "1 examples, takes a multiple"),
        ([], "0 examples"),
        ([(3, 4, 5), (3, 5, 5)], "several sizes"),
        ([(3, 5, 4), (3, 5, 4)], "shape 2 x 3 x 5 x 4"),
    ],
)
def test_datums_that_do_not_fit(opened, sizes, words):
    with pytest.raises(DataError, match=words):
        opened.add([array_to_datum(pictures(1, size)[0], 0) for size in sizes])


@pytest.mark.parametrize(
    ("shape", "count", "words"),
    [
        ((3, 3, 4, 5), 3, "3 examples, takes a multiple of batch_size 2"),
        ((0, 3, 4, 5), 0, "0 examples"),
        ((2, 3, 5, 4), 2, "shape 2 x 3 x 5 x 4 and 2 labels, takes N x 3 x 4 x 5 and N"),
        ((2, 3, 4, 5), 3, "3 labels"),
        ((), 1, "takes N x 3 x 4 x 5"),
    ],
)
def test_arrays_that_do_not_fit(opened, shape, count, words):
    with pytest.raises(DataError, match=words):
        opened.reset(np.zeros(shape), np.zeros(count))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("memory_data_param { batch_size: 2 channels: 3 height: 4 }", "needs width"),
        ("memory_data_param { channels: 3 height: 4 width: 1 }", "batch_size"),
    ],
)
def test_what_a_layer_cannot_be(tmp_path, text, words):
    with pytest.raises(LayerError, match=words):
        source(layer(text, "MemoryData"), tmp_path)
