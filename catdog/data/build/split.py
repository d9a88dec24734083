"""Split labelled photos into training, validation and test sets."""

import random
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from catdog.data.build.listing import Listing, Photo
from catdog.data.build.photo_table import labels_of
from catdog.data.lmdb_store import BUILT
from catdog.errors import DataError
from catdog.proto.caffe_pb2 import DatasetParameter
from catdog.runtime.columns import LazySequence

TRAIN, VALIDATION, TEST = BUILT

Indices = NDArray[np.unsignedinteger]


class Assigned(NamedTuple):
    """A photo, its index in the shuffled list, and the name of its LMDB."""

    photo: Photo
    number: int
    part: str


class Division(LazySequence[Assigned]):
    """Photos in their shuffled order, each with its part: nine bytes for each of them.

    Args:
        photos: all of them, in the order of their names.
        places: the place of each among these.
        numbers: its place in the shuffled list.
        parts: its LMDB, by its place in BUILT.
    """

    def __init__(
        self, photos: Sequence[Photo], places: Indices, numbers: Indices, parts: Indices
    ) -> None:
        self._photos, self._places, self._numbers = photos, places, numbers
        self._parts = parts

    def __len__(self) -> int:
        return len(self._places)

    def item(self, index: int) -> Assigned:
        photo = self._photos[self._places[index]]
        return Assigned(photo, int(self._numbers[index]), BUILT[self._parts[index]])

    @property
    def parts(self) -> list[str]:
        """The LMDBs that photos go to."""
        return [BUILT[part] for part in np.unique(self._parts)]

    def of_part(self, part: str) -> tuple[NDArray[np.intp], Indices]:
        """The places here of the photos of an LMDB, and their numbers, which rise."""
        places = np.flatnonzero(self._parts == BUILT.index(part))
        return places, self._numbers[places]

    def chosen(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> "Division":
        """Those for which a mask has True, or those at some places."""
        columns = (self._places, self._numbers, self._parts)
        return Division(self._photos, *(column[chosen] for column in columns))

    def relabelled(self, labels: Mapping[int, int]) -> "Division":
        """The same with other labels for the photos at some places."""
        of_photo = {int(self._places[at]): label for at, label in labels.items()}
        photos = _Relabelled(self._photos, of_photo)
        return Division(photos, self._places, self._numbers, self._parts)


class _Relabelled(LazySequence[Photo]):
    """Photos of which some have other labels."""

    def __init__(self, photos: Sequence[Photo], labels: Mapping[int, int]) -> None:
        self._photos, self._labels = photos, labels

    def __len__(self) -> int:
        return len(self._photos)

    def item(self, index: int) -> Photo:
        photo = self._photos[index]
        return photo._replace(label=self._labels.get(index, photo.label))


class _Chain(LazySequence[Photo]):
    """Photos of some sequences, one after the other."""

    def __init__(self, *sequences: Sequence[Photo]) -> None:
        self._sequences = sequences

    def __len__(self) -> int:
        return sum(map(len, self._sequences))

    def item(self, index: int) -> Photo:
        for photos in self._sequences:
            if index < len(photos):
                return photos[index]
            index -= len(photos)
        raise IndexError(index)


def split(listing: Listing, dataset: DatasetParameter) -> Division:
    """The photos shuffled by the seed, each with the LMDB that it goes to.

    Every `validation_every`-th of the shuffled list, the first one included, is for validation,
    or a stratified share or number, `validation`; photos that came split stay so. Raises
    DataError where `validation` leaves nothing to train on.
    """
    shuffle = random.Random(dataset.seed).shuffle
    came = (listing.train, listing.validation or (), listing.test or ())
    orders, parts = [], []
    for part, photos in enumerate(came):
        # an array of C is shuffled as a list is
        order = array("I", range(len(photos)))
        shuffle(order)
        orders.append(np.array(order, np.uint32))
        parts.append(np.full(len(order), part, np.uint8))
    if listing.validation is None:
        parts[0] = _cut(listing.train, orders[0], dataset)
    starts = np.cumsum([0, *map(len, orders)])
    places = [order + np.uint32(start) for order, start in zip(orders, starts, strict=False)]
    numbers = [np.arange(len(order), dtype=np.uint32) for order in orders]
    columns = (np.concatenate(column) for column in (places, numbers, parts))
    return Division(_Chain(*came), *columns)


def _cut(photos: Sequence[Photo], order: Indices, dataset: DatasetParameter) -> Indices:
    """The part, training (0) or validation (1), of each photo in the shuffled order."""
    if not dataset.HasField("validation"):
        parts = np.zeros(len(order), np.uint8)
        parts[:: dataset.validation_every] = 1
        return parts
    labels = labels_of(photos)[order]
    parts = np.zeros(len(order), np.uint8)
    for label, share in _shares(Counter(labels.tolist()), dataset.validation).items():
        parts[np.flatnonzero(labels == label)[:share]] = 1
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
