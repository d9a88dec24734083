"""The interface of the methods."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from catdog.analysis.subset.distances import Distances, Indices


@dataclass(frozen=True)
class Settings:
    """Settings of all methods; each uses its own.

    `draws`: random draws of `best_draw`. `weight`: of coverage against diversity in
    `representative`. `steps`: exchanges that `anneal` tries for each example of the subset.
    """

    draws: int = 10_000
    weight: float = 1.0
    steps: int = 2000


Method = Callable[[Distances, int, Settings, np.random.Generator], Indices]
