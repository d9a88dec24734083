"""Photos that nets are compared on: some held out once, the others in parts that hold each other.

Each part begins the same order, in which every stretch has the classes in proportion.
"""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import blake2b

from catdog.data.build.doubles import Doubles
from catdog.data.build.listing import Photo
from catdog.data.build.split import TRAIN, VALIDATION, split
from catdog.data.images import Unreadable, read_file
from catdog.errors import CatdogError, DataError
from catdog.project.found import FoundPhotos
from catdog.project.request import Tell
from catdog.proto.caffe_pb2 import DatasetParameter
from catdog.runtime.wording import counted

#: The share that is held out, as `catdog fit` does it.
HELD_OUT = 1 / 6
#: Numbers of photos to learn from where nothing else is said, and all beside them.
USUAL = (100, 300, 1000)


@dataclass(frozen=True)
class PhotoParts:
    """The photos to learn from in the order in which parts are taken, and those held out."""

    found: FoundPhotos
    ordered: Sequence[Photo]
    held_out: Sequence[Photo]

    def part(self, count: int) -> FoundPhotos:
        """The first so many photos, with those held out for validation."""
        listing = replace(
            self.found.listing,
            train=self.ordered[:count],
            validation=self.held_out,
            skipped=[],
            test=None,
        )
        return replace(self.found, table=None, listing=listing, part=True)

    def doubles(self) -> list[str]:
        """Lines on files that are the same in both, or in several classes, as a build tells them.

        Every file is read.
        """
        found = Doubles()
        for part, photos in ((TRAIN, self.ordered), (VALIDATION, self.held_out)):
            for photo in photos:
                with suppress(Unreadable):
                    digest = blake2b(read_file(photo.file), digest_size=8).digest()
                    found.add(part, digest, photo.name, photo.label)
        return list(found.lines())

    @property
    def least(self) -> int:
        """So many photos have one of each class."""
        firsts: dict[int, int] = {}
        for at, photo in enumerate(self.ordered):
            firsts.setdefault(photo.label, at)
        return max(firsts.values()) + 1


def divide(found: FoundPhotos, seed: int) -> PhotoParts:
    """Hold a sixth of each class out, by the seed; or the photos that came for validation.

    Raises DataError for photos with several labels, and where a class has none to learn from.
    """
    if found.several:
        raise DataError(
            "photos with several labels cannot be compared on",
            where=str(found.table),
            remedy="give a list with one class for each photo",
        )
    dataset = DatasetParameter(seed=seed, validation=HELD_OUT)
    parts: dict[str, list[Photo]] = {TRAIN: [], VALIDATION: []}
    for photo, _, part in split(found.listing, dataset):
        if part in parts:
            parts[part].append(photo)
    missing = set(range(len(found.classes))) - {photo.label for photo in parts[TRAIN]}
    if missing or not parts[VALIDATION]:
        what = f"no photo of {found.classes[min(missing)]} to learn from" if missing else "none"
        raise DataError(what, where=str(found.source), remedy="add photos to train/ and val/")
    return PhotoParts(found, in_proportion(parts[TRAIN]), parts[VALIDATION])


def in_proportion(photos: Sequence[Photo]) -> list[Photo]:
    """The photos in an order whose every beginning has the classes in proportion, within one.

    Of each class they keep their order.
    """
    sizes, seen = Counter(photo.label for photo in photos), Counter[int]()
    placed = []
    for photo in photos:
        placed.append(((seen[photo.label] + 0.5) / sizes[photo.label], photo.label, photo))
        seen[photo.label] += 1
    return [photo for _, _, photo in sorted(placed, key=lambda each: each[:2])]


def counts_of(parts: PhotoParts, asked: Sequence[int], tell: Tell) -> list[int]:
    """Numbers of photos to learn from, rising: those asked for that there are, or the usual ones
    below all, and all. What is left out of those asked for is told; CatdogError where all are."""
    there = len(parts.ordered)
    if not asked:
        usual = [count for count in USUAL if parts.least <= count < there]
        return [*usual, there]
    fitting = sorted({count for count in asked if parts.least <= count <= there})
    wrong = sorted(set(asked) - set(fitting))
    what = (
        f"there are {counted(there, 'photo')} to learn from, and {counted(parts.least, 'photo')} "
        "have one of each class"
    )
    if not fitting:
        raise CatdogError(
            what, where="--counts", remedy=f"name numbers from {parts.least} to {there}"
        )
    if wrong:
        tell(f"left out: {', '.join(f'{count:,}' for count in wrong)} photos; {what}")
    return fitting
