"""From a folder of photos to LMDBs, mean picture and dataset.yaml."""

import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from catdog.data.build.build_files import SKIPPED, write_files
from catdog.data.build.build_remarks import build_remarks
from catdog.data.build.builder import Counts, build, check_some, parts_wanted
from catdog.data.build.builds import Builds, kept_when_interrupted, only_build
from catdog.data.build.cifar import find_cifar, read_cifar
from catdog.data.build.folder_layouts import add_test, find_photos, has_photos
from catdog.data.build.label_table import read_label_table
from catdog.data.build.list_file import read_list
from catdog.data.build.listing import Listing, check_class_name, in_utf8
from catdog.data.build.packed_photos import find_packed, packed_places
from catdog.data.build.resumption import plan, restore
from catdog.data.build.reviewed import apply_review
from catdog.data.build.sharding import (
    agreed,
    check_named,
    make_shards,
    records_done,
    shards_of,
    take_together,
)
from catdog.data.build.sized_mean import SizedMean, may_differ
from catdog.data.build.split import TEST, TRAIN, VALIDATION, Division, split
from catdog.data.build.synthetic import draw_sample
from catdog.data.images import Pixels
from catdog.data.mean import BUILT_MEAN
from catdog.data.preprocessing import DATASET_FILE
from catdog.data.store_names import SHARD
from catdog.errors import DataError
from catdog.proto.caffe_pb2 import DatasetParameter
from catdog.runtime.distributed.group import ALONE, Group, one_first
from catdog.runtime.text_table import text_table
from catdog.runtime.wording import counted

SAMPLE = "sample"

DEFAULT_FOLDER = Path("input")
_NOTHING = "there was no build of these photos to go on with"
_KINDS = {"gray": "grey", "cmyk": "CMYK", "alpha": "transparent", "sixteen_bit": "16-bit"}


@dataclass(frozen=True)
class LabelFiles:
    """Files that name the photos and their labels, instead of folders.

    `train` and `validation` are list files with, in `labels`, the names of their classes; see
    `list_file.read_list`. `labels` alone is a table; see `label_table`. `test` is a folder of test
    photos. `review` has decisions on some of the photos; see `review.py`.
    """

    train: Path | None = None
    labels: Path | None = None
    validation: Path | None = None
    test: Path | None = None
    review: Path | None = None


@dataclass(frozen=True)
class BuildReport:
    """What was built: `dataset` has the counts, `str()` is a table for a terminal.

    `resumed` is how many pictures an interrupted build had stored. `remarks` are lines about what
    deserves a look.
    """

    dataset: DatasetParameter
    layout: str
    out: Path
    seconds: float
    resumed: int = 0
    remarks: Sequence[str] = ()

    def __str__(self) -> str:
        heading = f"{self.dataset.source}: {self.layout}"
        numbers = text_table(None, [*self._numbers(), *self._written()])
        remarks = "\n".join(f"warning: {remark}" for remark in self.remarks)
        return "\n\n".join(filter(None, (heading, self._classes(), numbers, remarks)))

    def _classes(self) -> str:
        """The number of photos of each class and in all."""
        count = self.dataset.count
        titles = ["train", "validation", "test"][: 3 if count.test else 2]
        columns = [count.per_class_train, count.per_class_validation]
        all_of_it = [count.train, count.validation]
        if count.test:
            columns.append(count.per_class_test)
            all_of_it.append(count.test)
        rows = zip(self.dataset.class_name, *columns, strict=True)
        lines = [
            (f"{label} {name}", *map(str, numbers)) for label, (name, *numbers) in enumerate(rows)
        ]
        return text_table(("class", *titles), [*lines, ("all", *map(str, all_of_it))])

    def _numbers(self) -> list[tuple[str, str]]:
        count = self.dataset.count
        kinds = [
            f"{getattr(count, kind)} {_KINDS.get(kind, kind)}"
            for kind in (*_KINDS, "rotated")
            if getattr(count, kind)
        ]
        skipped = f" (listed in {self.out / SKIPPED})" if count.skipped else ""
        new = count.train + count.validation + count.test - self.resumed
        rate = new / max(self.seconds, 1e-9)
        resumed = [("resumed", f"{self.resumed} were stored before")] if self.resumed else []
        return [
            *resumed,
            *self._reviewed(),
            ("skipped", f"{count.skipped}{skipped}"),
            ("converted", ", ".join(kinds) or "none"),
            ("rate", f"{rate:.0f} photos/s, {self.seconds:.1f} s"),
        ]

    def _reviewed(self) -> list[tuple[str, str]]:
        count, review = self.dataset.count, self.dataset.review
        told = f"{count.dropped} left out, {count.relabelled} of another class, by {review}"
        return [("review", told)] if review else []

    def _written(self) -> list[tuple[str, str]]:
        count = self.dataset.count
        parts = [TRAIN] + [VALIDATION] * bool(count.validation) + [TEST] * bool(count.test)
        mean = [BUILT_MEAN] * (self.out / BUILT_MEAN).exists()
        return [("written", self._told(name)) for name in (*parts, *mean, DATASET_FILE)]

    def _told(self, name: str) -> str:
        """Where it is, and of how many shards."""
        place = self.out / name
        shards = sum(1 for _ in place.glob(f"{SHARD}*"))
        return f"{place}, {counted(shards, 'shard')}" if shards else str(place)


