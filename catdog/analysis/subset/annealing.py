"""Simulated annealing (Kirkpatrick, Gelatt and Vecchi, 1983)."""

import math

import numpy as np

from catdog.analysis.subset.distances import Distances, Indices
from catdog.analysis.subset.method import Settings
from catdog.analysis.subset.selection import Selection

#: How often the typical exchange is tried to find the first temperature, and what is left of it.
_SAMPLE, _COLD = 256, 1e-3


def anneal(
    distances: Distances, count: int, settings: Settings, rng: np.random.Generator
) -> Indices:
    """From a draw at random, try exchanges at random; worse ones are done ever more rarely.

    One that loses d is done with probability exp(-d / T); T falls evenly in its logarithm from the
    size of a typical gain or loss to a thousandth. The best choice on the way counts.
    """
    selection = Selection(distances, rng.choice(distances.count, count, replace=False))
    if not selection.free.any():
        return selection.chosen
    steps = settings.steps * count
    places, examples = rng.integers(count, size=steps), rng.integers(distances.count, size=steps)
    # ln of the chance at which a loss is borne: d < -T ln(chance)
    borne = -np.log1p(-rng.random(steps)) * _temperatures(selection, steps, rng)
    best, gained, most = selection.chosen.copy(), 0.0, 0.0
    for place, example, loss in zip(
        places.tolist(), examples.tolist(), borne.tolist(), strict=True
    ):
        if not selection.free[example]:
            continue
        out = selection.chosen[place]
        gain = selection.sums[example] - selection.near[place, example] - selection.sums[out]
        if gain > -loss:
            selection.exchange(place, example)
            gained += float(gain)
            if gained > most:
                best, most = selection.chosen.copy(), gained
    return best


def _temperatures(
    selection: Selection, steps: int, rng: np.random.Generator
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    sample = rng.choice(np.flatnonzero(selection.free), _SAMPLE)
    start = max(float(np.abs(selection.gains(sample)).mean()), math.ulp(1))
    return np.geomspace(start, start * _COLD, steps)
