"""The files of a build beside its LMDBs: mean.binaryproto, dataset.yaml, skipped.csv."""

import csv
from collections.abc import Iterable
from pathlib import Path

from catdog.data.build.builder import Counts
from catdog.data.build.listing import Listing, Skipped, in_utf8
from catdog.data.build.sized_mean import SizedMean
from catdog.data.build.split import TEST, TRAIN, VALIDATION
from catdog.data.lmdb_store import BUILT
from catdog.data.mean import BUILT_MEAN, write_mean
from catdog.data.preprocessing import DATASET_FILE
from catdog.data.store_names import SHARD
from catdog.proto.caffe_pb2 import DatasetParameter
from catdog.spec import to_yaml

SKIPPED = "skipped.csv"
_TITLES = ("file", "reason")


def write_files(
    folder: Path, dataset: DatasetParameter, listing: Listing, counts: Counts, mean: SizedMean
) -> list[str]:
    """Let the record of a data set say what was built, and write them into the folder of a build.

    The record stands beside each LMDB too. Returns lines about what deserves a look.
    """
    _describe(dataset, listing, counts)
    remarks = []
    if (pixels := mean.result()) is not None:
        write_mean(pixels, folder / BUILT_MEAN)
        # of photos that were kept as they are, and need not be stretched then
        _, dataset.height, dataset.width = mean.shape
    else:
        remarks.append(
            "the photos are of several sizes: there is no mean, a data layer needs a crop_size, "
            "and photos to predict are not prepared by this data set"
        )
    text = to_yaml(dataset, "How these photos were prepared; prediction does the same.")
    for target in (folder, *_stores(folder)):
        (target / DATASET_FILE).write_text(text, encoding="utf-8")
    write_skipped(folder / SKIPPED, [*listing.skipped, *counts.skipped])
    return remarks


def _describe(dataset: DatasetParameter, listing: Listing, counts: Counts) -> None:
    count = dataset.count
    count.train, count.validation = counts.pictures[TRAIN], counts.pictures[VALIDATION]
    if counts.pictures[TEST]:
        count.test = counts.pictures[TEST]
    count.skipped = len(listing.skipped) + len(counts.skipped)
    for kind, number in sorted(counts.kinds.items()):
        setattr(count, kind, number)
    for part, numbers in (
        (TRAIN, count.per_class_train),
        (VALIDATION, count.per_class_validation),
        (TEST, count.per_class_test),
    ):
        if part != TEST or count.test:
            numbers.extend(counts.labelled[part, label] for label in range(len(listing.classes)))


def _stores(folder: Path) -> list[Path]:
    """The folders of LMDBs and of shards that were written: there may be no validation ones."""
    parts = [folder / name for name in BUILT if (folder / name).exists()]
    return parts + [shard for part in parts for shard in part.glob(f"{SHARD}*")]


def write_skipped(path: Path, skipped: Iterable[Skipped]) -> None:
    """Write a table of the files that are not used."""
    rows = ((in_utf8(name), reason) for name, reason in skipped)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([_TITLES, *rows])


def read_skipped(path: Path) -> list[Skipped]:
    """What `write_skipped` wrote."""
    with path.open(newline="", encoding="utf-8") as file:
        return [Skipped(name, reason) for name, reason in csv.reader(file)][1:]
