"""`catdog.build_stores`: photos to LMDBs from Python."""

import pytest

import catdog
from catdog.data.build.synthetic import draw_sample
from catdog.errors import CatdogError, DataError
from catdog.proto.caffe_pb2 import DatasetParameter


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    draw_sample(folder, train=12, test=1)
    return folder / "train"


def test_what_is_built(photos, tmp_path):
    report = catdog.build_stores(
        photos, tmp_path / "made", size=9, gray=True, equalize=False, resize="pad", validation=4
    )
    assert "cat" in str(report)
    store = catdog.open_store(tmp_path / "made" / "train_lmdb")
    assert len(store) == 8
    assert store[0][0].shape == (1, 9, 9)
    record = store.dataset
    assert (record.equalize, record.resize) == (False, DatasetParameter.PAD)
    assert record.channel_order == DatasetParameter.GRAY


def test_every_sixth_is_for_validation(photos, tmp_path):
    report = catdog.build_stores(photos, tmp_path, size=8)
    assert (report.dataset.count.train, report.dataset.count.validation) == (10, 2)
    assert report.dataset.equalize


def test_mistakes(photos, tmp_path):
    with pytest.raises(CatdogError, match='"strech" is no way to resize; did you mean "stretch"'):
        catdog.build_stores(photos, tmp_path, resize="strech")
    with pytest.raises(DataError, match="none"):
        catdog.build_stores(tmp_path / "none", tmp_path)
