"""Several nets that answer as one: the mean of their probabilities."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from itertools import islice

import numpy as np

from catdog.data.images import Pixels, Readable, Unreadable, decode, prepare, read_file
from catdog.errors import CatdogError, some_of
from catdog.inference.heads import Head
from catdog.inference.predictor import BATCH, Outcome, Prediction, Predictor, Probabilities
from catdog.proto.caffe_pb2 import DatasetParameter
from catdog.runtime.parallel import in_order

#: A photo as each of the preparations has it.
_Prepared = tuple[Pixels, ...]


class Ensemble:
    """Nets of the same classes; each sees a photo as its own training saw its photos.

    Args:
        members: the nets.
        names: what they are called in messages.

    Each has its own temperature. Raises CatdogError where their classes are not the same in the
    same order, and for nets that give scores, whose sizes cannot be compared.
    """

    def __init__(self, members: Sequence[Predictor], names: Sequence[str]) -> None:
        self.members = members
        self.heads: Sequence[Head] = members[0].heads
        for member, name in zip(members, names, strict=True):
            _check(member.heads, name, self.heads, names[0])
        keys = [_key(member.dataset) for member in members]
        self._datasets = {key: member.dataset for key, member in zip(keys, members, strict=True)}
        places = {key: at for at, key in enumerate(self._datasets)}
        self._places = [places[key] for key in keys]

    def batches(self, photos: Sequence[Readable]) -> Generator[list[Outcome], None, None]:
        """What becomes of each BATCH photos, in their order: predictions, or why there are none.

        A photo is read once.
        """
        with closing(in_order(self._read, photos)) as read:
            pairs = zip(photos, read, strict=True)
            while chunk := list(islice(pairs, BATCH)):
                good = [each for _, each in chunk if not isinstance(each, Unreadable)]
                found = self._means(good)
                yield [
                    each if isinstance(each, Unreadable) else Prediction(path, *_split(next(found)))
                    for path, each in chunk
                ]

    def _read(self, path: Readable) -> _Prepared | Unreadable:
        try:
            data = read_file(path)
            return tuple(_prepared(data, dataset) for dataset in self._datasets.values())
        except Unreadable as error:
            return Unreadable(error.what, where=str(path))

    def _means(self, photos: Sequence[_Prepared]) -> Iterator[tuple[Probabilities, ...]]:
        """Of each photo the mean rows, one for each head."""
        if not photos:
            return
        found = [
            member.rows([photo[place] for photo in photos])
            for member, place in zip(self.members, self._places, strict=True)
        ]
        means = [mean(of_head) for of_head in zip(*found, strict=True)]
        yield from zip(*means, strict=True)


def mean(rows: Sequence[Probabilities]) -> Probabilities:
    """The mean of the probabilities of several nets, each photos x classes."""
    found: Probabilities = np.stack(rows).mean(0, dtype=np.float64).astype(np.float32)
    return found


def _split(
    rows: tuple[Probabilities, ...],
) -> tuple[Probabilities, tuple[Probabilities, ...]]:
    return rows[0], rows[1:]


def _prepared(data: bytes, dataset: DatasetParameter) -> Pixels:
    # decoded anew for each preparation, which uses the pixels up
    gray = dataset.channel_order == DatasetParameter.GRAY
    return prepare(decode(data, gray=gray).pixels, dataset)


def _key(dataset: DatasetParameter) -> tuple[object, ...]:
    """What of a data set's record changes how a photo is prepared."""
    return (
        dataset.width,
        dataset.height,
        dataset.equalize,
        dataset.interpolation,
        dataset.channel_order,
        dataset.resize,
    )


def _check(heads: Sequence[Head], name: str, wanted: Sequence[Head], first: str) -> None:
    if any(head.scores for head in heads):
        raise CatdogError(
            "the net gives scores, and an ensemble is a mean of probabilities",
            where=name,
            remedy="leave it out, or end it in a Softmax",
        )
    if [head.names for head in heads] == [head.names for head in wanted]:
        if [head.several for head in heads] == [head.several for head in wanted]:
            return
        raise CatdogError(
            f"gives several labels where {first} gives classes, or classes where that gives labels",
            where=name,
            remedy="leave one of them out",
        )
    own, theirs = (
        some_of((each for head in all_heads for each in head.names), 6)
        for all_heads in (heads, wanted)
    )
    raise CatdogError(
        f"its classes are {own}, those of {first} are {theirs}",
        where=name,
        remedy="the nets of an ensemble have the same classes in the same order",
    )
