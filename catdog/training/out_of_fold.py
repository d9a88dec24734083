"""Out-of-fold predictions: each training photo by the net that has not seen it."""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from catdog.data.datum import Example, read_example
from catdog.data.preprocessing import stored_dataset
from catdog.data.records import Records
from catdog.data.shards import open_records
from catdog.errors import DataError
from catdog.inference.intervals import with_interval
from catdog.inference.predictor import BATCH, Predictor, Probabilities
from catdog.proto.caffe_pb2 import DatasetParameter
from catdog.runtime.files import replacing
from catdog.training.trained_folds import TrainedFold

#: Opens the weights of a fold; the record is for weights that carry none.
OpenFold = Callable[[Path, DatasetParameter], Predictor]

_TITLES = ("key", "label", "fold")


@dataclass(frozen=True)
class OutOfFold:
    """A record of the store, its label or labels, the fold that has not seen it, and what that
    says: a probability for each class of the net's first head."""

    place: int
    key: str
    label: tuple[float, ...]
    fold: int
    probabilities: Probabilities

    @property
    def is_right(self) -> bool:
        """Whether the likeliest class is the label."""
        return self.label == (int(self.probabilities.argmax()),)


@dataclass(frozen=True)
class OutOfFolds:
    """All records of the folds, in the order of the store, and the names of the classes."""

    classes: Sequence[str]
    rows: Sequence[OutOfFold]
    several: bool

    @property
    def accuracy(self) -> str:
        """The share of records whose likeliest class is their label, with its interval."""
        return with_interval(sum(row.is_right for row in self.rows), len(self.rows))

    def write(self, path: str | Path) -> None:
        """Write them as CSV: key, label (several with spaces between them), fold, and a column
        for each class by its name. Raises Unwritable."""
        names = list(self.classes)
        if len({*_TITLES, *names}) < len(_TITLES) + len(names):
            names = [f"{number} {name}" for number, name in enumerate(names)]
        with replacing(path) as beside:
            file = beside.open("w", newline="", encoding="utf-8", errors="surrogateescape")
            with file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow((*_TITLES, *names))
                for row in self.rows:
                    numbers = (f"{each:.6f}" for each in row.probabilities)
                    label = " ".join(map(_number, row.label))
                    writer.writerow((row.key, label, row.fold, *numbers))


def out_of_fold(
    folds: Sequence[TrainedFold],
    open_fold: OpenFold,
    progress: Callable[[int], object] = lambda _: None,
) -> OutOfFolds:
    """Predict the records of each fold's validation set by the net of that fold.

    They are prepared as its TEST phase prepares them. `progress` hears of so many records. Raises
    DataError where the store has not the records of the lists, and what `open_fold` raises.
    """
    store = folds[0].store()
    found: list[OutOfFold] = []
    with open_records(store) as reader:
        last = max(place for fold in folds for place in fold.unseen)
        if last >= len(reader):
            raise DataError(
                f"has {len(reader)} records, and the folds name record {last}",
                where=str(store),
                remedy="it was built anew since: train the folds again",
            )
        dataset = stored_dataset(reader)
        for fold in folds:
            predictor = open_fold(fold.weights, dataset)
            for part in _of_fold(fold, predictor, reader):
                found += part
                progress(len(part))
    return OutOfFolds(
        predictor.classes, sorted(found, key=lambda row: row.place), predictor.heads[0].several
    )


def _of_fold(fold: TrainedFold, predictor: Predictor, reader: Records) -> Iterator[list[OutOfFold]]:
    color = predictor.stored[0] != 1
    for at in range(0, len(fold.unseen), BATCH):
        places = fold.unseen[at : at + BATCH]
        examples = [read_example(reader.get(place), color=color) for place in places]
        _check_shape(examples[0], predictor, reader.path)
        rows = predictor.probabilities([example.array for example in examples])
        yield [
            OutOfFold(place, _key(reader.keys[place]), _label(example), fold.number, row)
            for place, example, row in zip(places, examples, rows, strict=True)
        ]


def _check_shape(example: Example, predictor: Predictor, store: Path) -> None:
    if example.array.shape != predictor.stored:
        raise DataError(
            f"holds pictures of {list(example.array.shape)}, the net's were "
            f"{list(predictor.stored)}",
            where=str(store),
            remedy="it was built anew since: train the folds again",
        )


def _label(example: Example) -> tuple[float, ...]:
    labels = example.labels
    return (example.label,) if labels is None else tuple(map(float, labels))


def _number(label: float) -> str:
    return str(int(label) if label == int(label) else label)


def _key(key: bytes) -> str:
    return key.decode(errors="surrogateescape")
