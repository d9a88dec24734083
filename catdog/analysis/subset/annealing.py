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
    """From a random draw, try random exchanges; worse ones are accepted ever more rarely.

    One that loses d is accepted with probability exp(-d / T); T falls geometrically from the size
    of a typical gain or loss to a thousandth of it. Returns the best selection on the way.
    """
    selection = Selection(distances, rng.choice(distances.count, count, replace=False))
    if not selection.free.any():
        return selection.chosen
    steps = settings.steps * count
    slots, examples = rng.integers(count, size=steps), rng.integers(distances.count, size=steps)
    # a loss d is accepted where d < -T ln(u), u uniform in (0, 1)
    accepted = -np.log1p(-rng.random(steps)) * _temperatures(selection, steps, rng)
    best, gained, most = selection.chosen.copy(), 0.0, 0.0
    for slot, example, loss in zip(
        slots.tolist(), examples.tolist(), accepted.tolist(), strict=True
    ):
        if not selection.free[example]:
            continue
        out = selection.chosen[slot]
        gain = selection.sums[example] - selection.near[slot, example] - selection.sums[out]
        if gain > -loss:
            selection.exchange(slot, example)
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
