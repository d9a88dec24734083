"""The mean picture against Caffe's files and NumPy."""

from pathlib import Path

import numpy as np
import pytest

from catdog.data.datum import array_to_datum
from catdog.data.mean import Mean, compute_mean, compute_mean_file, read_mean, write_mean
from catdog.errors import DataError
from tests.data.sources.build import write_lmdb, write_values
from tools import compute_image_mean

FORMATS = Path(__file__).parents[1] / "goldens" / "formats"


@pytest.mark.parametrize(("lmdb", "file"), [("raw", "mean"), ("gray", "mean_gray")])
def test_bytes_are_caffes(lmdb, file, tmp_path, capsys):
    out = tmp_path / "new" / "mean.binaryproto"
    compute_image_mean.main([str(FORMATS / f"lmdb_{lmdb}"), str(out)])
    assert out.read_bytes() == (FORMATS / f"{file}.binaryproto").read_bytes()
    assert "mean_value channel [0]: 1" in capsys.readouterr().out
    assert len(list(out.parent.iterdir())) == 1


def test_encoded_pictures_are_decoded():
    expected = np.load(FORMATS / "expected.npz")["mean_encoded"][0]
    mean = compute_mean(FORMATS / "lmdb_encoded_jpg")
    assert mean.shape == expected.shape
    assert np.abs(mean - expected).max() <= 3  # another libjpeg may round otherwise


def test_exact_beyond_what_float32_can_add():
    mean, pixels = Mean(), np.array([[[255, 254, 1]]], np.uint8)
    for _ in range(70_000):
        mean.add(pixels)
    assert mean.result().tolist() == [[[255, 254, 1]]]


def test_floats_and_bytes():
    rng = np.random.default_rng(0)
    arrays = [rng.normal(0, 9, (2, 3, 4)).astype(np.float32) for _ in range(9)]
    arrays += [rng.integers(0, 256, (2, 3, 4), dtype=np.uint8) for _ in range(600)]
    mean = Mean()
    for array in arrays:
        mean.add(array)
    assert np.allclose(mean.result(), np.mean(np.stack(arrays, dtype=np.float64), 0), rtol=1e-6)


def test_pictures_of_two_sizes_are_refused(tmp_path):
    write_lmdb(tmp_path / "db", [np.zeros(size, np.uint8) for size in ((3, 4, 5), (3, 5, 4))])
    with pytest.raises(DataError, match="key 00000001_picture: picture 1 is 3 x 5 x 4, the ones"):
        compute_mean_file(tmp_path / "db", None)


def test_parts_of_an_lmdb_are_added_by_several_threads(tmp_path, monkeypatch):
    monkeypatch.setattr("catdog.data.mean._LEAST", 1)
    monkeypatch.setattr("catdog.data.mean.cores", lambda: 3)
    pictures = np.random.default_rng(0).integers(0, 256, (700, 3, 4, 5), dtype=np.uint8)
    write_lmdb(tmp_path / "db", [*pictures, pictures[0, :, :, :2]])
    with pytest.raises(DataError, match="key 00000700_picture: picture 700 is 3 x 4 x 2, the ones"):
        compute_mean(tmp_path / "db")
    whole = array_to_datum(pictures[0]).SerializeToString()
    write_values(tmp_path / "db", [(b"00000700_picture", whole)])
    expected = np.concatenate((pictures, pictures[:1])).mean(0, np.float64).astype(np.float32)
    assert np.array_equal(compute_mean(tmp_path / "db"), expected)


def test_read_mean_round_trip_and_faults(tmp_path):
    mean = np.random.default_rng(1).random((3, 4, 5), np.float32)
    write_mean(mean, tmp_path / "mean")
    assert (read_mean(tmp_path / "mean") == mean).all()
    with pytest.raises(DataError, match="cannot read the mean"):
        read_mean(tmp_path / "missing")
    (tmp_path / "bad").write_bytes(b"\xff not a blob")
    with pytest.raises(DataError, match="not a mean file"):
        read_mean(tmp_path / "bad")
    with pytest.raises(DataError, match="no pictures"):
        Mean().result()


def test_a_mean_in_numpy_form(tmp_path):
    mean = np.arange(24, dtype=np.float64).reshape(1, 2, 3, 4)
    np.save(tmp_path / "m.npy", mean)
    assert np.array_equal(read_mean(tmp_path / "m.npy"), mean[0].astype(np.float32))
    (tmp_path / "bad.npy").write_bytes(b"no array")
    with pytest.raises(DataError, match="not a mean file"):
        read_mean(tmp_path / "bad.npy")
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object))
    with pytest.raises(DataError, match="not a mean file"):
        read_mean(tmp_path / "objects.npy")


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_mean_that_is_not_finite_is_refused(wrong, tmp_path):
    mean = np.ones((3, 4, 5), np.float32)
    mean[1, 2, 3] = wrong
    write_mean(mean, tmp_path / "mean.binaryproto")
    with pytest.raises(DataError, match="not finite"):
        read_mean(tmp_path / "mean.binaryproto")
