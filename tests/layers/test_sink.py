import gc

import h5py
import numpy as np
import pytest
import torch

from catdog.errors import CatdogError, LayerError
from tests.layers.single import build, numbers


def sink(path, *shapes):
    return build(f'type: "HDF5Output" hdf5_output_param {{ file_name: "{path}" }}', *shapes, tops=0)


def read(path):
    with h5py.File(path) as file:
        return file["data"][:], file["label"][:]


def test_rows_of_all_passes_in_order(tmp_path):
    path = tmp_path / "made" / "out.h5"
    layer = sink(path, (4, 3), (4,))
    assert layer.top_shapes((4, 3), (4,)) == []
    x, labels = numbers(10, 3), torch.arange(10)
    for start, end in ((0, 4), (4, 8), (8, 10)):
        assert layer(x[start:end], labels[start:end]) == ()
    assert not path.exists()
    layer.close()
    data, label = read(path)
    assert data.dtype == label.dtype == np.float32
    np.testing.assert_array_equal(data, x.float().reshape(10, 3, 1, 1))
    np.testing.assert_array_equal(label, labels.reshape(10, 1, 1, 1))
    assert [entry.name for entry in path.parent.iterdir()] == ["out.h5"]


def test_a_layer_that_goes_leaves_its_file(tmp_path):
    path = tmp_path / "out.h5"
    layer = sink(path, (2, 3), (2,))
    layer(torch.ones(2, 3), torch.ones(2))
    del layer
    gc.collect()
    assert read(path)[0].shape == (2, 3, 1, 1)


def test_closing_twice_and_beginning_anew(tmp_path):
    path = tmp_path / "out.h5"
    layer = sink(path, (2, 3), (2,))
    layer.close()
    assert not path.exists()
    for value in (1.0, 2.0):
        layer(torch.full((2, 3), value), torch.ones(2))
        layer.close()
        layer.close()
    assert np.unique(read(path)[0]) == [2]


def test_more_than_four_axes_stay(tmp_path):
    layer = sink(tmp_path / "out.h5", (2, 1, 2, 1, 2), (2,))
    layer(torch.ones(2, 1, 2, 1, 2), torch.ones(2))
    layer.close()
    assert read(tmp_path / "out.h5")[0].shape == (2, 1, 2, 1, 2)


def test_nothing_is_touched_before_the_first_pass(tmp_path):
    sink(tmp_path / "out.h5", (2, 3), (2,))
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    layer = sink(tmp_path / "file" / "out.h5", (2, 3), (2,))
    with pytest.raises(CatdogError, match=r"cannot (write|be written)"):
        layer(torch.ones(2, 3), torch.ones(2))


def test_a_file_that_hdf5_cannot_open(tmp_path, monkeypatch):
    def full(*_):
        raise OSError("no space left")

    layer = sink(tmp_path / "out.h5", (2, 3), (2,))
    monkeypatch.setattr(h5py, "File", full)
    with pytest.raises(LayerError, match="no space left") as caught:
        layer(torch.ones(2, 3), torch.ones(2))
    assert caught.value.field == "hdf5_output_param.file_name"
    gc.collect()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "given", "message"),
    [
        ('type: "HDF5Output"', [(2, 3), (2,)], "no file"),
        (
            'type: "HDF5Output" hdf5_output_param { file_name: "x" }',
            [(2, 3), (3,)],
            "different sizes",
        ),
    ],
)
def test_faults(text, given, message):
    with pytest.raises(LayerError, match=message):
        build(text, *given, tops=0)
