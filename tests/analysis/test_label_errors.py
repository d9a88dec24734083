"""Which photos are shown: the worst first, none twice."""

import numpy as np
import pytest

from catdog.analysis.label_errors import errors, losses, suspects
from catdog.analysis.labelled import LabelledPredictions

LABELS = [0, 0, 0, 0, 1, 1, 1, 1, 1]
DOGS = [0.12, 0.2, 0.97, 0.55, 0.9, 0.8, 0.02, 0.51, 0.45]


def judged():
    dogs = np.array(DOGS)
    return LabelledPredictions(np.arange(9), np.array(LABELS), np.stack((1 - dogs, dogs), axis=1))


def test_losses_and_errors():
    found = judged()
    own = [dog if label else 1 - dog for label, dog in zip(LABELS, DOGS, strict=True)]
    assert losses(found) == pytest.approx(-np.log(own))
    assert errors(found, 10) == [6, 2, 3, 8]
    assert errors(found, 1) == [6]


def test_a_photo_may_be_mislabelled_when_the_net_is_sure_of_another_class():
    # the mean probabilities of the own class are 0.54 of cats and 0.536 of dogs
    found = suspects(judged(), 3)
    assert found.mislabelled == [6, 2, 3]
    assert found.hardest == [8, 7, 1]
    assert found.undecided == [5, 0, 4]
    assert suspects(judged(), 1).hardest == [2]


def test_a_class_without_photos_is_no_ones_true_class():
    found = LabelledPredictions(np.arange(2), np.array([0, 0]), np.array([[0.1, 0.9], [0.8, 0.2]]))
    assert suspects(found, 5).mislabelled == []
    assert suspects(found, 5).hardest == [0, 1]
