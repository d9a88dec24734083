"""What a build holds for each photo, from the listing to its last line, is less than a name."""

import random
import tracemalloc
from pathlib import Path

import pytest

from catdog.data.build import folder_layouts
from catdog.data.build.doubles import Doubles
from catdog.data.build.folder_layouts import find_photos
from catdog.data.build.list_file import read_list, read_numbered
from catdog.data.build.listing import Listing, Photo
from catdog.data.build.split import TRAIN, VALIDATION, split
from catdog.data.lmdb_store import Reader, Writer, key
from catdog.proto.caffe_pb2 import DatasetParameter

COUNT = 20_000
#: A name of some 20 bytes and what is noted of it; in objects of Python it is 600.
MOST = 120
NAMES = [f"class_{number % 10:02d}/{number:08d}.png" for number in range(COUNT)]


def held_by(make):
    """What is made, with the most memory that it has taken for each photo."""
    tracemalloc.start()
    made = make()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return made, peak / COUNT


@pytest.fixture
def folder(tmp_path, monkeypatch):
    found = [tuple(name.split("/")) for name in NAMES]
    monkeypatch.setattr(folder_layouts, "files_below", lambda *_: iter(found))
    return tmp_path


def test_the_listing_of_a_folder(folder):
    listing, held = held_by(lambda: find_photos(folder))
    assert len(listing.train) == COUNT
    assert listing.train[7] == Photo(folder / NAMES[7], NAMES[7], 7)
    assert held < MOST


@pytest.mark.parametrize(
    "recipe",
    [
        DatasetParameter(seed=3, validation_every=6),
        DatasetParameter(seed=3, validation=0.1),
        DatasetParameter(seed=3, validation=77),
    ],
)
def test_the_division_is_that_of_a_shuffled_list(folder, recipe):
    listing = find_photos(folder)
    division, held = held_by(lambda: split(listing, recipe))
    assert held < MOST / 2
    photos = list(listing.train)
    random.Random(3).shuffle(photos)
    assert [each.photo for each in division] == photos
    assert [each.number for each in division] == list(range(COUNT))
    later = {each.number for each in division if each.part == VALIDATION}
    if recipe.validation:
        share = 2000 if recipe.validation < 1 else 77
        ranks = dict.fromkeys(range(10), 0)
        expected = set()
        for number, photo in enumerate(photos):
            # of 77 the ten classes have 7, and the rest goes to the first seven of them
            most = share // 10 + (photo.label < share % 10)
            if ranks[photo.label] < most:
                expected.add(number)
            ranks[photo.label] += 1
        assert later == expected
    else:
        assert later == set(range(0, COUNT, 6))


def test_list_files(tmp_path):
    lines = [f"{name} {number % 10}\n" for number, name in enumerate(NAMES)]
    (tmp_path / "list").write_text("".join([*lines, lines[5]]))
    listing, held = held_by(lambda: read_list(tmp_path / "list"))
    assert listing.train == [
        Photo(tmp_path / name, name, number % 10) for number, name in enumerate(NAMES)
    ]
    assert listing.skipped == [(NAMES[5], "listed twice")]
    assert held < 2 * MOST
    numbered, held = held_by(lambda: read_numbered(tmp_path / "list", "root"))
    assert numbered[3] == Photo(Path("root", NAMES[3]), NAMES[3], 3)
    assert held < MOST


def test_digests_of_all_pictures():
    def fill():
        doubles = Doubles()
        for number, name in enumerate(NAMES):
            digest = (number % 1999).to_bytes(8)
            doubles.add(VALIDATION if number % 6 else TRAIN, digest, name, number % 10)
        return doubles

    doubles, held = held_by(fill)
    assert held < MOST
    assert [line.split(" there")[0].split(" alike")[0] for line in doubles.lines()] == [
        "1,999 pictures are",
        "1,999 pictures stand in train and validation",
    ]


def test_keys_of_a_reader(tmp_path):
    writer = Writer(tmp_path / "db")
    keys = [key(number, name) for number, name in enumerate(NAMES)]
    writer.put([(each, b"") for each in keys])
    writer.close()
    with Reader(tmp_path / "db") as reader:
        found, held = held_by(lambda: reader.keys)
        assert found == keys
        assert held < MOST / 2


def test_classes_of_other_folders_keep_their_numbers(tmp_path):
    for name in ("train/b/1.png", "train/c/1.png", "train/a/1.png", "val/c/2.png", "val/b/2.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    listing = find_photos(tmp_path)
    assert listing.validation == [
        Photo(tmp_path / "val/b/2.png", "val/b/2.png", 1),
        Photo(tmp_path / "val/c/2.png", "val/c/2.png", 2),
    ]
    assert isinstance(listing, Listing)
