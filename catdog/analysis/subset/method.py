"""What all methods have in common."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from catdog.analysis.subset.distances import Distances, Indices


@dataclass(frozen=True)
class Settings:
    """What a method may be told: each looks at its own.

    `draws` are those of which the best is taken, `weight` is that of representing the class
    against differing, `steps` are the exchanges that annealing tries for each example wanted.
    """

    draws: int = 10_000
    weight: float = 1.0
    steps: int = 2000


Method = Callable[[Distances, int, Settings, np.random.Generator], Indices]
