"""Perceptual hashes: what a copy keeps, what another picture does not have."""

import cv2
import numpy as np
import pytest

from catdog.analysis.duplicates import groups, perceptual_hash
from tests.pictures import picture


def distance(one, other):
    return (one ^ other).bit_count()


def copies(pixels):
    """The picture smaller, compressed, brighter, and a little blurred."""
    height, width = pixels.shape[:2]
    yield cv2.resize(pixels, (width // 2, height // 3), interpolation=cv2.INTER_AREA)
    yield cv2.imdecode(
        cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 30])[1], cv2.IMREAD_COLOR
    )
    yield cv2.convertScaleAbs(pixels, alpha=0.8, beta=25)
    yield cv2.GaussianBlur(pixels, (5, 5), 0)


@pytest.mark.parametrize("seed", range(5))
def test_copies_are_near_and_others_are_far(seed):
    pixels = picture(240, 180, seed)
    own = perceptual_hash(pixels)
    assert max(distance(own, perceptual_hash(copy)) for copy in copies(pixels)) <= 6
    assert distance(own, perceptual_hash(picture(240, 180, seed + 100))) > 12
    assert distance(own, perceptual_hash(pixels[:, ::-1].copy())) > 12


def test_a_picture_of_one_colour_has_no_hash():
    assert perceptual_hash(np.full((40, 40, 3), 200, np.uint8)) is None


def test_groups_are_those_of_every_pair_compared():
    rng = np.random.default_rng(4)
    values = [int(value) for value in rng.integers(0, 2**63, 1100, dtype=np.uint64)]
    for source, target, bits in ((3, 700, 1), (700, 1050, 6), (10, 11, 7), (20, 600, 0)):
        values[target] = values[source] ^ ((1 << bits) - 1 << 5 * (source % 3))
    values[30] = None
    near = [
        (a, b)
        for a in range(1100)
        for b in range(a + 1, 1100)
        if None not in (values[a], values[b]) and distance(values[a], values[b]) <= 6
    ]
    assert near == [(3, 700), (20, 600), (700, 1050)]
    assert groups(values) == [[3, 700, 1050], [20, 600]]
    assert groups([None, None]) == groups([]) == []
