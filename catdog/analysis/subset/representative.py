"""Diversity against representativeness (Kabkab, Alavi and Chellappa, arXiv 1606.04232)."""

import numpy as np
from numpy.typing import NDArray

from catdog.analysis.subset.distances import Distances, Indices
from catdog.analysis.subset.exchange import SMALLEST
from catdog.analysis.subset.method import Settings
from catdog.analysis.subset.selection import Selection

#: Examples that are tried together.
_TRIED = 64


def representative(
    distances: Distances, count: int, settings: Settings, rng: np.random.Generator
) -> Indices:
    """Maximise the mean pairwise distance less `weight` times the mean distance of the others to
    the nearest chosen one, by local search from a random draw.

    All examples are tried in random order, in blocks, each against every chosen one; the best
    exchange of a block is made. The search ends when a whole round has gained nothing.
    """
    search = _Search(distances, rng.choice(distances.count, count, replace=False), settings.weight)
    idle = 0
    while idle < distances.count:
        order = rng.permutation(distances.count)
        for start in range(0, distances.count, _TRIED):
            gained = search.improve(order[start : start + _TRIED])
            idle = 0 if gained else idle + _TRIED
            if idle >= distances.count:
                break
    return search.selection.chosen


class _Search:
    """A selection with, for each example, the nearest two of the chosen."""

    def __init__(self, distances: Distances, chosen: Indices, weight: float) -> None:
        self.distances, self.weight = distances, weight
        self.selection = Selection(distances, chosen)
        self.least = SMALLEST * float(self.selection.near.mean())
        self._find_nearest()

    def improve(self, tried: Indices) -> bool:
        """Make the best exchange with one of these examples; returns whether one gained."""
        tried = tried[self.selection.free[tried]]
        if not len(tried):
            return False
        count = len(self.selection.chosen)
        gains = self.selection.gains(tried).T / max(1, count * (count - 1) // 2)
        gains -= self.weight / (self.distances.count - count) * self._added(tried)
        best, slot = divmod(int(gains.argmax()), count)
        if gains[best, slot] <= self.least:
            return False
        self.selection.exchange(slot, int(tried[best]))
        self._find_nearest()
        return True

    def _find_nearest(self) -> None:
        chosen, near = self.selection.chosen, self.selection.near
        examples = np.arange(self.distances.count)
        nearest = near.argmin(0)
        # of equal pictures each is its own nearest, so that every chosen one has an example
        nearest[chosen] = np.arange(len(chosen))
        self._first = near[nearest, examples]
        others = near.copy()
        others[nearest, examples] = np.inf
        self._second = others.min(0)
        #: Examples by whose nearest they are, and where those of each chosen one begin.
        self._order = nearest.argsort(kind="stable")
        self._begins = np.searchsorted(nearest[self._order], np.arange(len(chosen)))

    def _added(self, tried: Indices) -> NDArray[np.float64]:
        """What exchanges add to the sum of the distances to the nearest chosen: tried x chosen.

        An example whose nearest is taken out goes to its second nearest or to the new one, all
        others stay or go to the new one (Schubert and Rousseeuw, arXiv 1810.05691).
        """
        rows = self.distances.rows(tried)
        kept = np.minimum(rows, self._first)
        lost = np.minimum(rows, self._second) - kept
        gone: NDArray[np.float64] = (kept - self._first).sum(1, dtype=np.float64)
        return gone[:, None] + np.add.reduceat(lost[:, self._order], self._begins, 1)
