"""A build that was cut short: which of its records are whole, so that the next one goes on."""

import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import cast

import numpy as np

from catdog.data.archives import stamp_of
from catdog.data.build.builder import Counts, key_of
from catdog.data.build.split import Assigned, Division
from catdog.data.checksums import CHECKSUMS, Checksums, RecordLine, checksum, read_checksums
from catdog.data.datum import read_example
from catdog.data.headers import Kind
from catdog.data.images import Pixels
from catdog.data.lmdb_store import Reader
from catdog.errors import DataError
from catdog.proto.caffe_pb2 import DatasetParameter

_KEPT = "checksums.kept.csv"
"""The table of what is whole, until it is the table."""


def plan(photos: Division, dataset: DatasetParameter) -> str:
    """A digest of all that decides what a build writes: preparation, photos, labels, parts.

    Of a photo's file its size and its time.
    """
    digest = hashlib.sha256(dataset.SerializeToString(deterministic=True))
    for photo, number, part in photos:
        told = (number, part, photo.name, photo.label, photo.labels, stamp_of(photo.file))
        digest.update(repr(told).encode(errors="surrogateescape"))
    return digest.hexdigest()


def restore(
    folder: Path, photos: Division, counts: Counts, each: Callable[[str, Pixels], None]
) -> Division:
    """Count the records that a build has in its LMDBs; returns the photos that are left.

    `each` gets the part and the planes of every such record. What is not whole is thrown away.
    """
    left = np.ones(len(photos), bool)
    for part in photos.parts:

        def counted(part: str = part) -> Iterator[RecordLine]:
            for place, line, planes in _records(folder / part, photos, part):
                if left[place]:
                    left[place] = False
                    count_record(counts, photos[place], line)
                    each(part, planes)
                    yield line

        _keep(folder / part, counted())
    return photos.chosen(left)


def count_record(counts: Counts, photo: Assigned, line: RecordLine) -> None:
    """Count a photo by the line of its record."""
    digest, converted = line.notes
    kinds = cast(list[Kind], converted.split("+") if converted else [])
    counts.add(photo, kinds, bytes.fromhex(digest))


def _records(lmdb: Path, photos: Division, part: str) -> Iterator[tuple[int, RecordLine, Pixels]]:
    """The places of photos whose record is there and has its checksum, with its planes."""
    with suppress(DataError), Reader(lmdb) as reader:
        for place, line in lines_of(lmdb, photos, part):
            if (value := reader.find(line.key)) and checksum(value) == line.checksum:
                yield place, line, cast(Pixels, read_example(value).array)


def lines_of(lmdb: Path, photos: Division, part: str) -> Iterator[tuple[int, RecordLine]]:
    """The lines of an LMDB's table that are of photos of a part, with the places of these."""
    places, numbers = photos.of_part(part)
    for line in read_checksums(lmdb):
        number = line.key.partition(b"_")[0]
        if len(line.notes) != 2 or not number.isdigit():
            continue
        at = int(np.searchsorted(numbers, int(number)))
        if at < len(places) and key_of(photos[places[at]]) == line.key:
            yield int(places[at]), line


def _keep(lmdb: Path, lines: Iterable[RecordLine]) -> None:
    """Leave these lines, of whole records; without any, nothing of the LMDB."""
    (lmdb / _KEPT).unlink(missing_ok=True)
    if not lmdb.exists():
        return
    with closing(Checksums(lmdb, _KEPT)) as table:
        count = table.write(lines)
    if count:
        (lmdb / _KEPT).replace(lmdb / CHECKSUMS)
    else:
        shutil.rmtree(lmdb, ignore_errors=True)
