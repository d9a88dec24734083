"""What is seen of photo files of every kind."""

import hashlib

import numpy as np
import pytest

from catdog.analysis.duplicates import perceptual_hash
from catdog.analysis.survey import PhotoInfo, UnreadablePhoto, survey
from catdog.data.build.folder_layouts import find_photos
from tests.pictures import by_pillow, encoded, picture, save_all, turned_jpeg


@pytest.fixture
def looks(tmp_path):
    pale = picture(80, 60)
    pale[:] = pale.mean(axis=2, keepdims=True).astype(np.uint8)
    pale[..., 0] += pale[..., 0] < 250
    files = {
        "cat.1.jpg": picture(90, 30),
        "cat.2.jpg": turned_jpeg(picture(90, 30), 6),
        "cat.3.png": picture(20, 50),
        "cat.4.jpg": b"not a picture",
        "cat.5.jpg": encoded(picture(90, 30))[:-40],
        "dog.1.png": pale,
        "dog.2.png": by_pillow("L", "png"),
        "dog.3.jpg": np.full((50, 50, 3), 90, np.uint8),
    }
    photos = find_photos(save_all(tmp_path, files)).train
    return {look.photo.name: look for look in survey(photos)}


def test_sizes_are_those_the_right_way_up(looks):
    sizes = {name: look[1:3] for name, look in looks.items() if isinstance(look, PhotoInfo)}
    assert sizes["cat.1.jpg"] == (90, 30)
    assert sizes["cat.2.jpg"] == (30, 90)
    assert looks["cat.1.jpg"].aspect == 3
    assert looks["cat.1.jpg"].skew == looks["cat.2.jpg"].skew == 3
    assert looks["cat.3.png"].skew == 2.5


def test_files_that_cannot_be_read_are_kept_with_the_reason(looks):
    unreadable = {
        name: look.reason for name, look in looks.items() if isinstance(look, UnreadablePhoto)
    }
    assert unreadable == {
        "cat.4.jpg": "not a picture that can be decoded",
        "cat.5.jpg": "truncated JPEG: its end is missing",
    }


def test_grey_is_what_has_no_colour_however_it_is_stored(looks):
    gray = {name for name, look in looks.items() if isinstance(look, PhotoInfo) and look.gray}
    assert gray == {"dog.1.png", "dog.2.png", "dog.3.jpg"}


def test_hash_and_digest_are_those_of_the_file(looks):
    look = looks["cat.1.jpg"]
    assert look.digest == hashlib.blake2b(look.photo.path.read_bytes(), digest_size=16).digest()
    near = (look.hash ^ perceptual_hash(picture(90, 30))).bit_count()
    assert near <= 6
    assert looks["dog.3.jpg"].hash is None
