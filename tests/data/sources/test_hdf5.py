"""HDF5Data: rows across files, shuffling, and files that do not fit."""

import h5py
import numpy as np
import pytest
import torch

from catdog.errors import DataError, LayerError
from tests.data.sources.build import layer, source, train_source

TOPS = ("data", "label", "more")


@pytest.fixture
def folder(tmp_path):
    start = 0
    for name, rows in (("a.h5", 5), ("b b.h5", 3), ("c.h5", 4)):
        numbers = np.arange(start, start + rows)
        with h5py.File(tmp_path / name, "w") as file:
            file["data"] = np.stack([np.full((2, 3), n, np.float64) for n in numbers])
            file["label"] = numbers
            file["more"] = numbers[:, None].astype(np.float32)
        start += rows
    (tmp_path / "list.txt").write_text("a.h5\nb b.h5\n\nc.h5\n")
    return tmp_path


def hdf5(more="", tops=TOPS, batch=7):
    text = f'hdf5_data_param {{ source: "list.txt" batch_size: {batch} {more} }}'
    return layer(text, "HDF5Data", tops)


def rows(opened, batches):
    return [int(n) for _ in range(batches) for n in opened.next().blobs["label"]]


def test_rows_run_across_files_and_wrap(folder):
    opened = source(hdf5(), folder)
    assert opened.shapes == {"data": (7, 2, 3), "label": (7,), "more": (7, 1)}
    assert rows(opened, 4) == [n % 12 for n in range(28)]
    blobs = opened.next().blobs
    assert all(blob.dtype == torch.float32 for blob in blobs.values())
    np.testing.assert_array_equal(blobs["data"][:, 1, 2], blobs["label"])
    np.testing.assert_array_equal(blobs["more"][:, 0], blobs["label"])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_list_as_windows_writes_it(folder, encoding):
    (folder / "list.txt").write_bytes("a.h5\r\nb b.h5\r\n".encode(encoding))
    assert source(hdf5(), folder).size == 8


def test_one_pass(folder):
    opened = source(hdf5(batch=5), folder)
    opened.next()
    parts = [batch.blobs["label"].tolist() for batch in opened.one_pass()]
    assert parts == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11]]
    assert rows(opened, 1) == [5, 6, 7, 8, 9]


def test_shuffle_keeps_files_together(folder):
    opened = train_source(hdf5("shuffle: true", batch=12), folder)
    passes = [rows(opened, 1) for _ in range(12)]
    files = [range(5), range(5, 8), range(8, 12)]
    orders = set()
    for taken in passes:
        assert sorted(taken) == list(range(12))
        of_file = [next(k for k, file in enumerate(files) if n in file) for n in taken]
        changes = [a for a, b in zip(of_file, [*of_file[1:], None], strict=True) if a != b]
        assert len(changes) == 3
        orders.add(tuple(changes))
    assert len(orders) > 1
    assert any(taken[:5] != sorted(taken[:5]) for taken in passes)


def test_names_in_one_line_as_caffe_reads_them(folder):
    (folder / "list.txt").write_text("a.h5 c.h5")
    assert source(hdf5(), folder).size == 9


def write(folder, **arrays):
    with h5py.File(folder / "a.h5", "w") as file:
        for name, values in arrays.items():
            file[name] = values


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"data": np.zeros((2, 2)), "labels": np.zeros(2)}, 'no dataset "label"; did you mean'),
        ({"data": np.zeros((2, 2)), "label": np.zeros(3)}, r"one and the same number.*label 3"),
        ({"data": np.zeros((0, 2)), "label": np.zeros(0)}, "number of rows"),
        ({"data": np.zeros((2, 2)), "label": np.zeros(2)}, r'b b.h5: rows of "data" are 2 x 3'),
        ({"data": np.zeros((5, 2, 3)), "label": [b"x"] * 5}, 'dataset "/label" holds no numbers'),
    ],
)
def test_files_that_do_not_fit(folder, arrays, words):
    write(folder, **arrays)
    with pytest.raises(DataError, match=words):
        source(hdf5(tops=("data", "label")), folder).next()


def test_files_that_are_not_there_or_something_else(folder):
    (folder / "list.txt").write_text("none.h5\n")
    with pytest.raises(DataError, match=r"none.h5: no such HDF5 file"):
        source(hdf5(), folder)
    (folder / "list.txt").write_text("list.txt\n")
    with pytest.raises(DataError, match="is no HDF5 file"):
        source(hdf5(), folder)
    (folder / "list.txt").write_text("\n")
    with pytest.raises(DataError, match="names no files"):
        source(hdf5(), folder)


def test_a_transformation_is_refused_as_in_caffe(folder):
    made = hdf5()
    made.transform_param.scale = 2
    with pytest.raises(LayerError, match="does not apply"):
        source(made, folder)
