"""Which photo goes to which LMDB."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catdog.data.build.listing import Listing, Photo
from catdog.data.build.split import TEST, TRAIN, VALIDATION, split
from catdog.errors import DataError
from catdog.proto.caffe_pb2 import DatasetParameter

RECIPE = DatasetParameter(validation_every=6, seed=9)


def photos(count):
    return [Photo(Path(f"{n}.jpg"), f"{n}.jpg", n % 2) for n in range(count)]


def test_every_sixth_of_the_shuffled_list_is_for_validation():
    assigned = split(Listing("", ["a", "b"], photos(50)), RECIPE)
    shuffled = photos(50)
    random.Random(9).shuffle(shuffled)
    assert [each.photo for each in assigned] == shuffled
    assert [each.number for each in assigned if each.part == VALIDATION] == list(range(0, 50, 6))
    other = split(Listing("", ["a", "b"], photos(50)), DatasetParameter(seed=8, validation_every=6))
    assert [each.photo for each in other] != shuffled


def test_what_came_divided_stays_so():
    assigned = split(Listing("", ["a", "b"], photos(9), photos(4)), RECIPE)
    assert [each.part for each in assigned] == [TRAIN] * 9 + [VALIDATION] * 4
    assert {each.photo for each in assigned if each.part == VALIDATION} == set(photos(4))


def cut(photos, validation, seed=9):
    recipe = DatasetParameter(seed=seed, validation=validation)
    assigned = split(Listing("", [], photos), recipe)
    assert sorted(each.photo for each in assigned) == sorted(photos)
    return [each.photo for each in assigned if each.part == VALIDATION]


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
    assigned = split(listing, RECIPE)
    assert [each.part for each in assigned[12:]] == [TEST] * 5
    assert sorted(each.number for each in assigned[12:]) == list(range(5))
    assert [each.part for each in assigned[:12]] == [
        each.part for each in split(Listing("", ["a", "b"], photos(12)), RECIPE)
    ]
