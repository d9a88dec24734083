"""Whether a quantity that is looked at again and again grows steadily."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

#: Looks that are needed; of more, so many are enough.
_LEAST, _MOST = 24, 120
#: Parts of the time in each of which it must grow.
_PARTS = 4
#: Of the mean pace, what the slowest part must have: a growth that ends becomes slow. Of the
#: growth, what the mean pace must explain: a step at the end has another cause.
_STEADY = 0.4
#: Of all pairs of looks, the share in which the later one must be the higher.
_RISING = 0.8


class Growth(NamedTuple):
    """From one value to another, at so much a second."""

    before: float
    after: float
    pace: float


def steady_growth(times: Sequence[float], values: Sequence[float]) -> Growth | None:
    """The growth over some looks in the order of their times; None where it is not steady.

    Steady is what rises in most pairs of looks (Kendall's tau), and in each quarter of the time at
    no less than 40 % of the mean pace, which explains 40 % of the growth at least: steps, also one
    at the end, saw teeth and what levels off are not. A pace is the median over pairs of looks
    (Theil and Sen), which single odd looks do not change.
    """
    if len(times) < _LEAST:
        return None
    chosen = np.linspace(0, len(times) - 1, min(len(times), _MOST)).astype(int)
    at, seen = np.asarray(times, float)[chosen], np.asarray(values, float)[chosen]
    pace, rising = _pace(at, seen)
    if pace <= 0 or rising < _RISING:
        return None
    parts = zip(np.array_split(at, _PARTS), np.array_split(seen, _PARTS), strict=True)
    if any(_pace(*part)[0] < _STEADY * pace for part in parts):
        return None
    growth = Growth(float(np.median(seen[:5])), float(np.median(seen[-5:])), pace)
    explained = pace * (at[-1] - at[0])
    return growth if explained >= _STEADY * (growth.after - growth.before) else None


def _pace(times: Numbers, values: Numbers) -> tuple[float, float]:
    """The median slope of all pairs, and the share of pairs that rise."""
    first, second = np.triu_indices(len(times), 1)
    slopes = (values[second] - values[first]) / np.maximum(times[second] - times[first], 1e-9)
    return float(np.median(slopes)), float((slopes > 0).mean())
