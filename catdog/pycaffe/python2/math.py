"""math, whose floor and ceil give floats."""

import math
from math import *  # noqa: F403 the module as it is, but for what is below


def floor(number: float) -> float:  # type: ignore[no-redef]
    """The next whole number below, as a float."""
    return float(math.floor(number))


def ceil(number: float) -> float:  # type: ignore[no-redef]
    """The next whole number above, as a float."""
    return float(math.ceil(number))
