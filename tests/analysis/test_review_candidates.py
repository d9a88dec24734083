import numpy as np
import pytest

from catdog.analysis.labelled import LabelledPredictions
from catdog.analysis.review_candidates import (
    HARD,
    MISLABELLED,
    UNDECIDED,
    read_note,
    review_candidates,
)
from catdog.data.build.review import ReviewRow
from tests.analysis.test_label_errors import judged

CLASSES, NAMES = ["cat", "dog"], [f"{number}.jpg" for number in range(9)]


def test_photos_to_look_at_the_worst_of_each_kind_first():
    found = review_candidates(judged(), CLASSES, NAMES, 3)
    assert [(each.photo, each.reason) for each in found] == [
        *((f"{number}.jpg", MISLABELLED) for number in (6, 2, 3)),
        *((f"{number}.jpg", HARD) for number in (8, 7, 1)),
        *((f"{number}.jpg", UNDECIDED) for number in (5, 0, 4)),
    ]
    worst = found[0]
    assert (worst.label, worst.taken_for, worst.at) == ("dog", "cat", 6)
    assert (worst.probability, worst.own) == pytest.approx((0.98, 0.02))
    assert worst.loss == pytest.approx(-np.log(0.02))
    note = "may be mislabelled: the net says cat 98.0%"
    assert worst.row == ReviewRow("6.jpg", "dog", note=note)


def test_names_are_those_of_the_photos_that_could_be_read_and_none_is_there_twice():
    whole = judged()
    part = LabelledPredictions(np.array([4, 8]), whole.label[6:8], whole.probabilities[6:8])
    found = review_candidates(part, CLASSES, [*NAMES[:8], "4.jpg"], 5)
    assert [each.photo for each in found] == ["4.jpg"]


def test_the_note_of_a_proposed_row_is_read_and_that_of_a_person_left():
    for each in review_candidates(judged(), CLASSES, NAMES, 3):
        told = read_note(each.row.note)
        assert told[:2] == (each.reason, each.taken_for)
        assert told.probability == pytest.approx(each.probability, abs=0.0005)
    assert read_note("a 100% blurred photo") == ("a 100% blurred photo", "", None)


def test_of_several_reasons_the_first_is_read():
    note = "may be mislabelled: the net says cat; dog 97.0%"
    assert read_note(note) == (MISLABELLED, "cat; dog", 0.97)
    assert read_note("may be mislabelled: the net says cat 97.0%; dark") == (
        MISLABELLED,
        "cat",
        0.97,
    )
    assert read_note("unlike the others: 1.7 times; blurred").reason == "unlike the others"
    assert read_note("dark; blurred").reason == "dark"
    assert read_note("dark: too late; in the evening").reason == "dark"
    assert read_note("seen; twice").reason == "seen; twice"
