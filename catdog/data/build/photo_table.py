"""Labelled photos of one place in little memory: some 20 bytes for each beside its name."""

from array import array
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catdog.data.archives import Packed
from catdog.data.build.listing import Photo
from catdog.runtime.columns import LazySequence, Texts


class PhotoTable(LazySequence[Photo]):
    """Photos with a label each, made when they are asked for.

    `place` makes what is read of a name as it was added; `above` stands before that in the
    photo's name.
    """

    def __init__(self, place: Callable[[str], Path | Packed], above: str = "") -> None:
        self._place, self._above = place, above
        self._names, self._labels = Texts(), array("q")

    def __len__(self) -> int:
        return len(self._labels)

    @property
    def labels(self) -> NDArray[np.int64]:
        """The label of each."""
        return np.array(self._labels, np.int64)

    def append(self, name: str, label: int) -> None:
        """One more at the end."""
        self._names.append(name)
        self._labels.append(label)

    def item(self, index: int) -> Photo:
        name = self._names.item(index)
        file = self._place(name)
        packed = file if isinstance(file, Packed) else None
        path = file if isinstance(file, Path) else Path(str(file))
        return Photo(path, self._above + name, self._labels[index], packed=packed)


def labels_of(photos: Sequence[Photo]) -> NDArray[np.int64]:
    """The label of each photo."""
    if isinstance(photos, PhotoTable):
        return photos.labels
    return np.fromiter((photo.label for photo in photos), np.int64, len(photos))


class RelabelledPhotos(LazySequence[Photo]):
    """Photos with other labels: `labels` has one for each of theirs."""

    def __init__(self, photos: Sequence[Photo], labels: Sequence[int]) -> None:
        self._photos, self._labels = photos, labels

    def __len__(self) -> int:
        return len(self._photos)

    def item(self, index: int) -> Photo:
        photo = self._photos[index]
        return photo._replace(label=self._labels[photo.label])
