"""One random draw."""

import numpy as np

from catdog.analysis.subset.distances import Distances, Indices
from catdog.analysis.subset.method import Settings


def random_draw(
    distances: Distances, count: int, _settings: Settings, rng: np.random.Generator
) -> Indices:
    """`count` random examples."""
    return rng.choice(distances.count, count, replace=False)
