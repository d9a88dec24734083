"""Two nets on the same photos: whether the one is better, or was lucky."""

import importlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from catdog.analysis.labelled import LabelledPredictions
from catdog.errors import DataError
from catdog.inference.intervals import LEVEL, with_interval
from catdog.runtime.optional import scikit


@dataclass(frozen=True)
class Comparison:
    """Photos that two nets get right, and the chance of such a difference.

    Args:
        first, second: their weights.
        photos: how many both judged; `both` get `both` of them right, `neither` none of the two.
        only_first, only_second: those that one of them alone gets right.
        p: of McNemar's exact test: how likely a difference of this size or a larger one is where
            both are equally good (McNemar, Psychometrika 12, 1947).
    """

    first: str
    second: str
    photos: int
    both: int
    only_first: int
    only_second: int
    neither: int
    p: float

    @property
    def verdict(self) -> str:
        """What the test says, in a sentence."""
        if self.only_first == self.only_second:
            return "neither is better on these photos"
        better = self.first if self.only_first > self.only_second else self.second
        if self.p > 1 - LEVEL:
            return f"the difference may be chance: p = {self.p:.2g}"
        return f"{better} is better, and that is hardly chance: p = {self.p:.2g}"

    @property
    def accuracies(self) -> tuple[str, str]:
        """Of each with its interval, in words."""
        first, second = self.both + self.only_first, self.both + self.only_second
        return with_interval(first, self.photos), with_interval(second, self.photos)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def compare(
    first: LabelledPredictions, second: LabelledPredictions, names: tuple[str, str]
) -> Comparison:
    """Two nets by the photos that both could read. Raises DataError where there are none, or where
    their labels differ, and CatdogError where scikit-learn, and so SciPy, is missing."""
    scikit("metrics")
    _, here, there = np.intersect1d(
        first.index, second.index, assume_unique=True, return_indices=True
    )
    if not len(here) or (first.label[here] != second.label[there]).any():
        what = "the two nets were not judged on the same photos with the same labels"
        raise DataError(what, where="--against", remedy="compare nets of the same classes")
    one = (first.predicted == first.label)[here]
    other = (second.predicted == second.label)[there]
    only_first, only_second = int((one & ~other).sum()), int((other & ~one).sum())
    differ = only_first + only_second
    test = importlib.import_module("scipy.stats").binomtest
    return Comparison(
        *names,
        photos=len(here),
        both=int((one & other).sum()),
        only_first=only_first,
        only_second=only_second,
        neither=int((~one & ~other).sum()),
        p=float(test(only_first, differ).pvalue) if differ else 1.0,
    )


def comparison_lines(found: Comparison) -> Iterator[str]:
    """The comparison as lines for a terminal."""
    for name, words in zip((found.first, found.second), found.accuracies, strict=True):
        yield f"{words}  {name}"
    yield (
        f"{found.only_first} of {found.photos:,} photos only the first gets right, "
        f"{found.only_second} only the second"
    )
    yield f"{found.verdict} (McNemar's exact test)"
