"""Labelled photos of a folder or an LMDB, and a net's predictions for them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from catdog.data.archives import is_packed
from catdog.data.build.folder_layouts import find_photos
from catdog.data.build.listing import Photo
from catdog.data.build.packed_photos import find_packed
from catdog.data.datum import Array, Example, read_example
from catdog.data.images import Pixels, Unreadable, decode, load, read_file
from catdog.data.lmdb_store import BUILT, check_is_lmdb
from catdog.data.preprocessing import dataset_at
from catdog.data.records import Records
from catdog.data.shards import open_records
from catdog.data.store_names import is_store, stores_of
from catdog.errors import DataError, some_of
from catdog.inference.predictor import BATCH, Predictor, Probabilities
from catdog.proto.caffe_pb2 import DatasetParameter
from catdog.runtime.parallel import in_order
from catdog.runtime.patterns import is_pattern

#: Fields of a data set's record that change what a net sees.
_PREPARED = ("width", "height", "equalize", "interpolation", "channel_order", "resize")


@dataclass(frozen=True)
class LabelledPhotos:
    """Photos by index: names, `read` for the prepared example, `picture` for pixels to show."""

    names: Sequence[str]
    read: Callable[[int], Example | Unreadable]
    picture: Callable[[int], Pixels]


class PredictedPhoto(NamedTuple):
    """The index of a photo, its label, and the probability of each class."""

    at: int
    label: int
    probabilities: Probabilities


@dataclass(frozen=True)
class LabelledPredictions:
    """Predictions for labelled photos: indices and labels (N), probabilities (N x classes)."""

    index: NDArray[np.int64]
    label: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    unreadable: tuple[Unreadable, ...] = ()

    @property
    def predicted(self) -> NDArray[np.int64]:
        """The most probable class of each photo (N)."""
        likeliest: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return likeliest

    @property
    def own(self) -> NDArray[np.float64]:
        """The probability of each photo's label (N)."""
        own: NDArray[np.float64] = self.probabilities[np.arange(len(self.label)), self.label]
        return own


@contextmanager
def open_labelled(data: str | Path, predictor: Predictor) -> Iterator[LabelledPhotos]:
    """An LMDB, or the photos of a folder or archive (those of val/, where it has train/ and val/).

    Raises DataError where there is neither, where the classes are not the net's, and for an LMDB
    that was prepared otherwise than the net's photos were.
    """
    path = Path(data)
    if not is_store(path):
        if path.name in BUILT or is_pattern(str(path)):
            for store in stores_of(path):
                check_is_lmdb(store)
        listing = find_packed([str(path)]) if is_packed(str(path)) else find_photos(path)
        photos = listing.train if listing.validation is None else listing.validation
        yield labelled_photos(photos, listing.classes, predictor)
        return
    _check_prepared(path, predictor.dataset)
    with open_records(path) as reader:
        yield _stored(reader, predictor)


def store_remarks(data: str | Path, predictor: Predictor) -> Iterator[str]:
    """A line where the classes of an LMDB are not those of the net."""
    path = Path(data)
    record, known = dataset_at(path), list(predictor.dataset.class_name)
    if record is not None:
        names = list(record.class_name)
        if names and known and names != known:
            yield (
                f"the classes of {path} are {_in_order(names)}, those of the net "
                f"{_in_order(known)}: labels are compared by their numbers"
            )


