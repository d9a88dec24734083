"""Select diverse records of an LMDB: some of each class, by one method or by several."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from catdog.analysis.subset import METHODS, Distances, Settings, SubsetScores, subset_scores
from catdog.analysis.subset.distances import Indices
from catdog.analysis.subset.lmdb_features import Table
from catdog.errors import CatdogError, DataError
from catdog.runtime.text_table import text_table


@dataclass(frozen=True)
class SubsetOptions:
    """How many records: `each` of a class, or a `total` that classes share evenly.

    Random draws follow from `seed` and the class, the same for every method.
    """

    each: int = 0
    total: int = 0
    metric: str = "euclidean"
    seed: int = 0
    settings: Settings = field(default_factory=Settings)


@dataclass
class Subset:
    """Indices that a method selected, by class, with their scores and the seconds it took."""

    indices: dict[int, Indices] = field(default_factory=dict)
    scores: list[SubsetScores] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def all_indices(self) -> list[int]:
        """The selected records of all classes in the order of the LMDB."""
        return sorted(int(index) for indices in self.indices.values() for index in indices)

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
class Subsets:
    """The subset of each method by its name; `seconds` were spent on their common distances."""

    by_method: dict[str, Subset]
    seconds: float = 0.0


def select(
    table: Table,
    labels: NDArray[np.int64],
    methods: Sequence[str],
    options: SubsetOptions,
    progress: Callable[[Iterable[int]], Iterable[int]] = iter,
) -> Subsets:
    """Select rows of a table of features within each class by each of these methods.

    The distances of one class are held at a time. Raises DataError for a class with too few
    records.
    """
    subsets = Subsets({name: Subset() for name in methods})
    counts = class_counts(labels, options)
    for label in progress(counts):
        records = np.flatnonzero(labels == label)
        began = time.perf_counter()
        distances = Distances(table[records], options.metric)
        subsets.seconds += time.perf_counter() - began
        for name, subset in subsets.by_method.items():
            began = time.perf_counter()
            rng = np.random.default_rng((options.seed, label))
            indices = METHODS[name](distances, counts[label], options.settings, rng)
            subset.seconds += time.perf_counter() - began
            subset.indices[label] = np.sort(records[indices])
            subset.scores.append(subset_scores(distances, indices))
    return subsets


def class_counts(labels: NDArray[np.int64], options: SubsetOptions) -> Mapping[int, int]:
    """The number of records of each class, by label; the first classes get the remainder.

    Raises DataError for a label below 0 and a class with too few records, CatdogError for a total
    that leaves a class empty.
    """
    classes, counts = np.unique(labels, return_counts=True)
    if classes[0] < 0:
        raise DataError(f"label {classes[0]} is no class", remedy="build the LMDB again")
    each, more = divmod(options.total, len(classes)) if options.total else (options.each, 0)
    if each < 1:
        raise CatdogError(
            f"{options.total} records of {len(classes)} classes", remedy="ask for more"
        )
    result = {}
    for at, (label, count) in enumerate(zip(classes.tolist(), counts.tolist(), strict=True)):
        result[label] = each + (at < more)
        if count < result[label]:
            raise DataError(
                f"class {label} has {count} records, {result[label]} are wanted",
                remedy="ask for fewer with --count or --total",
            )
    return result


def comparison_table(subsets: Subsets) -> str:
    """A line of scores for each method, then the time that all of them share."""
    rows = [
        (
            name,
            *(f"{number:.6g}" for number in (subset.diversity, subset.closest, subset.coverage)),
            f"{subset.seconds:.2f}",
        )
        for name, subset in subsets.by_method.items()
    ]
    table = text_table(("method", "diversity", "closest", "coverage", "seconds"), rows)
    return f"{table}\ndistances of all within their class: {subsets.seconds:.2f} s"
