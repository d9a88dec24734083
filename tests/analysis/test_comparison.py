"""Two nets on the same photos, against binomial coefficients."""

from dataclasses import replace
from math import comb

import numpy as np
import pytest

from catdog.analysis.comparison import compare, comparison_lines
from catdog.analysis.labelled import LabelledPredictions
from catdog.errors import DataError


def net(right, label):
    taken = np.where(right, label, 1 - label)
    return LabelledPredictions(np.arange(len(label)), label, np.eye(2)[taken])


def pair(only_first, only_second, both=20):
    count = only_first + only_second + both
    label = np.arange(count) % 2
    at = np.arange(count)
    return net(at >= only_second, label), net(
        (at < only_second) | (at >= only_first + only_second), label
    )


@pytest.mark.parametrize(("one", "other"), [(12, 5), (3, 15), (0, 9), (1, 0)])
def test_the_chance_is_that_of_a_fair_coin(one, other):
    found = compare(*pair(one, other), ("a", "b"))
    assert (found.only_first, found.only_second, found.both, found.neither) == (one, other, 20, 0)
    tosses, most = one + other, max(one, other)
    tail = sum(comb(tosses, heads) for heads in range(most, tosses + 1)) / 2**tosses
    assert found.p == pytest.approx(min(1, 2 * tail))


def test_words():
    assert list(comparison_lines(compare(*pair(12, 5), ("a", "b")))) == [
        "86.49% (72.0% to 94.1%)  a",
        "67.57% (51.5% to 80.4%)  b",
        "12 of 37 photos only the first gets right, 5 only the second",
        "the difference may be chance: p = 0.14 (McNemar's exact test)",
    ]
    assert compare(*pair(0, 9), ("a", "b")).verdict == (
        "b is better, and that is hardly chance: p = 0.0039"
    )
    assert compare(*pair(0, 0), ("a", "b")).verdict == "neither is better on these photos"


def test_only_photos_that_both_judged_count():
    first, second = pair(4, 2)
    part = LabelledPredictions(second.index[3:], second.label[3:], second.probabilities[3:])
    assert compare(first, part, ("a", "b")).photos == len(part.label)
    with pytest.raises(DataError, match=r"--against: .*not judged on the same photos"):
        compare(first, replace(second, label=1 - second.label), ("a", "b"))
