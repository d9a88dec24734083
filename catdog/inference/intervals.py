"""How far a share that was counted on some photos may be off."""

import math
from statistics import NormalDist
from typing import NamedTuple

#: How often an interval holds the share of all photos of the kind.
LEVEL = 0.95
_Z = NormalDist().inv_cdf((1 + LEVEL) / 2)


class Interval(NamedTuple):
    """From where to where a number may be, by 95 %."""

    low: float
    high: float

    def words(self, form: str = ".1%") -> str:
        """For a person: `96.3% to 98.3%`."""
        return f"{self.low:{form}} to {self.high:{form}}"


def of_share(right: int, of: int) -> Interval:
    """Wilson's interval of a share, `right` of so many (Wilson, Journal of the ASA 22, 1927).

    Unlike one that resamples the photos it has a width where all are right, or none. Of none at
    all nothing is known: 0 to 1.
    """
    if not of:
        return Interval(0.0, 1.0)
    share, pull = right / of, _Z * _Z / of
    middle = (share + pull / 2) / (1 + pull)
    half = _Z * math.sqrt(share * (1 - share) / of + pull / (4 * of)) / (1 + pull)
    return Interval(max(0.0, middle - half), min(1.0, middle + half))


def with_interval(right: int, of: int) -> str:
    """A share for a person, with its interval: `97.50% (96.3% to 98.3%)`."""
    return f"{right / max(of, 1):.2%} ({of_share(right, of).words()})"
