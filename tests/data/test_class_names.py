"""Names of labels, plain and mixed."""

import numpy as np
import pytest

from catdog.data.class_names import name_of

CLASSES = ["cat", "dog", "hen"]


@pytest.mark.parametrize(
    ("label", "name"),
    [
        (1, "dog"),
        (7, "7"),
        (0.25, "0.25"),
        ([0, 1, 0], "dog"),
        ([0.5, 0.2, 0.3], "50% cat, 30% hen"),
    ],
)
def test_names(label, name):
    assert name_of(np.float32(label), CLASSES) == name
