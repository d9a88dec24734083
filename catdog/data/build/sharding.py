"""A build in shards: LMDBs that each have a run of the shuffled photos, made by any process.

A shard is done when its table of skipped files is there, which is written last; beside it stands
the sum of its pictures. What all of them hold follows from these files, whoever made them and when.
"""

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from catdog.data.build.build_files import SKIPPED, read_skipped, write_skipped
from catdog.data.build.builder import Counts, fill
from catdog.data.build.resumption import count_record, lines_of
from catdog.data.build.sized_mean import SizedMean, may_differ
from catdog.data.build.split import TRAIN, Division
from catdog.data.images import Pixels
from catdog.data.lmdb_pages import entries
from catdog.data.lmdb_store import DATA_FILE
from catdog.data.store_names import shard_name
from catdog.errors import DataError
from catdog.proto.caffe_pb2 import DatasetParameter
from catdog.runtime.distributed.group import Group
from catdog.runtime.files import replacing
from catdog.runtime.parallel import cores
from catdog.runtime.progress import progress

SUM = "sum.npy"
"""The sum of the pictures of a shard, channels x height x width; none of several sizes."""


class Shard(NamedTuple):
    """An LMDB of a part, by its number, and the places of its photos in the division."""

    part: str
    number: int
    photos: Division

    @property
    def name(self) -> str:
        """Its path below a build."""
        return f"{self.part}/{shard_name(self.number)}"


def shards_of(photos: Division, count: int) -> list[Shard]:
    """The shards of all parts: `count` of each, or as many as it has photos, alike in size."""
    found = []
    for part in photos.parts:
        places, _ = photos.of_part(part)
        number = min(count, len(places))
        bounds = [len(places) * at // number for at in range(number + 1)]
        found += [
            Shard(part, at, photos.chosen(places[bounds[at] : bounds[at + 1]]))
            for at in range(number)
        ]
    return found


def check_named(shards: Sequence[Shard], names: Iterable[str]) -> set[str]:
    """The shards that paths name, by what they end in; DataError for one that is none of them."""
    known = {shard.name for shard in shards}
    found = {"/".join(Path(name).parts[-2:]) for name in names}
    for name in sorted(found - known):
        last = max(shard.number for shard in shards if shard.part == shards[0].part)
        remedy = f"{shards[0].part} has {shard_name(0)} to {shard_name(last)}"
        raise DataError("no shard of this build", where=name, remedy=remedy)
    return found


def agreed(plan: str, group: Group) -> str:
    """The plan of all processes; DataError where they have not the same one."""
    plans = group.gather(plan)
    other = next((rank for rank, its in enumerate(plans) if its != plans[0]), 0)
    if other:
        what = f"process {other} has other photos, labels or options than process 0"
        raise DataError(what, remedy="give all of them the same files and flags")
    return plan


def is_done(folder: Path, shard: Shard) -> bool:
    """Whether a shard is there, whole."""
    return (folder / shard.name / SKIPPED).exists()


def records_done(folder: Path, shards: Iterable[Shard]) -> int:
    """How many records the shards have that are there."""
    done = (folder / shard.name for shard in shards if is_done(folder, shard))
    return sum(entries(place / DATA_FILE) for place in done)


def make_shards(
    folder: Path, shards: Sequence[Shard], dataset: DatasetParameter, group: Group, workers: int
) -> None:
    """Make those shards of this process that are not there yet: of N, every N-th of all."""
    mine = [each for each in shards[group.rank :: group.world] if not is_done(folder, each)]
    workers = workers or max(1, cores() // group.local_world)
    # the others' shares are like this one's
    others = f", 1 of {group.world} processes" if group.world > 1 else ""
    total = sum(len(shard.photos) for shard in mine)
    with progress(what=f"build{others}", total=total, hidden=not group.leads) as bar:
        for shard in mine:
            place = folder / shard.name
            shutil.rmtree(place, ignore_errors=True)
            counts, mean = Counts(), SizedMean(may_differ=may_differ(dataset))

            def each(_: str, planes: Pixels, mean: SizedMean = mean) -> None:
                mean.add(planes)

            target = {shard.part: place}
            fill(target, shard.photos, dataset, counts, bar.update, workers=workers, each=each)
            if mean.one_size:
                np.save(place / SUM, mean.mean.sum())
            with replacing(place / SKIPPED) as beside:
                write_skipped(beside, counts.skipped)


def take_together(
    folder: Path, shards: Sequence[Shard], dataset: DatasetParameter
) -> tuple[Counts, SizedMean]:
    """What the shards hold, and the mean of those for training; empty ones are removed."""
    counts, mean = Counts(), SizedMean(may_differ=may_differ(dataset))
    for shard in progress(shards, "add up", unit="shards"):
        place, before = folder / shard.name, counts.pictures.total()
        for at, line in lines_of(place, shard.photos, shard.part):
            count_record(counts, shard.photos[at], line)
        counts.skipped += read_skipped(place / SKIPPED)
        if number := counts.pictures.total() - before:
            mean.take(place / SUM, number if shard.part == TRAIN else 0)
        else:
            shutil.rmtree(place)
    return counts, mean
