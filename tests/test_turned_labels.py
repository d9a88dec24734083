"""Labels that were turned on purpose, with features that tell the classes apart."""

from pathlib import Path

import numpy as np
import pytest

from catdog.analysis.photo_quality import measure
from catdog.analysis.survey import PhotoInfo
from catdog.data.build.listing import Photo
from experiments.turned_labels import outcome
from tests.pictures import picture


@pytest.mark.parametrize("classes", [["cat", "dog"], ["cat", "dog", "hen"]])
def test_what_is_turned_is_found_and_mended(classes):
    chance, measured = np.random.default_rng(0), measure(picture(80, 60))
    labels = np.arange(150) % len(classes)
    features = (8 * np.eye(16)[labels] + chance.normal(size=(150, 16))).astype(np.float32)
    seen = [
        PhotoInfo(
            Photo(Path(f"{i}.jpg"), f"{i}.jpg", int(label)), 80, 60, frozenset(), False, None, b"",
            measured,
        )
        for i, label in enumerate(labels)
    ]  # fmt: skip
    found = outcome(seen, features, classes, 0.05, seed=1)
    # 150 photos, of each class one in six is held out
    assert found.turned == 6
    assert (found.first, found.suggested, found.wronged) == (1, 1, 0)
    assert (found.right, found.after) == (1, 1)
