"""Which photo goes where, with which key and pixels; the bytes against a script of our own."""

import random
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catdog.data.build.builder import TEST, TRAIN, VALIDATION, build, divide, write_batches
from catdog.data.build.listing import Listing, Photo, find_photos
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


def photos(count):
    return [Photo(Path(f"{n}.jpg"), f"{n}.jpg", n % 2) for n in range(count)]


def test_every_sixth_of_the_shuffled_list_is_for_validation():
    jobs = divide(Listing("", ["a", "b"], photos(50)), RECIPE)
    shuffled = photos(50)
    random.Random(9).shuffle(shuffled)
    assert [job.photo for job in jobs] == shuffled
    assert [job.number for job in jobs if job.part == VALIDATION] == list(range(0, 50, 6))
    other = divide(
        Listing("", ["a", "b"], photos(50)), DatasetParameter(seed=8, validation_every=6)
    )
    assert [job.photo for job in other] != shuffled


def test_what_came_divided_stays_so():
    jobs = divide(Listing("", ["a", "b"], photos(9), photos(4)), RECIPE)
    assert [job.part for job in jobs] == [TRAIN] * 9 + [VALIDATION] * 4
    assert {job.photo for job in jobs if job.part == VALIDATION} == set(photos(4))


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
        divide(find_photos(folder), RECIPE),
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
    listing.train[:] = listing.train[:1]
    with pytest.raises(DataError, match="no photos left for training: 1 could be read, 0 not"):
        build(divide(listing, RECIPE), tmp_path, RECIPE)


def test_batches_are_bounded_and_all_is_written(tmp_path, monkeypatch):
    held = []
    monkeypatch.setattr("catdog.data.build.builder.BATCH_BYTES", 1000)
    put = Writer.put
    monkeypatch.setattr(
        Writer, "put", lambda self, pairs: held.append(len(pairs)) or put(self, pairs)
    )
    entries = [(str(i % 2), key(i, ""), bytes(300)) for i in range(41)]
    write_batches({"0": tmp_path / "0", "1": tmp_path / "1"}, entries)
    assert sum(held) == 41
    assert max(held) <= 4
    for part in "01":
        with Reader(tmp_path / part) as reader:
            assert list(reader.keys) == [at for name, at, _ in entries if name == part]


def test_a_fault_of_the_writer_comes_out(tmp_path, monkeypatch):
    def put(*_):
        raise DataError("the disk is full")

    monkeypatch.setattr(Writer, "put", put)
    with pytest.raises(DataError, match="the disk is full"):
        write_batches({"": tmp_path / "db"}, [("", b"a", b"b")])


def cut(photos, validation, seed=9):
    recipe = DatasetParameter(seed=seed, validation=validation)
    jobs = divide(Listing("", [], photos), recipe)
    assert sorted(job.photo for job in jobs) == sorted(photos)
    return [job.photo for job in jobs if job.part == VALIDATION]


@settings(deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=5), st.data())
def test_every_class_gives_its_share(sizes, data):
    photos = [
        Photo(Path(f"{label}-{n}"), f"{label}-{n}", label)
        for label, size in enumerate(sizes)
        for n in range(size)
    ]
    number = data.draw(st.integers(0, len(photos) - 1))
    later = cut(photos, number)
    assert len(later) == number
    for label, size in enumerate(sizes):
        share = number * size / len(photos)
        assert abs(sum(photo.label == label for photo in later) - share) < 1
    assert len(cut(photos, 0.1)) == round(0.1 * len(photos))


def test_the_seed_cuts():
    assert cut(photos(50), 10) == cut(photos(50), 10)
    assert cut(photos(50), 10) != cut(photos(50), 10, seed=8)


def test_validation_takes_not_all():
    with pytest.raises(DataError, match="50 photos for validation leave none of 50"):
        cut(photos(50), 50)


def test_test_photos_stay_apart():
    listing = Listing("", ["a", "b"], photos(12), test=photos(5))
    jobs = divide(listing, RECIPE)
    assert [job.part for job in jobs[12:]] == [TEST] * 5
    assert sorted(job.number for job in jobs[12:]) == list(range(5))
    assert [job.part for job in jobs[:12]] == [
        job.part for job in divide(Listing("", ["a", "b"], photos(12)), RECIPE)
    ]


@pytest.mark.parametrize("gray", [False, True])
def test_pixels_that_are_there_already(tmp_path, gray):
    pixels = picture(24, 24)
    first = Photo(tmp_path / "batch", "one", 1, pixels=pixels[:, :, ::-1][:, :, ::-1])
    listing = Listing("", ["a", "b"], [first, first._replace(name="two", label=0)])
    order = DatasetParameter.GRAY if gray else DatasetParameter.BGR
    recipe = DatasetParameter(validation=0, channel_order=order, equalize=True)
    before = pixels.copy()
    build(divide(listing, recipe), tmp_path, recipe)
    assert (pixels == before).all()
    expected = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)[..., None] if gray else pixels
    expected = [cv2.equalizeHist(np.ascontiguousarray(p)) for p in expected.transpose(2, 0, 1)]
    with Reader(tmp_path / TRAIN) as reader:
        assert parse_datum(reader.first()).data == np.stack(expected).tobytes()
    assert not (tmp_path / VALIDATION).exists()
