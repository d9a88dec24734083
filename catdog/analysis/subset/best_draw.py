"""The best of many random draws."""

import numpy as np

from catdog.analysis.subset.distances import Distances, Indices
from catdog.analysis.subset.method import Settings


def best_draw(
    distances: Distances, count: int, settings: Settings, rng: np.random.Generator
) -> Indices:
    """The draw with the largest mean pairwise distance."""
    draws = np.stack(
        [rng.choice(distances.count, count, replace=False) for _ in range(settings.draws)]
    )
    best: Indices = draws[distances.means(draws).argmax()]
    return best
