"""A choice that changes by exchanges: one example out, one in."""

import numpy as np
from numpy.typing import NDArray

from catdog.analysis.subset.distances import Distances, Indices


class Selection:
    """The chosen examples with what an exchange needs to know.

    `near` are the distances of the chosen to all examples, chosen x count; `sums` those of each
    example to all chosen; `free` says which are not chosen.
    """

    def __init__(self, distances: Distances, chosen: Indices) -> None:
        self._distances = distances
        self.chosen = chosen.copy()
        self.near = distances.rows(self.chosen)
        self.sums: NDArray[np.float64] = self.near.sum(0, dtype=np.float64)
        self.free = np.ones(distances.count, np.bool_)
        self.free[self.chosen] = False

    def gains(self, places: Indices | slice = slice(None)) -> NDArray[np.float64]:
        """What the sum of the distances within gains if an example takes a place: chosen x these.

        With u out and v in: the sum of v's distances to the others, less that of u's. Only for
        examples that are not chosen.
        """
        gained: NDArray[np.float64] = self.sums[places] - self.near[:, places]
        gained -= self.sums[self.chosen, None]
        return gained

    def exchange(self, place: int, example: int) -> None:
        """Put an example in the place of a chosen one."""
        row = self._distances.rows(np.array([example]))[0]
        self.sums += row
        self.sums -= self.near[place]
        self.near[place] = row
        self.free[self.chosen[place]] = True
        self.free[example] = False
        self.chosen[place] = example
