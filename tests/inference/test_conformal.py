"""Sets of classes: the promise on exchangeable photos, and the rank by counting."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catdog.errors import CatdogError
from catdog.inference.conformal import (
    MOST,
    carried_least,
    least_probability,
    members,
    misfits,
    some_misfits,
)
from catdog.proto.caffe_pb2 import ConfidenceParameter


def drawn(rng, count, classes=4):
    """Photos whose labels follow other probabilities than the net says."""
    logits = rng.normal(0, 1.5, (count, classes))
    true = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    label = (rng.random((count, 1)) > true.cumsum(1)).sum(1).clip(max=classes - 1)
    said = np.exp(2.5 * logits + rng.normal(0, 1, logits.shape))
    return said / said.sum(1, keepdims=True), label


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.5, 0.8, 0.95]), st.integers(19, 60))
def test_the_promise_holds_on_the_mean_of_many_calibrations(seed, coverage, count):
    rng = np.random.default_rng(seed)
    inside = []
    for _ in range(60):
        said, label = drawn(rng, count)
        least = least_probability(misfits(said, label), coverage)
        others, theirs = drawn(rng, 200)
        inside.append(members(others, least)[np.arange(200), theirs].mean())
    error = np.std(inside) / math.sqrt(len(inside))
    assert np.mean(inside) > coverage - 4 * error


@given(st.lists(st.floats(0, 1), min_size=1, max_size=80), st.floats(0.05, 0.95))
def test_the_least_probability_leaves_out_no_more_than_that_rank(found, coverage):
    rank = math.ceil((len(found) + 1) * coverage - 1e-9)
    if rank > len(found):
        with pytest.raises(CatdogError, match=r"--coverage .*: needs .* photos"):
            least_probability(np.array(found), coverage)
        return
    wanted = 1 - sorted(found)[rank - 1]
    assert least_probability(np.array(found), coverage) == pytest.approx(wanted, abs=2e-6)


def test_the_number_of_photos_that_is_told_suffices():
    with pytest.raises(CatdogError, match=r"--coverage 0.95: needs 19 photos, the .* on 18"):
        least_probability(np.zeros(18), 0.95)
    assert least_probability(np.zeros(19), 0.95) == pytest.approx(1, abs=2e-6)


def test_a_set_has_the_likeliest_class_always_and_others_from_the_least_on():
    rows = np.array([[0.5, 0.3, 0.2], [0.9, 0.06, 0.04]], np.float32)
    assert members(rows, 0.3 - 1e-6).tolist() == [[True, True, False], [True, False, False]]
    assert members(rows, 0.99).tolist() == [[True, False, False], [True, False, False]]


def test_of_very_many_a_part_is_carried():
    found = some_misfits(np.random.default_rng(1).random(MOST + 500))
    assert len(found) == MOST
    assert (np.diff(found) >= 0).all()
    assert abs(np.median(found) - 0.5) < 0.03


def test_what_weights_do_not_carry_is_told():
    with pytest.raises(CatdogError, match=r"carry nothing to make sets.*--calibrate"):
        carried_least(ConfidenceParameter(), 0.9, "")
    carried = ConfidenceParameter(misfit=np.linspace(0, 1, 99), views="2")
    assert carried_least(carried, 0.9, "flip") == pytest.approx(1 - 89 / 98, abs=1e-5)
    with pytest.raises(CatdogError, match="were calibrated with --tta 2; predict so, or"):
        carried_least(carried, 0.9, "")