def _in_order(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (" ..." if len(names) > 10 else "")


def labelled_photos(
    photos: Sequence[Photo], classes: Sequence[str], predictor: Predictor
) -> LabelledPhotos:
    """Photo files of these classes, prepared as the net's were.

    Raises DataError for a class that the net does not know.
    """
    # a net without class names has its classes in the order of the names
    named = predictor.dataset.class_name or len(classes) != len(predictor.classes)
    known = predictor.classes if named else list(classes)
    if not set(classes) <= set(known):
        raise DataError(
            f"the photos are of {some_of(classes, 5)}, the net knows {some_of(known, 5)}",
            remedy="name the folders or files for the classes of the net",
        )
    labels = [known.index(classes[photo.label]) for photo in photos]

    def read(index: int) -> Example | Unreadable:
        try:
            return Example(load(photos[index].file, predictor.dataset), labels[index])
        except Unreadable as error:
            return error

    return LabelledPhotos(
        [photo.name for photo in photos],
        read,
        lambda index: decode(read_file(photos[index].file)).pixels,
    )


def predict_photos(
    predictor: Predictor, data: LabelledPhotos
) -> Iterator[PredictedPhoto | Unreadable]:
    """The prediction for each photo, in their order, computed in batches.

    Raises DataError for a label that is not a class of the net, and for a net of several labels.
    """
    if predictor.heads[0].several:
        raise DataError("the net gives several labels, judging needs one class for each photo")
    with closing(in_order(data.read, range(len(data.names)))) as found:
        pairs = enumerate(found)
        while chunk := list(islice(pairs, BATCH)):
            read = [(at, example) for at, example in chunk if isinstance(example, Example)]
            yield from (item for _, item in chunk if isinstance(item, Unreadable))
            if read:
                yield from _predict(predictor, data, read)


def _predict(
    predictor: Predictor, data: LabelledPhotos, read: Sequence[tuple[int, Example]]
) -> Iterator[PredictedPhoto]:
    found = predictor.probabilities([example.array for _, example in read])
    for (index, example), probabilities in zip(read, found, strict=True):
        if not 0 <= example.label < len(probabilities):
            raise DataError(
                f"label {example.label}, and the net has {len(probabilities)} classes",
                where=data.names[index],
                remedy="judge the net on data of its own classes",
            )
        yield PredictedPhoto(index, example.label, probabilities)


def collect(found: Iterable[PredictedPhoto | Unreadable]) -> LabelledPredictions:
    """All predictions as arrays, rows of probabilities normalised to sum 1.

    Raises DataError where no photo can be read.
    """
    kept: list[PredictedPhoto] = []
    unreadable: list[Unreadable] = []
    for item in found:
        if isinstance(item, PredictedPhoto):
            kept.append(item)
        else:
            unreadable.append(item)
    if not kept:
        raise DataError("there is no photo that can be read")
    probabilities = np.array([row.probabilities for row in kept], np.float64)
    return LabelledPredictions(
        np.array([row.at for row in kept]),
        np.array([row.label for row in kept]),
        probabilities / probabilities.sum(axis=1, keepdims=True),
        tuple(unreadable),
    )


def mean_of(found: Sequence[LabelledPredictions]) -> LabelledPredictions:
    """The mean of the probabilities of several nets for the same photos."""
    probabilities = np.mean([each.probabilities for each in found], axis=0)
    return replace(found[0], probabilities=probabilities)


def _stored(reader: Records, predictor: Predictor) -> LabelledPhotos:
    gray = predictor.dataset.channel_order == DatasetParameter.GRAY
    swapped = predictor.dataset.channel_order == DatasetParameter.RGB

    def read(index: int) -> Example:
        where = f"{reader.path}, example {index}"
        try:
            example = read_example(reader.get(index), color=not gray)
        except DataError as error:
            raise DataError(error.what, where=where, remedy=error.remedy) from error
        if example.labels is not None:
            raise DataError("has several labels, judging needs one", where=where)
        return example

    def picture(index: int) -> Pixels:
        return _shown(read(index).array, swapped=swapped)

    first = read(0).array.shape
    if predictor.stored != first:
        raise DataError(
            f"holds pictures of {list(first)}, the net's photos were {list(predictor.stored)}",
            where=str(reader.path),
            remedy="build it with the size of the training's",
        )
    # `00000012_cats/1.jpg`: the number is the LMDB's own
    names = [key.decode(errors="backslashreplace").partition("_") for key in reader.keys]
    return LabelledPhotos([name or number for number, _, name in names], read, picture)


def _shown(planes: Array, *, swapped: bool) -> Pixels:
    """Stored planes as a BGR or grey picture; floats are stretched to what can be seen."""
    if planes.dtype != np.uint8:
        low, high = float(planes.min()), float(planes.max())
        planes = ((planes - low) * (255 / max(high - low, 1e-9))).astype(np.uint8)
    picture = np.ascontiguousarray(planes[::-1] if swapped else planes).transpose(1, 2, 0)
    return np.ascontiguousarray(picture, np.uint8)


def _check_prepared(path: Path, wanted: DatasetParameter) -> None:
    found = dataset_at(path)
    if found is None:
        return
    shown = partial(_field, found), partial(_field, wanted)
    for name in _PREPARED:
        here, there = (show(name) for show in shown)
        if here != there:
            raise DataError(
                f"its photos were prepared otherwise than the net's: {name} is {here} here, "
                f"{there} there",
                where=str(path),
                remedy="build it as the training's was",
            )


def _field(record: DatasetParameter, name: str) -> str:
    kind = record.DESCRIPTOR.fields_by_name[name].enum_type
    value = getattr(record, name)
    return kind.values_by_number[value].name if kind else str(value).lower()
