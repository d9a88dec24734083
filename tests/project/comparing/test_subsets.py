"""Photos that nets are compared on: held out once, and parts that hold each other."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catdog.data.build.listing import Listing, Photo
from catdog.errors import CatdogError
from catdog.project.comparing.subsets import counts_of, divide, in_proportion
from catdog.project.found import FoundPhotos, find
from tests.project.photos import write_photo, write_photos


def silent(_: str) -> None:
    """Hears nothing."""


@given(st.lists(st.integers(1, 60), min_size=2, max_size=5), st.randoms(use_true_random=False))
def test_every_beginning_has_the_classes_in_proportion(sizes, chance):
    photos = [
        Photo(Path(f"{label}/{number}"), f"{label}/{number}", label)
        for label, size in enumerate(sizes)
        for number in range(size)
    ]
    chance.shuffle(photos)
    ordered = in_proportion(photos)
    assert sorted(ordered) == sorted(photos)
    for label in range(len(sizes)):
        own = [photo for photo in photos if photo.label == label]
        assert [photo for photo in ordered if photo.label == label] == own
    for count in range(1, len(photos) + 1):
        seen = Counter(photo.label for photo in ordered[:count])
        for label, size in enumerate(sizes):
            assert abs(seen[label] - count * size / len(photos)) <= len(sizes) / 2


def test_parts_hold_each_other_and_nothing_that_is_held_out(tmp_path):
    write_photos(tmp_path / "photos", ["ant", "bee"], 24)
    write_photos(tmp_path / "photos", ["cow"], 12)
    found = find(tmp_path / "photos")
    parts = divide(found, seed=1)
    assert Counter(photo.label for photo in parts.held_out) == {0: 4, 1: 4, 2: 2}
    smaller: set[str] = set()
    for count in (5, 10, 25, 50):
        part = parts.part(count)
        names = {photo.name for photo in part.listing.train}
        assert len(names) == count
        assert part.training == count
        assert names > smaller
        assert part.listing.validation == parts.held_out
        assert not names & {photo.name for photo in parts.held_out}
        assert Counter(photo.label for photo in part.listing.train) == {
            0: count * 2 // 5,
            1: count * 2 // 5,
            2: count // 5,
        }
        smaller = names
    assert divide(found, seed=1) == parts
    assert {photo.name for photo in divide(found, seed=2).held_out} != {
        photo.name for photo in parts.held_out
    }


def test_photos_that_came_for_validation_are_held_out(tmp_path):
    write_photos(tmp_path / "photos/train", count=11)
    write_photos(tmp_path / "photos/val", count=3)
    parts = divide(find(tmp_path / "photos"), seed=1)
    assert len(parts.ordered) == 33
    assert {photo.path.parts[-3] for photo in parts.held_out} == {"val"}
    assert len(parts.held_out) == 9


def test_several_labels_are_refused(tmp_path):
    for number in range(12):
        write_photo(tmp_path / f"{number}.png", 0, number)
    lines = [f"{number}.png,1,{number % 2}" for number in range(12)]
    table = tmp_path / "labels.csv"
    table.write_text("\n".join(["file,light,left", *lines]))
    listing = Listing("a table", ["light", "left"], [])
    with pytest.raises(CatdogError, match=r"labels.csv: photos with several labels cannot be"):
        divide(FoundPhotos(tmp_path, table, True, listing), seed=1)


@pytest.fixture
def parts(tmp_path):
    write_photos(tmp_path / "photos", ["ant", "bee"], 60)
    return divide(find(tmp_path / "photos"), seed=1)


def test_the_usual_counts_are_those_below_all_and_all(parts):
    assert counts_of(parts, [], silent) == [100]
    more = parts.__class__(parts.found, [*parts.ordered] * 4, parts.held_out)
    assert counts_of(more, [], silent) == [100, 300, 400]


def test_counts_that_are_not_there_are_told(parts):
    told: list[str] = []
    assert counts_of(parts, [100, 7, 7, 101, 1], told.append) == [7, 100]
    what = "there are 100 photos to learn from, and 2 photos have one of each class"
    assert told == [f"left out: 1, 101 photos; {what}"]
    with pytest.raises(CatdogError, match=rf"--counts: {what}; name numbers from 2 to 100"):
        counts_of(parts, [500], silent)


def test_files_that_are_held_out_and_learned_from_are_told(parts):
    assert parts.doubles() == []
    seen, judged = parts.ordered[0], parts.held_out[0]
    judged.path.write_bytes(seen.path.read_bytes())
    (line, *_) = [line for line in parts.doubles() if "train and validation" in line]
    assert line.startswith("1 picture stands in train and validation alike, such as ")
    assert {seen.name, judged.name} <= set(line.replace(":", "").split())
    seen.path.unlink()
    assert parts.doubles() == []
