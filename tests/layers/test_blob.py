"""Blobs are live on both sides, and share what they are told to share."""

import numpy as np
import pytest
import torch

from catdog.errors import CatdogError
from catdog.layers.blob import Blob, BlobVec, Memory


def test_a_blob_begins_as_zeros_of_its_shape():
    blob = Blob(2, 3, 4)
    assert blob.shape == (2, 3, 4) and blob.count == 24
    assert blob.data.shape == blob.diff.shape == (2, 3, 4)
    assert blob.data.dtype == blob.diff.dtype == np.float32
    assert not blob.data.any() and not blob.diff.any()


def test_a_blob_without_axes_holds_one_number():
    blob = Blob()
    blob.data[...] = 3
    assert blob.data.shape == () and blob.tensor() == 3


def test_legacy_extents_are_filled_up_with_ones():
    blob = Blob(5, 7)
    assert (blob.num, blob.channels, blob.height, blob.width) == (5, 7, 1, 1)
    with pytest.raises(CatdogError, match="no num, channels"):
        _ = Blob(1, 2, 3, 4, 5).num


def test_an_array_that_is_held_shows_every_later_result():
    blob = Blob(2, 2)
    held = blob.data
    for value in (1.0, 2.0):
        blob.put(torch.full((2, 2), value))
        assert (held == value).all()


def test_what_is_written_to_an_array_is_read():
    blob = Blob(2, 2)
    blob.put(torch.ones(2, 2))
    blob.data[0] = 5
    blob.data.flat[3] = 7
    np.copyto(blob.diff, 2)
    assert blob.tensor().tolist() == [[5, 5], [1, 7]]
    assert blob.diff_tensor().tolist() == [[2, 2], [2, 2]]


def test_a_result_that_nobody_has_seen_is_kept_without_a_copy():
    blob, result = Blob(2, 2), torch.ones(2, 2)
    blob.put(result)
    assert blob.tensor().data_ptr() == result.data_ptr()
    blob.data[...] = 4
    blob.put(torch.full((2, 2), 9.0))
    assert (result == 9).all()


def test_reshape_keeps_what_fits():
    blob = Blob(2, 3)
    blob.data[...] = np.arange(6).reshape(2, 3)
    blob.reshape(4)
    assert blob.data.tolist() == [0, 1, 2, 3]
    blob.reshape(6)
    assert blob.data.tolist() == [0, 1, 2, 3, 4, 5]
    blob.reshape(7)
    assert not blob.data.any() and blob.diff.shape == (7,)
    with pytest.raises(CatdogError, match="cannot have the shape"):
        blob.reshape(-1)


def test_a_smaller_result_comes_into_the_array_that_is_held():
    blob = Blob(4)
    held = blob.data
    blob.put(torch.tensor([1.0, 2.0]))
    assert blob.shape == (2,) and held.tolist() == [1, 2, 0, 0]


def test_blobs_share_data_and_diff():
    one, other = Blob(2, 3), Blob(6)
    other.share_data(one)
    other.share_diff(one)
    one.data[...], other.diff[...] = 3, 4
    assert (other.data == 3).all() and (one.diff == 4).all()
    other.put(torch.full((6,), 8.0))
    assert (one.data == 8).all()


def test_diffs_add_up_until_they_are_cleared():
    blob = Blob(3)
    held = blob.diff
    blob.add_diff(torch.ones(3))
    blob.add_diff(torch.ones(3))
    assert held.tolist() == [2, 2, 2]
    blob.clear_diff()
    assert held.tolist() == [0, 0, 0]


def test_a_blob_of_a_tensor_lies_where_the_tensor_lies():
    tensor = torch.zeros(2, 2)
    Blob.of(tensor).data[1, 1] = 6
    assert tensor.tolist() == [[0, 0], [0, 6]]


def test_arrays_outlive_their_blob():
    blob = Blob(1000)
    blob.put(torch.ones(1000))
    held = blob.data
    del blob
    assert held.sum() == 1000


def test_blob_vectors_add_blobs_of_zeros():
    vector = BlobVec()
    vector.add_blob(1)
    vector.add_blob(2, 3)
    assert [blob.shape for blob in vector] == [(1,), (2, 3)]


def test_memory_tells_whether_results_are_written_over():
    memory = Memory(torch.zeros(3))
    assert not memory.stays_on(torch.device("cpu"))
    memory.array()
    assert memory.stays_on(torch.device("cpu"))
