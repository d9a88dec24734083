"""The whole way from a folder of photos to LMDBs, mean picture and dataset.yaml."""

import csv
import os
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from catdog.build import TRAIN, VALIDATION, Counts, build, divide
from catdog.errors import DataError
from catdog.images import Pixels
from catdog.listing import Listing, Skipped, find_photos, has_photos, read_list
from catdog.mean import Mean, write_mean
from catdog.proto.caffe_pb2 import DatasetParameter
from catdog.sample import draw_sample
from catdog.spec import to_yaml
from catdog.store import replace_folder

MEAN, DATASET, SKIPPED, SAMPLE = "mean.binaryproto", "dataset.yaml", "skipped.csv", "sample"

DEFAULT_FOLDER = Path("input")
_KINDS = {"gray": "grey", "cmyk": "CMYK", "alpha": "transparent", "sixteen_bit": "16-bit"}


@dataclass(frozen=True)
class ListFiles:
    """Labelled photos given as a list file; see `catdog.listing.read_list`."""

    train: Path
    labels: Path | None = None
    validation: Path | None = None


@dataclass(frozen=True)
class Report:
    """What was built: `dataset` has the numbers, `str()` is the table that a person reads."""

    dataset: DatasetParameter
    layout: str
    out: Path
    seconds: float

    def __str__(self) -> str:
        return "\n".join((*self._heading(), *self._classes(), *self._remarks(), *self._places()))

    def _heading(self) -> list[str]:
        return [f"{self.dataset.source}: {self.layout}", "", _row("class", "train", "validation")]

    def _classes(self) -> list[str]:
        count = self.dataset.count
        rows = zip(
            self.dataset.class_name,
            count.per_class_train,
            count.per_class_validation,
            strict=True,
        )
        lines = [
            _row(f"{label} {name}", train, later) for label, (name, train, later) in enumerate(rows)
        ]
        return [*lines, _row("all", count.train, count.validation), ""]

    def _remarks(self) -> list[str]:
        count = self.dataset.count
        kinds = [
            f"{getattr(count, kind)} {_KINDS.get(kind, kind)}"
            for kind in (*_KINDS, "rotated")
            if getattr(count, kind)
        ]
        skipped = f" (listed in {self.out / SKIPPED})" if count.skipped else ""
        rate = (count.train + count.validation) / max(self.seconds, 1e-9)
        return [
            f"skipped    {count.skipped}{skipped}",
            f"converted  {', '.join(kinds) or 'none'}",
            f"rate       {rate:.0f} photos/s, {self.seconds:.1f} s",
        ]

    def _places(self) -> list[str]:
        return [f"written    {self.out / name}" for name in (TRAIN, VALIDATION, MEAN, DATASET)]


def _row(name: str, train: object, validation: object) -> str:
    return f"{name:<24}{train:>10}{validation:>12}"


def create(
    data: str | Path,
    out: str | Path,
    dataset: DatasetParameter,
    *,
    lists: ListFiles | None = None,
    workers: int = 0,
) -> Report:
    """Build train_lmdb, validation_lmdb, mean.binaryproto and dataset.yaml in `out`.

    `dataset` says how the pictures are prepared, divided and shuffled; the report has a copy with
    what was met. Photos come from the list files or the folder `data`, or, where it has none, from
    a drawn sample. All is written beside its place and moved there when it is whole, so that
    whatever stops a build leaves the last one as it was.
    """
    began, out = time.perf_counter(), Path(out)
    staging = out / f".building.{os.getpid()}"
    try:
        staging.mkdir(parents=True)
        listing, source = _listing(Path(data), out, lists, dataset)
        described = _described(dataset, listing, source)
        _fill(staging, listing, described, workers)
        _move(staging, out)
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(f"cannot be written ({reason})", where=str(out)) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return Report(described, listing.layout, out, time.perf_counter() - began)


def _fill(folder: Path, listing: Listing, dataset: DatasetParameter, workers: int) -> None:
    """Write all files; the counts go into `dataset`."""
    mean = Mean()

    def each(part: str, planes: Pixels) -> None:
        if part == TRAIN:
            mean.add(planes)

    counts = build(divide(listing, dataset), folder, dataset, workers=workers, each=each)
    _count(dataset, listing, counts)
    _write(folder, dataset, mean, listing.skipped + counts.skipped)


def _listing(
    data: Path, out: Path, lists: ListFiles | None, dataset: DatasetParameter
) -> tuple[Listing, str]:
    """The labelled photos, and the words by which dataset.yaml remembers them."""
    if lists:
        return read_list(lists.train, data, lists.labels, lists.validation), str(lists.train)
    missing = not data.is_dir()
    if missing and data != DEFAULT_FOLDER:
        raise DataError(
            "no such folder", where=str(data), remedy="without a folder, a sample is drawn"
        )
    if not missing and has_photos(data):
        return find_photos(data), str(data)
    sample = out / SAMPLE
    if not (sample / "train").exists():
        draw_sample(sample, seed=dataset.seed)
    return find_photos(sample), f"a drawn sample, as there are no photos in {data}/train: {sample}"


def _described(dataset: DatasetParameter, listing: Listing, source: str) -> DatasetParameter:
    described = DatasetParameter()
    described.CopyFrom(dataset)
    described.class_name[:] = listing.classes
    described.source = source
    if listing.validation is not None:
        described.validation_every = 0
    return described


def _count(dataset: DatasetParameter, listing: Listing, counts: Counts) -> None:
    count = dataset.count
    count.train, count.validation = counts.of(TRAIN), counts.of(VALIDATION)
    count.skipped = len(listing.skipped) + len(counts.skipped)
    for kind, number in sorted(counts.kinds.items()):
        setattr(count, kind, number)
    for part, numbers in (
        (TRAIN, count.per_class_train),
        (VALIDATION, count.per_class_validation),
    ):
        numbers.extend(counts.pictures[part, label] for label in range(len(listing.classes)))


def _write(folder: Path, dataset: DatasetParameter, mean: Mean, skipped: Iterable[Skipped]) -> None:
    write_mean(mean.result(), folder / MEAN)
    text = to_yaml(dataset, "How these photos were prepared; prediction does the same.")
    for place in (folder, folder / TRAIN, folder / VALIDATION):
        (place / DATASET).write_text(text, encoding="utf-8")
    with (folder / SKIPPED).open("w", newline="", encoding="utf-8", errors="replace") as file:
        csv.writer(file).writerows([("file", "reason"), *skipped])


def _move(staging: Path, out: Path) -> None:
    for part in (TRAIN, VALIDATION):
        replace_folder(staging / part, out / part)
    for name in (MEAN, DATASET, SKIPPED):
        (staging / name).replace(out / name)
