"""Views of a photo: where they are cut or to where they are moved."""

import cv2
import numpy as np
import pytest

from catdog.data.test_time import VIEWS, View, views_of
from catdog.data.transform import Cut
from catdog.errors import DataError

CORNERS = [word for word in VIEWS if VIEWS[word][0]]


def places(word, stored, wanted):
    return [view.cut for view in views_of(word, stored, wanted)]


def test_the_places_of_the_looks():
    stored, wanted = (3, 10, 12), (3, 8, 8)
    assert views_of("", stored, wanted) == []
    assert places("flip", stored, wanted) == places("2", stored, wanted) == [
        (1, 2, False), (1, 2, True),
    ]  # fmt: skip
    assert places("5", stored, wanted) == [
        (1, 2, False), (0, 0, False), (0, 4, False), (2, 0, False), (2, 4, False),
    ]  # fmt: skip
    ten = places("10", stored, wanted)
    assert ten[::2] == places("5", stored, wanted)
    assert [cut._replace(mirrored=False) for cut in ten[1::2]] == ten[::2]
    assert len(set(ten)) == 10
    assert all((view.down, view.right) == (0, 0) for view in views_of("10", stored, wanted))


@pytest.mark.parametrize("word", CORNERS)
def test_a_photo_that_is_seen_whole_is_moved_into_the_corners(word):
    views = views_of(word, (3, 32, 48), (3, 32, 48))
    assert len(views) == len(set(views)) == int(word)
    assert views[0] == View(Cut(0, 0, mirrored=False))
    moves = {(view.down, view.right) for view in views[1:]} - {(0, 0)}
    assert moves == {(2, 3), (2, -3), (-2, 3), (-2, -3)}


@pytest.mark.parametrize(("down", "right"), [(0, 0), (2, 3), (-2, 1), (1, -4), (-3, -1)])
def test_a_moved_photo_is_that_of_opencv(down, right):
    photo = np.random.default_rng(0).integers(0, 256, (3, 9, 11), np.uint8)
    matrix = np.array([[1, 0, right], [0, 1, down]], np.float64)
    want = cv2.warpAffine(
        photo.transpose(1, 2, 0), matrix, (11, 9), borderMode=cv2.BORDER_REFLECT_101
    )
    moved = View(Cut(0, 0, mirrored=False), down, right).of(photo)
    np.testing.assert_array_equal(moved, want.transpose(2, 0, 1))


@pytest.mark.parametrize("side", [1, 2, 15])
def test_a_small_photo_is_moved_by_a_pixel(side):
    photo = np.arange(side * side, dtype=np.float32).reshape(1, side, side)
    for view in views_of("10", photo.shape, photo.shape):
        assert max(abs(view.down), abs(view.right)) <= 1
        assert view.of(photo).shape == photo.shape


def test_another_word_is_told():
    with pytest.raises(DataError, match=r'"mirror" is no way to look at a photo; one of flip, 2'):
        views_of("mirror", (3, 10, 12), (3, 8, 8))
