"""Pictures of the same content in several parts or classes of a data set."""

from collections.abc import Hashable, Iterator
from itertools import combinations

from catdog.data.build.split import TEST, TRAIN, VALIDATION
from catdog.runtime.wording import counted

_CALLED = {TRAIN: "train", VALIDATION: "validation", TEST: "test"}


class Doubles:
    """Digests of the pictures of each part, with the name of one picture for each."""

    def __init__(self) -> None:
        self._seen: dict[str, dict[bytes, str]] = {part: {} for part in _CALLED}
        self._first: dict[bytes, tuple[Hashable, str]] = {}
        self._torn: dict[bytes, tuple[str, str]] = {}

    def add(self, part: str, digest: bytes, name: str, label: Hashable = 0) -> None:
        """One more picture of a part, with its label or labels."""
        self._seen[part].setdefault(digest, name)
        known, first = self._first.setdefault(digest, (label, name))
        if known != label:
            self._torn.setdefault(digest, (first, name))

    def lines(self) -> Iterator[str]:
        """A line on pictures with other labels elsewhere, one for each two parts that have
        pictures in common."""
        if self._torn:
            one, other = min(self._torn.values())
            what = counted(len(self._torn), "picture")
            yield (
                f"{what} {'is' if len(self._torn) == 1 else 'are'} there more than once, with "
                f"different labels, such as {one} and {other}: one of them is wrong"
            )
        for one, other in combinations(_CALLED, 2):
            first, second = self._seen[one], self._seen[other]
            if both := first.keys() & second.keys():
                # of a set, whose order is another in each process
                example = min(both, key=first.__getitem__)
                what = f"{counted(len(both), 'picture')} {'stands' if len(both) == 1 else 'stand'}"
                yield (
                    f"{what} in {_CALLED[one]} and {_CALLED[other]} alike, such as "
                    f"{first[example]} and {second[example]}: what a net has learned by heart "
                    "makes its score too good"
                )
