"""Pictures of the same content in several parts of a data set."""

from collections.abc import Iterator
from itertools import combinations

from catdog.data.build.split import TEST, TRAIN, VALIDATION
from catdog.runtime.wording import counted

_CALLED = {TRAIN: "train", VALIDATION: "validation", TEST: "test"}


class Doubles:
    """Digests of the pictures of each part, with the name of one picture for each."""

    def __init__(self) -> None:
        self._seen: dict[str, dict[bytes, str]] = {part: {} for part in _CALLED}

    def add(self, part: str, digest: bytes, name: str) -> None:
        """One more picture of a part."""
        self._seen[part].setdefault(digest, name)

    def lines(self) -> Iterator[str]:
        """A line for each two parts that have pictures in common."""
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
