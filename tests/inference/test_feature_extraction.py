from contextlib import ExitStack
from pathlib import Path

import h5py
import numpy as np
import pytest

from catdog.data.datum import datum_to_array, parse_datum
from catdog.data.lmdb_store import Reader
from catdog.errors import CatdogError
from catdog.inference.feature_extraction import features, write_file, write_lmdbs
from catdog.net.opened import open_fed_net
from catdog.net.resolved import resolve
from catdog.proto.caffe_pb2 import TEST
from catdog.solver.solverstate import load_net
from catdog.spec import net_state, read_net

FORMATS = Path(__file__).parents[1] / "goldens/formats"


@pytest.fixture
def fed():
    with ExitStack() as stack:
        fed = open_fed_net(
            resolve(read_net(FORMATS / "features_net.prototxt"), net_state(TEST)), stack
        )
        load_net(fed.net, FORMATS / "model.caffemodel")
        yield fed


def test_the_lmdbs_are_those_of_caffe(fed, tmp_path):
    places = {name: tmp_path / "new" / name for name in ("conv1", "fc1")}
    assert write_lmdbs(features(fed, list(places), 3), places) == 15
    for name, path in places.items():
        with Reader(path) as ours, Reader(FORMATS / f"lmdb_features_{name}") as caffes:
            assert ours.keys == caffes.keys
            for mine, theirs in zip(ours, caffes, strict=True):
                got, want = parse_datum(mine), parse_datum(theirs)
                np.testing.assert_allclose(
                    datum_to_array(got), datum_to_array(want), rtol=1e-5, atol=1e-5
                )
                for datum in (got, want):
                    del datum.float_data[:]
                assert got == want


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_one_file_has_every_example_of_one_pass(fed, tmp_path, suffix):
    path = tmp_path / f"features{suffix}"
    assert write_file(features(fed, ["fc1", "label", "data"]), path) == 12
    expected = np.load(FORMATS / "expected.npz")
    with np.load(path) if suffix == ".npz" else h5py.File(path) as file:
        assert sorted(file) == ["data", "fc1", "label"]
        assert file["fc1"].shape == (12, 7)
        np.testing.assert_array_equal(file["label"], expected["lmdb_raw/labels"])
        middle = expected["lmdb_raw/7"][:, 5:13, 7:15].astype(np.float32)
        np.testing.assert_array_equal(file["data"][7], (middle - 100) * np.float32(0.01))
        with Reader(FORMATS / "lmdb_features_fc1") as caffes:
            last = datum_to_array(parse_datum(caffes.get(11))).ravel()
        np.testing.assert_allclose(file["fc1"][11], last, rtol=1e-5, atol=1e-5)


def test_a_blob_that_is_not_there(fed):
    with pytest.raises(CatdogError, match=r'has no blob "fc11"; did you mean "fc1"\?'):
        features(fed, ["fc11"])


def test_an_lmdb_that_is_there_already_stays(fed, tmp_path):
    (tmp_path / "old").mkdir()
    with pytest.raises(CatdogError, match="exists already"):
        write_lmdbs(features(fed, ["fc1"], 1), {"fc1": tmp_path / "old"})
    assert [path.name for path in tmp_path.iterdir()] == ["old"]


def test_nothing_half_written_is_left(fed, tmp_path):
    def broken():
        yield from features(fed, ["fc1"], 1)
        raise CatdogError("the disk is gone")

    with pytest.raises(CatdogError, match="the disk is gone"):
        write_lmdbs(broken(), {"fc1": tmp_path / "a"})
    with pytest.raises(CatdogError, match="the disk is gone"):
        write_file(broken(), tmp_path / "a.npz")
    assert not list(tmp_path.iterdir())


def test_a_file_of_another_kind(tmp_path):
    with pytest.raises(CatdogError, match=r"is neither \.npz nor \.h5"):
        write_file(iter(()), tmp_path / "a.txt")


def test_a_blob_with_too_many_axes_for_a_datum(tmp_path):
    blobs = [{"x": np.zeros((2, 1, 1, 1, 1), np.float32)}]
    with pytest.raises(CatdogError, match='blob "x" has 5 axes'):
        write_lmdbs(blobs, {"x": tmp_path / "x"})
