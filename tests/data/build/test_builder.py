"""Keys and pixels of what is built; the bytes against a script of our own."""

import random

import cv2
import numpy as np
import pytest

from catdog.data.build.builder import Record, build, write_batches
from catdog.data.build.folder_layouts import find_photos
from catdog.data.build.listing import Listing, Photo
from catdog.data.build.split import TRAIN, VALIDATION, split
from catdog.data.datum import parse_datum
from catdog.data.lmdb_store import Reader, Writer, key
from catdog.errors import DataError
from catdog.proto.caffe_pb2 import DatasetParameter
from tests.pictures import picture, save_all

RECIPE = DatasetParameter(
    width=24,
    height=24,
    equalize=True,
    interpolation=DatasetParameter.CUBIC,
    validation_every=6,
    seed=9,
)


@pytest.fixture
def folder(tmp_path):
    files = {
        f"photos/{c}.{i}.{'png' if i % 3 else 'jpg'}": picture(30 + i, 50 - i, i)
        for c in ("cat", "dog")
        for i in range(15)
    }
    return save_all(tmp_path, files) / "photos"


@pytest.mark.parametrize("workers", [1, 3])
def test_lmdbs_are_those_of_a_script(folder, tmp_path, workers):
    seen = []
    counts = build(
        split(find_photos(folder), RECIPE),
        tmp_path,
        RECIPE,
        workers=workers,
        each=lambda part, planes: seen.append((part, planes)),
    )
    paths = sorted(folder.iterdir())
    random.Random(9).shuffle(paths)
    found = {}
    for part in (TRAIN, VALIDATION):
        with Reader(tmp_path / part) as reader:
            found |= {key: (part, parse_datum(value)) for key, value in reader.items()}
    assert len(found) == len(paths) == 30
    for number, path in enumerate(paths):
        part, datum = found[f"{number:08d}_{path.name}".encode()]
        pixels = cv2.imread(str(path))
        pixels = cv2.merge([cv2.equalizeHist(plane) for plane in cv2.split(pixels)])
        pixels = cv2.resize(pixels, (24, 24), interpolation=cv2.INTER_CUBIC).transpose(2, 0, 1)
        assert part == (TRAIN if number % 6 else VALIDATION)
        assert (datum.channels, datum.height, datum.width) == (3, 24, 24)
        assert datum.data == pixels.tobytes()
        assert datum.label == int("dog" in path.name)
        assert seen[number][0] == part
        assert (seen[number][1] == pixels).all()
    assert counts.pictures == {TRAIN: 25, VALIDATION: 5}


def test_a_split_without_photos_is_refused(folder, tmp_path):
    listing = find_photos(folder)
    listing.train = listing.train[:1]
    with pytest.raises(DataError, match="no photos left for training: 1 could be read, 0 not"):
        build(split(listing, RECIPE), tmp_path, RECIPE)


def test_batches_are_bounded_and_all_is_written(tmp_path, monkeypatch):
    held = []
    monkeypatch.setattr("catdog.data.build.builder.BATCH_BYTES", 1000)
    put = Writer.put
    monkeypatch.setattr(
        Writer, "put", lambda self, pairs, notes: held.append(len(pairs)) or put(self, pairs, notes)
    )
    entries = [Record(str(i % 2), key(i, ""), bytes(300)) for i in range(41)]
    write_batches({"0": tmp_path / "0", "1": tmp_path / "1"}, entries)
    assert sum(held) == 41
    assert max(held) <= 4
    for part in "01":
        with Reader(tmp_path / part) as reader:
            assert list(reader.keys) == [entry.key for entry in entries if entry.lmdb == part]


def test_a_fault_of_the_writer_comes_out(tmp_path, monkeypatch):
    def put(*_):
        raise DataError("the disk is full")

    monkeypatch.setattr(Writer, "put", put)
    with pytest.raises(DataError, match="the disk is full"):
        write_batches({"": tmp_path / "db"}, [Record("", b"a", b"b")])


@pytest.mark.parametrize("gray", [False, True])
def test_pixels_that_are_there_already(tmp_path, gray):
    pixels = picture(24, 24)
    first = Photo(tmp_path / "batch", "one", 1, pixels=pixels[:, :, ::-1][:, :, ::-1])
    listing = Listing("", ["a", "b"], [first, first._replace(name="two", label=0)])
    order = DatasetParameter.GRAY if gray else DatasetParameter.BGR
    recipe = DatasetParameter(validation=0, channel_order=order, equalize=True)
    before = pixels.copy()
    build(split(listing, recipe), tmp_path, recipe)
    assert (pixels == before).all()
    expected = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)[..., None] if gray else pixels
    expected = [cv2.equalizeHist(np.ascontiguousarray(p)) for p in expected.transpose(2, 0, 1)]
    with Reader(tmp_path / TRAIN) as reader:
        assert parse_datum(reader.first()).data == np.stack(expected).tobytes()
    assert not (tmp_path / VALIDATION).exists()
