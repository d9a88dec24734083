"""Records of an LMDB that differ: so many of each class, by one method or by all."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from catdog.analysis.subset import METHODS, Distances, Scores, Settings, scores
from catdog.analysis.subset.features import Table
from catdog.errors import CatdogError, DataError

Places = NDArray[np.int64]


@dataclass(frozen=True)
class Wanted:
    """How many: of each class, or in all, which classes share evenly.

    Draws at random come from `seed` and the class, the same for every method.
    """

    each: int = 0
    total: int = 0
    metric: str = "euclidean"
    seed: int = 0
    settings: Settings = field(default_factory=Settings)


@dataclass
class Choice:
    """What a method chose of each class, how good it is, and how long it took."""

    places: dict[int, Places] = field(default_factory=dict)
    scores: list[Scores] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def all_places(self) -> list[int]:
        """The chosen records of all classes in the order of the LMDB."""
        return sorted(int(place) for places in self.places.values() for place in places)

    @property
    def diversity(self) -> float:
        """The mean over the classes of the mean distance between two of the chosen."""
        return fmean(score.diversity for score in self.scores)

    @property
    def closest(self) -> float:
        """The smallest distance between two of the chosen of a class."""
        return min(score.closest for score in self.scores)

    @property
    def coverage(self) -> float:
        """The mean over the classes of the mean distance of others to the nearest chosen."""
        return fmean(score.coverage for score in self.scores)


@dataclass
class Chosen:
    """The choice of each method by its name; `seconds` were spent on distances for all of them."""

    choices: dict[str, Choice]
    seconds: float = 0.0


def choose(
    table: Table,
    labels: NDArray[np.int64],
    methods: Sequence[str],
    wanted: Wanted,
    progress: Callable[[Iterable[int]], Iterable[int]] = iter,
) -> Chosen:
    """Choose rows of a table of features within each class by each of these methods.

    The distances of one class are held at a time. Raises DataError for a class with too few
    records.
    """
    chosen = Chosen({name: Choice() for name in methods})
    counts = shares(labels, wanted)
    for label in progress(counts):
        records = np.flatnonzero(labels == label)
        began = time.perf_counter()
        distances = Distances(table[records], wanted.metric)
        chosen.seconds += time.perf_counter() - began
        for name, choice in chosen.choices.items():
            began = time.perf_counter()
            rng = np.random.default_rng((wanted.seed, label))
            places = METHODS[name](distances, counts[label], wanted.settings, rng)
            choice.seconds += time.perf_counter() - began
            choice.places[label] = np.sort(records[places])
            choice.scores.append(scores(distances, places))
    return chosen


def shares(labels: NDArray[np.int64], wanted: Wanted) -> Mapping[int, int]:
    """How many of each class, by its label; the first ones get what a total leaves over.

    Raises DataError for a label below 0 and a class with too few records, CatdogError for a total
    that leaves a class empty.
    """
    classes, counts = np.unique(labels, return_counts=True)
    if classes[0] < 0:
        raise DataError(f"label {classes[0]} is no class", remedy="build the LMDB again")
    each, more = divmod(wanted.total, len(classes)) if wanted.total else (wanted.each, 0)
    if each < 1:
        raise CatdogError(
            f"{wanted.total} records of {len(classes)} classes", remedy="ask for more"
        )
    result = {}
    for at, (label, count) in enumerate(zip(classes.tolist(), counts.tolist(), strict=True)):
        result[label] = each + (at < more)
        if count < result[label]:
            raise DataError(
                f"class {label} has {count} records, {result[label]} are wanted",
                remedy="ask for fewer",
            )
    return result


def table_of(chosen: Chosen) -> list[str]:
    """A line for each method: what it was worth, and what it took."""
    lines = [f"{'method':<16}{'diversity':>12}{'closest':>12}{'coverage':>12}{'seconds':>10}"]
    for name, choice in chosen.choices.items():
        lines.append(
            f"{name:<16}{choice.diversity:>12.6g}{choice.closest:>12.6g}{choice.coverage:>12.6g}"
            f"{choice.seconds:>10.2f}"
        )
    return [*lines, f"distances of all within their class: {chosen.seconds:.2f} s"]
