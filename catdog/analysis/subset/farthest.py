"""Greedy farthest points (Gonzalez, 1985)."""

import numpy as np

from catdog.analysis.subset.distances import Distances, Indices
from catdog.analysis.subset.method import Settings


def farthest(
    distances: Distances, count: int, _settings: Settings, _rng: np.random.Generator
) -> Indices:
    """First the example farthest from the middle, then always the one farthest from the chosen."""
    chosen = [distances.outermost()]
    nearest = distances.rows(np.array(chosen))[0]
    nearest[chosen] = -1
    while len(chosen) < count:
        chosen.append(int(nearest.argmax()))
        np.minimum(nearest, distances.rows(np.array(chosen[-1:]))[0], out=nearest)
        nearest[chosen] = -1
    return np.array(chosen)
