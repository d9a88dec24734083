"""How good a subset is."""

from dataclasses import dataclass

import numpy as np

from catdog.analysis.subset.distances import Distances, Indices


@dataclass(frozen=True)
class SubsetScores:
    """Scores of a subset, all of them distances.

    `diversity`, the objective, is the mean pairwise distance of the chosen; `closest` the
    smallest one; `coverage` the mean distance of the others to the nearest chosen.
    """

    diversity: float
    closest: float
    coverage: float


def subset_scores(distances: Distances, chosen: Indices) -> SubsetScores:
    """The scores of a subset; 0 where there is no distance to average."""
    between = distances.exact(chosen)[np.triu_indices(len(chosen), 1)]
    others = distances.count - len(chosen)
    nearest = distances.rows(chosen).min(0).sum(dtype=np.float64)
    return SubsetScores(
        float(between.mean()) if len(between) else 0.0,
        float(between.min()) if len(between) else 0.0,
        float(nearest / others) if others else 0.0,
    )