def create(
    data: str | Path,
    out: str | Path,
    dataset: DatasetParameter,
    *,
    files: LabelFiles | None = None,
    workers: int = 0,
    resume: bool = False,
    rebuild: Sequence[str] = (),
    group: Group = ALONE,
) -> BuildReport:
    """Build train_lmdb, validation_lmdb, mean.binaryproto and dataset.yaml in `out`.

    `dataset` has the preparation, the split and the seed; the report has a copy with the counts.
    Photos come from the files or the folder `data`, or, where it has none, from a drawn sample;
    test photos go to test_lmdb. All becomes visible at once (`builds.py`), so that an interrupted
    build leaves the last one as it was; with `resume` it goes on where it stopped. Shards that are
    to be `rebuild`, and those that are missing, are made again, and the others of the current build
    stay. Of several processes each makes its shards; the report of the leading one has the counts.
    """
    began, out, files = time.perf_counter(), Path(out), files or LabelFiles()
    how = _How(workers, resume, rebuild, group)
    try:
        with only_build(out) if group.leads else nullcontext() as builds:
            find = partial(_listing, str(data), out, files, dataset)
            listing, source = one_first(group, find)
            described = _described(dataset, listing, source)
            photos = _reviewed(split(listing, dataset), listing, described, files.review)
            if dataset.shards:
                built = _build_shards(builds, photos, listing, described, how)
            else:
                built = _build(builds, photos, listing, described, how)
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(f"cannot be written ({reason})", where=str(out)) from error
    remarks = [*built.remarks, *build_remarks(listing, described, built.counts)]
    seconds = time.perf_counter() - began
    return BuildReport(described, listing.layout, out, seconds, built.before, remarks)


class _How(NamedTuple):
    """What else `create` is given."""

    workers: int
    resume: bool
    rebuild: Sequence[str]
    group: Group


@dataclass(frozen=True)
class _Built:
    """Counts of a build, how many of its pictures were there before, and what deserves a look."""

    counts: Counts
    before: int = 0
    remarks: Sequence[str] = ()


def _build(
    builds: Builds | None, photos: Division, listing: Listing, dataset: DatasetParameter, how: _How
) -> _Built:
    """One LMDB for each part."""
    if builds is None or how.group.world > 1:
        what = f"{how.group.world} processes build together where there are shards for each"
        raise DataError(what, remedy="give --shards")
    folder, resumed = builds.begin(plan(photos, dataset), how.resume)
    counts, mean = Counts(), SizedMean(may_differ=may_differ(dataset))

    def each(part: str, planes: Pixels) -> None:
        if part == TRAIN:
            mean.add(planes)
        else:
            mean.see(planes.shape)

    with kept_when_interrupted(folder):
        left = restore(folder, photos, counts, each)
        before = counts.pictures.total()
        build(left, folder, dataset, workers=how.workers, each=each, counts=counts)
        remarks = write_files(folder, dataset, listing, counts, mean)
    remarks += [] if resumed or not how.resume else [_NOTHING]
    return _Built(counts, before, remarks + builds.finish(folder))


