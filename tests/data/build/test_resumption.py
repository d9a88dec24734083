"""A build that was stopped goes on and ends as if nothing had happened."""

import pytest

from catdog.data.build import dataset as datasets
from catdog.data.checksums import CHECKSUMS
from catdog.data.lmdb_store import Reader
from catdog.data.store_check import check_store
from catdog.errors import DataError
from catdog.proto.caffe_pb2 import DatasetParameter
from tests.pictures import picture, save_all
from tools import create_lmdb

RECIPE = DatasetParameter(width=16, height=16, validation_every=6)
PHOTOS = {f"train/{c}.{i}.png": picture(20, 30, i) for c in ("cat", "dog") for i in range(12)} | {
    "train/cat.99.jpg": b"no picture",
    # the same as cat.0 in another part, whichever that is
    "train/cat.98.png": picture(20, 30, 0),
}
FILES = ("dataset.yaml", "mean.binaryproto", "skipped.csv")


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setattr("catdog.data.build.builder.BATCH_BYTES", 2000)
    return save_all(tmp_path / "data", PHOTOS)


def stopped_after(count, data, out):
    """Ctrl-C when so many photos have been through; a killed process leaves no less."""
    add, left = datasets.SizedMean.add, count

    def counted(mean, planes):
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        add(mean, planes)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt) as caught:
        patch.setattr(datasets.SizedMean, "add", counted)
        datasets.create(data, out, RECIPE)
    return caught.value


def whole(out):
    """Records and files of a store, and what it tells of itself."""
    found = {name: (out / name).read_bytes() for name in FILES}
    for part in ("train_lmdb", "validation_lmdb"):
        with Reader(out / part) as reader:
            found[part] = list(reader.items())
    assert not any(report.damaged for report in check_store(out))
    return found


def spoil(lmdb, how):
    """What may have become of an LMDB whose build was killed, or the machine under it."""
    path, table = lmdb / "data.mdb", lmdb / CHECKSUMS
    data, text = bytearray(path.read_bytes()), table.read_bytes()
    if how == "cut off":
        path.write_bytes(data[: len(data) // 2])
    elif how == "half a line":
        table.write_bytes(text[:-20])
    elif how == "no table":
        table.unlink()
    elif how == "garbage":
        table.write_bytes(b'"\xff\x00' + text)
    elif how == "one bit":
        with Reader(lmdb) as reader:
            value = reader.get(3)
        data[data.find(value) + 100] ^= 1
        path.write_bytes(data)


@pytest.mark.parametrize(
    "how", ["whole", "cut off", "half a line", "no table", "garbage", "one bit"]
)
def test_it_ends_as_if_nothing_had_happened(data, tmp_path, how):
    expected = datasets.create(data, tmp_path / "straight", RECIPE)
    error = stopped_after(15, data, tmp_path / "out")
    assert "--resume" in "".join(error.__notes__)
    spoil(tmp_path / "out" / ".builds" / "1" / "train_lmdb", how)
    report = datasets.create(data, tmp_path / "out", RECIPE, resume=True)
    assert whole(tmp_path / "out") == whole(tmp_path / "straight")
    assert report.remarks == expected.remarks
    assert 0 < report.resumed < 20
    assert f"resumed    {report.resumed} were stored before" in str(report)


def test_other_photos_are_another_build(data, tmp_path, capsys):
    stopped_after(15, data, tmp_path / "out")
    save_all(data, {"train/dog.0.png": picture(20, 30, 77)})
    command = ["--data", str(data), "--out", str(tmp_path / "out"), "--size", "16"]
    with pytest.raises(DataError, match="other photos, labels or options; give what it was begun"):
        create_lmdb.main([*command, "--resume"])
    create_lmdb.main(command)
    assert "were stored before" not in capsys.readouterr().out


def test_nothing_to_resume_is_told(data, tmp_path, capsys):
    create_lmdb.main(
        ["--data", str(data), "--out", str(tmp_path / "out"), "--size", "16", "--resume"]
    )
    assert "there was no build of these photos to go on with" in capsys.readouterr().out


def test_without_resume_it_begins_anew(data, tmp_path):
    stopped_after(15, data, tmp_path / "out")
    (tmp_path / "out" / ".builds" / "1" / "left over").touch()
    assert datasets.create(data, tmp_path / "out", RECIPE).resumed == 0
    assert not list((tmp_path / "out" / ".builds").rglob("left over"))


def test_nothing_is_kept_where_nothing_was_stored(data, tmp_path):
    stopped_after(0, data, tmp_path / "out")
    assert not (tmp_path / "out").exists()
