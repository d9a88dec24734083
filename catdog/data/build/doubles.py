"""Pictures of the same content in several parts or classes of a data set."""

from array import array
from collections.abc import Hashable, Iterator
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from catdog.data.build.split import TEST, TRAIN, VALIDATION
from catdog.runtime.columns import Texts
from catdog.runtime.wording import counted

_CALLED = {TRAIN: "train", VALIDATION: "validation", TEST: "test"}
_PARTS = list(_CALLED)


class Doubles:
    """Digests, labels and names of pictures: some 20 bytes for each beside its name."""

    def __init__(self) -> None:
        self._digests, self._parts, self._labels = array("Q"), array("B"), array("i")
        self._names = Texts()
        self._label_of: dict[Hashable, int] = {}

    def add(self, part: str, digest: bytes, name: str, label: Hashable = 0) -> None:
        """One more picture of a part, with its digest of up to 8 bytes and its label or labels."""
        self._digests.append(int.from_bytes(digest))
        self._parts.append(_PARTS.index(part))
        self._labels.append(self._label_of.setdefault(label, len(self._label_of)))
        self._names.append(name)

    def lines(self) -> Iterator[str]:
        """A line on pictures with other labels elsewhere, one for each two parts that have
        pictures in common.

        The examples are the first by their names, in whatever order pictures came.
        """
        digests, parts = np.array(self._digests, np.uint64), np.array(self._parts)
        yield from self._torn(digests)
        for one, other in combinations(range(len(_PARTS)), 2):
            both = np.intersect1d(digests[parts == one], digests[parts == other])
            if len(both):
                at = self._first(np.isin(digests, both) & (parts == one))
                beside = self._first((digests == digests[at]) & (parts == other))
                what = f"{counted(len(both), 'picture')} {'stands' if len(both) == 1 else 'stand'}"
                yield (
                    f"{what} in {_CALLED[_PARTS[one]]} and {_CALLED[_PARTS[other]]} alike, such as "
                    f"{self._names[at]} and {self._names[beside]}: what a net has learned by heart "
                    "makes its score too good"
                )

    def _torn(self, digests: NDArray[np.uint64]) -> Iterator[str]:
        labels = np.array(self._labels)
        found, first, group = np.unique(digests, return_index=True, return_inverse=True)
        torn = np.zeros(len(found), bool)
        torn[group[labels != labels[first][group]]] = True
        if count := int(torn.sum()):
            at = self._first(torn[group])
            other = self._first((group == group[at]) & (labels != labels[at]))
            yield (
                f"{counted(count, 'picture')} {'is' if count == 1 else 'are'} there more than "
                f"once, with different labels, such as {self._names[at]} and "
                f"{self._names[other]}: one of them is wrong"
            )

    def _first(self, chosen: NDArray[np.bool_]) -> int:
        """The place of the first name among those for which a mask has True."""
        return min(np.flatnonzero(chosen).tolist(), key=self._names.__getitem__)
