"""Faults of pictures, each made on purpose."""

import sys

import cv2
import numpy as np
import pytest
from PIL import Image

from catdog.analysis.photo_quality import check_ready, measure, photo_faults
from catdog.errors import CatdogError


def sharp(seed: int, width: int = 400, height: int = 300) -> np.ndarray:
    """Fields of colours with hard edges."""
    fields = np.random.default_rng(seed).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    return cv2.resize(fields, (width, height), interpolation=cv2.INTER_NEAREST)


def smooth() -> np.ndarray:
    """Light and dark, all shades of it, without an edge."""
    shades = np.add.outer(np.linspace(10, 80, 300), np.linspace(10, 80, 400))
    return np.repeat(shades.astype(np.uint8)[..., None], 3, axis=2)


ODD = {
    "dark": (sharp(50) * 0.1).astype(np.uint8),
    "overexposed": np.maximum(sharp(51), 250),
    "blurred": smooth(),
    "odd shape": sharp(52, 900, 130),
    "odd size": sharp(53, 2400, 1800),
    "nearly empty": np.full((300, 400, 3), 128, np.uint8),
}


def test_each_fault_is_found_and_no_other_photo_has_one():
    plain = [sharp(seed, 400 + seed) for seed in range(12)]
    found = photo_faults([measure(each) for each in [*plain, *ODD.values()]])
    assert found[:12] == [[]] * 12
    for kind, faults in zip(ODD, found[12:], strict=True):
        assert kind in {fault.kind for fault in faults}
        assert all(0 <= fault.score < 1 for fault in faults)
    assert photo_faults([]) == []


def test_brightness_is_that_of_the_percentile_of_its_pixels():
    picture = sharp(7)
    blue, green, red = (picture[..., at].astype(float) for at in range(3))
    bright = np.sqrt(0.241 * red**2 + 0.691 * green**2 + 0.068 * blue**2) / 255
    assert measure(picture)["brightness_perc_99"] == pytest.approx(np.percentile(bright, 99))
    assert measure(picture)["entropy"] == pytest.approx(
        Image.fromarray(picture[..., ::-1]).entropy()
    )


def test_without_cleanvision_the_command_is_told(monkeypatch):
    module = "cleanvision.issue_managers.image_property_issue_manager"
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(CatdogError, match=r"needs cleanvision, .*; pip install 'catdog-torch\["):
        check_ready()
