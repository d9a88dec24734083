"""Split labelled photos into training, validation and test sets."""

import random
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from catdog.data.build.listing import Listing, Photo
from catdog.data.lmdb_store import BUILT
from catdog.errors import DataError
from catdog.proto.caffe_pb2 import DatasetParameter

TRAIN, VALIDATION, TEST = BUILT


class Assigned(NamedTuple):
    """A photo, its index in the shuffled list, and the name of its LMDB."""

    photo: Photo
    number: int
    part: str


def split(listing: Listing, dataset: DatasetParameter) -> list[Assigned]:
    """The photos shuffled by the seed, each with the LMDB that it goes to.

    Every `validation_every`-th of the shuffled list, the first one included, is for validation,
    or a stratified share or number, `validation`; photos that came split stay so. Raises
    DataError where `validation` leaves nothing to train on.
    """
    shuffle = random.Random(dataset.seed).shuffle
    assigned: list[Assigned] = []
    came = ((TRAIN, listing.train), (VALIDATION, listing.validation), (TEST, listing.test))
    for part, photos in came:
        shuffled = list(photos or ())
        shuffle(shuffled)
        parts = [part] * len(shuffled)
        if part == TRAIN and listing.validation is None:
            parts = _cut(shuffled, dataset)
        assigned += map(Assigned, shuffled, range(len(shuffled)), parts)
    return assigned


def _cut(photos: Sequence[Photo], dataset: DatasetParameter) -> list[str]:
    """The name of the LMDB, training or validation, for each shuffled photo."""
    if not dataset.HasField("validation"):
        every = dataset.validation_every
        return [TRAIN if number % every else VALIDATION for number in range(len(photos))]
    left = _shares(Counter(photo.label for photo in photos), dataset.validation)
    parts = []
    for photo in photos:
        parts.append(VALIDATION if left[photo.label] else TRAIN)
        left[photo.label] = max(0, left[photo.label] - 1)
    return parts


def _shares(classes: Counter[int], validation: float) -> dict[int, int]:
    """The number of validation photos of each class, in proportion to its size.

    Rounded down, the rest going to the largest remainders.
    """
    count = classes.total()
    wanted = round(validation * count if validation < 1 else validation)
    if wanted >= count:
        raise DataError(
            f"{wanted} photos for validation leave none of {count} for training",
            remedy="give a smaller number, or a share such as 0.1",
        )
    exact = {label: wanted * number / count for label, number in sorted(classes.items())}
    shares = {label: int(number) for label, number in exact.items()}
    by_remainder = sorted(exact, key=lambda label: shares[label] - exact[label])
    for label in by_remainder[: wanted - sum(shares.values())]:
        shares[label] += 1
    return shares
