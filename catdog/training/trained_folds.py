"""The folds of a cross-validation that has run: their weights, and what they have not seen."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from google.protobuf import text_format

from catdog.data.sources.index_file import read_index
from catdog.errors import CatdogError, some_of
from catdog.inference.predictor import newest_weights
from catdog.proto.caffe_pb2 import LayerParameter, NetParameter
from catdog.tracking.run_file import read_run, run_path
from catdog.tracking.shell_hook import DONE

_NUMBER = re.compile(r"(.+)_fold([1-9]\d*)")
#: More than any store has.
_ANY = 1 << 62


@dataclass(frozen=True)
class TrainedFold:
    """One of K runs, by the snapshot_prefix that they have in common, `<prefix>_fold1/...`."""

    number: int
    run: str

    @property
    def folder(self) -> Path:
        """Where its snapshots and its lists of records lie."""
        path = Path(self.run)
        return path.with_name(f"{path.name}_fold{self.number}")

    @property
    def prefix(self) -> str:
        """Its own snapshot_prefix."""
        return str(self.folder / Path(self.run).name)

    @cached_property
    def weights(self) -> Path:
        """Its best weights, else its newest. Raises WeightsError without any."""
        return newest_weights(self.folder)

    @cached_property
    def unseen(self) -> list[int]:
        """The records that it was not trained on, by their places in the store."""
        return read_index(self.folder / "test.txt", _ANY)

    @cached_property
    def seen(self) -> list[int]:
        """The records that it was trained on."""
        return read_index(self.folder / "train.txt", _ANY)

    @property
    def is_done(self) -> bool:
        """Whether its training came to its end."""
        return bool(read_run(run_path(self.prefix))["status"] == DONE)

    def store(self) -> Path:
        """The LMDB that is split. Raises CatdogError where it is not there."""
        record = read_run(run_path(self.prefix))
        for text in record.get("test_nets") or []:
            for layer in text_format.Parse(text, NetParameter()).layer:
                if source := _source(layer):
                    there = (Path(source), Path(str(record.get("folder", ""))) / source)
                    if found := next((path for path in there if path.is_dir()), None):
                        return found
                    remedy = "put it back, or train the folds again"
                    raise CatdogError("no such LMDB", where=source, remedy=remedy)
        raise CatdogError("does not tell its data", where=str(run_path(self.prefix)))


def trained_folds(run: str | Path) -> list[TrainedFold]:
    """The folds of a run, by its snapshot_prefix or by the folder that they lie in, in order.

    Raises CatdogError where there are none or not all, where a folder has those of several runs,
    and where they are not of one split.
    """
    prefix = _prefix(Path(run))
    places = prefix.parent.glob(f"{_escaped(prefix.name)}_fold*")
    matches = (_NUMBER.fullmatch(path.name) for path in places if path.is_dir())
    numbers = sorted(int(match[2]) for match in matches if match and match[1] == prefix.name)
    if numbers != list(range(1, len(numbers) + 1)):
        missing = next(i for i in range(1, len(numbers) + 1) if i not in numbers)
        raise CatdogError(
            f"has fold {numbers[-1]}, and no fold {missing}",
            where=str(prefix),
            remedy="train the same --folds with --snapshot auto",
        )
    folds = [TrainedFold(number, str(prefix)) for number in numbers]
    _check_one_split(folds)
    return folds


def _check_one_split(folds: Sequence[TrainedFold]) -> None:
    """Each record is unseen by one fold, and seen by all others."""
    unseen = [place for fold in folds for place in fold.unseen]
    every = set(unseen)
    fits = all(set(fold.seen) == every - set(fold.unseen) for fold in folds)
    if len(every) == len(unseen) and fits and len(folds) > 1:
        return
    raise CatdogError(
        f"its {len(folds)} folds are not those of one split",
        where=folds[0].run,
        remedy="remove folds of an earlier cross-validation, or train the same --folds with "
        "--snapshot auto until all are done",
    )


def _prefix(run: Path) -> Path:
    if run.with_name(f"{run.name}_fold1").is_dir():
        return run
    if match := _NUMBER.fullmatch(run.name):
        return run.with_name(match[1])
    inside = sorted(run.glob("*_fold1")) if run.is_dir() else []
    if len(inside) == 1:
        return inside[0].with_name(inside[0].name.removesuffix("_fold1"))
    if inside:
        names = some_of(str(path).removesuffix("_fold1") for path in inside)
        raise CatdogError(
            "has the folds of several runs", where=str(run), remedy=f"name one: {names}"
        )
    raise CatdogError(
        "has no folds",
        where=str(run),
        remedy="name the snapshot_prefix of a training with --folds",
    )


def _source(layer: LayerParameter) -> str:
    return layer.data_param.source if layer.type == "Data" else ""


def _escaped(name: str) -> str:
    return re.sub(r"([*?[])", r"[\1]", name)
