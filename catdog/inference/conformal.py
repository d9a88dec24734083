"""Sets of classes that hold the right one as often as is asked: split conformal prediction.

Angelopoulos & Bates, A Gentle Introduction to Conformal Prediction, 2021, sections 1 and 1.1. What
is promised holds for photos of the kind that the sets were fitted on, on the mean over all of them.
"""

import math

import numpy as np
from numpy.typing import NDArray

from catdog.data.test_time import VIEWS
from catdog.errors import CatdogError
from catdog.proto.caffe_pb2 import ConfidenceParameter

Floats = NDArray[np.float64]

#: So many misfits are carried: some 40 kB, which tell a share to a thousandth.
MOST = 10_000
#: What float32 may have taken from a probability.
_ROUNDING = 1e-6
#: What fits all of it.
REMEDY = "catdog evaluate --weights FILE --data VALIDATION --calibrate"


def misfits(probabilities: Floats, labels: NDArray[np.int64]) -> Floats:
    """1 - the probability of its label of each photo: rows x classes and rows to rows."""
    found: Floats = 1 - probabilities[np.arange(len(labels)), labels]
    return found


def some_misfits(found: Floats) -> Floats:
    """All misfits, or MOST of more drawn at random, which keeps the promise; smallest first."""
    if len(found) > MOST:
        found = np.random.default_rng(0).choice(found, MOST, replace=False)
    return np.sort(found)


def upper_quantile(found: Floats, coverage: float, flag: str) -> float:
    """The ceil((n + 1) coverage)-th smallest of n numbers: another one of their kind is not larger
    so often.

    Raises CatdogError where n is too small for that.
    """
    rank = math.ceil((len(found) + 1) * coverage - 1e-9)
    if rank > len(found):
        needed = math.ceil(coverage / (1 - coverage) - 1e-9)
        raise CatdogError(
            f"needs {needed:,} photos, the weights were calibrated on {len(found):,}",
            where=flag,
            remedy="ask for less, or calibrate on more",
        )
    return float(np.partition(found, rank - 1)[rank - 1])


def least_probability(found: Floats, coverage: float) -> float:
    """The probability from which on a class belongs to the set of a photo.

    1 - the `upper_quantile` of the misfits. Raises CatdogError where they are too few: then no set
    but that of all classes holds the promise.
    """
    largest = upper_quantile(found, coverage, f"--coverage {coverage:g}")
    return max(0.0, 1 - largest - _ROUNDING)


def members(probabilities: NDArray[np.floating], least: float) -> NDArray[np.bool_]:
    """Which classes are in the set of each photo, rows x classes: all that are as likely as that,
    and the likeliest, which can only add to how often a set is right."""
    inside: NDArray[np.bool_] = probabilities >= least
    inside[np.arange(len(inside)), probabilities.argmax(1)] = True
    return inside


def carried_least(carried: ConfidenceParameter, coverage: float, views: str) -> float:
    """`least_probability` by what weights carry.

    Raises CatdogError where they carry nothing, or what was found with other looks at a photo.
    """
    if not carried.misfit:
        what = "the weights carry nothing to make sets of classes by"
        raise CatdogError(what, where="--coverage", remedy=REMEDY)
    check_views(carried, views, "--coverage")
    return least_probability(np.array(carried.misfit, np.float64), coverage)


def is_of_views(carried: ConfidenceParameter, views: str) -> bool:
    """Whether weights carry something that was found with these looks at a photo."""
    return bool(carried.misfit) and VIEWS.get(carried.views) == VIEWS.get(views)


def check_views(carried: ConfidenceParameter, views: str, flag: str) -> None:
    """Raise CatdogError where what weights carry was found with other looks at a photo."""
    if VIEWS.get(carried.views) != VIEWS.get(views):
        there = f"--tta {carried.views}" if carried.views else "a single look"
        raise CatdogError(
            f"the weights were calibrated with {there}",
            where=flag,
            remedy=f"predict so, or calibrate anew: {REMEDY}{f' --tta {views}' if views else ''}",
        )
