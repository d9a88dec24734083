"""A subset that changes by exchanges: one example out, one in."""

import numpy as np
from numpy.typing import NDArray

from catdog.analysis.subset.distances import Distances, Indices


class Selection:
    """The chosen examples with what an exchange needs.

    `near` are the distances of the chosen to all examples, chosen x count; `sums` the sums over
    the chosen (count); `free` is True for examples that are not chosen (count).
    """

    def __init__(self, distances: Distances, chosen: Indices) -> None:
        self._distances = distances
        self.chosen = chosen.copy()
        self.near = distances.rows(self.chosen)
        self.sums: NDArray[np.float64] = self.near.sum(0, dtype=np.float64)
        self.free = np.ones(distances.count, np.bool_)
        self.free[self.chosen] = False

    def gains(self, indices: Indices | slice = slice(None)) -> NDArray[np.float64]:
        """What an exchange adds to the sum of pairwise distances: chosen x these examples.

        With u out and v in: the sum of v's distances to the others, less that of u's. Only for
        examples that are not chosen.
        """
        gained: NDArray[np.float64] = self.sums[indices] - self.near[:, indices]
        gained -= self.sums[self.chosen, None]
        return gained

    def exchange(self, slot: int, example: int) -> None:
        """Replace the chosen example of a slot by another one."""
        row = self._distances.rows(np.array([example]))[0]
        self.sums += row
        self.sums -= self.near[slot]
        self.near[slot] = row
        self.free[self.chosen[slot]] = True
        self.free[example] = False
        self.chosen[slot] = example