def _build_shards(
    builds: Builds | None,
    photos: Division,
    listing: Listing,
    dataset: DatasetParameter,
    how: _How,
) -> _Built:
    """Shards of each part: of N processes each makes every N-th, the leading one has `builds`."""
    group, folder, resumed, before = how.group, Path(), False, 0
    digest = agreed(plan(photos, dataset), group)
    shards = shards_of(photos, dataset.shards)
    named = check_named(shards, how.rebuild)
    if builds:
        if named:
            builds.check_current(digest)
        folder, resumed = builds.begin(digest, how.resume)
        if named:
            builds.take_shards(folder, without=named)
        before = records_done(folder, shards)
    folder = Path(group.gather(str(folder))[0])
    with kept_when_interrupted(folder, alone=group.world == 1):
        make_shards(folder, shards, dataset, group, how.workers)
        # until all have made theirs
        group.gather(None)
        if not builds:
            return _Built(Counts())
        counts, mean = take_together(folder, shards, dataset)
        check_some(counts, parts_wanted(photos, dataset))
        remarks = write_files(folder, dataset, listing, counts, mean)
    remarks += [] if resumed or not how.resume else [_NOTHING]
    return _Built(counts, before, remarks + builds.finish(folder))


def _listing(
    data: str, out: Path, files: LabelFiles, dataset: DatasetParameter
) -> tuple[Listing, str]:
    """The labelled photos, and the description of their source in dataset.yaml."""
    listing, source = _trained_on(data, out, files, dataset)
    if files.test:
        add_test(listing, files.test)
    return listing, source


def _trained_on(
    place: str, out: Path, files: LabelFiles, dataset: DatasetParameter
) -> tuple[Listing, str]:
    data, packed = Path(place), packed_places(place)
    if packed and (files.train or files.labels):
        what = "a list names files of a folder, and these photos are packed"
        raise DataError(what, where=place, remedy="unpack them and name the folder")
    if packed:
        return find_packed(packed), place
    if files.train:
        return read_list(files.train, data, files.labels, files.validation), str(files.train)
    if files.labels:
        return read_label_table(files.labels, data), str(files.labels)
    if not (data / "train").is_dir() and (batches := find_cifar(data)):
        return read_cifar(batches), str(batches)
    if data != DEFAULT_FOLDER or (data.is_dir() and has_photos(data)):
        return find_photos(data), str(data)
    sample = out / SAMPLE
    if not (sample / "train").exists():
        draw_sample(sample, seed=dataset.seed)
    listing = find_photos(sample)
    listing.notes.append(
        f"there are no photos in {data}/train: these are drawings, from "
        f"{sample}; {sample / 'test1'} has some to predict"
    )
    return listing, f"a drawn sample, as there are no photos in {data}/train: {sample}"


def _reviewed(
    photos: Division, listing: Listing, described: DatasetParameter, review: Path | None
) -> Division:
    """The photos as a review leaves them, which the record tells."""
    if review is None:
        return photos
    found = apply_review(photos, listing, review)
    listing.skipped += found.dropped
    described.review = in_utf8(str(review))
    described.count.dropped, described.count.relabelled = len(found.dropped), found.relabelled
    return found.photos


def _described(dataset: DatasetParameter, listing: Listing, source: str) -> DatasetParameter:
    described = DatasetParameter()
    described.CopyFrom(dataset)
    for name in listing.classes:
        check_class_name(name, source)
    described.class_name[:] = listing.classes
    described.source = in_utf8(source)
    if listing.validation is not None:
        if dataset.HasField("validation"):
            raise DataError(
                "has validation photos of its own",
                where=source,
                remedy="leave out --validation and --stratify, or name the folder of the training "
                "photos",
            )
        described.validation_every = 0
    return described
