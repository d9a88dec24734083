"""Local search by exchanges, always the best one."""

import numpy as np

from catdog.analysis.subset.distances import Distances, Indices
from catdog.analysis.subset.method import Settings
from catdog.analysis.subset.selection import Selection

#: A gain below this part of the mean distance is rounding.
SMALLEST = 1e-6


def exchange(
    distances: Distances, count: int, _settings: Settings, rng: np.random.Generator
) -> Indices:
    """From a random draw, exchange until no exchange increases the mean pairwise distance.

    Each step tries every chosen example against every other and does the best exchange.
    """
    selection = Selection(distances, rng.choice(distances.count, count, replace=False))
    least = SMALLEST * float(selection.near.mean())
    while selection.free.any():
        gains = selection.gains()
        gains[:, ~selection.free] = -np.inf
        slot, example = divmod(int(gains.argmax()), distances.count)
        if gains[slot, example] <= least:
            break
        selection.exchange(slot, example)
    return selection.chosen
