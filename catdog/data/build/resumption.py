"""A build that was cut short: which of its records are whole, so that the next one goes on."""

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import cast

from catdog.data.build.builder import Counts, key_of
from catdog.data.build.split import Assigned
from catdog.data.checksums import CHECKSUMS, Checksums, RecordLine, checksum, read_checksums
from catdog.data.datum import read_example
from catdog.data.headers import Kind
from catdog.data.images import Pixels
from catdog.data.lmdb_store import Reader
from catdog.errors import DataError
from catdog.proto.caffe_pb2 import DatasetParameter


def plan(photos: Sequence[Assigned], dataset: DatasetParameter) -> str:
    """A digest of all that decides what a build writes: preparation, photos, labels, parts.

    Of a photo's file its size and its time.
    """
    digest = hashlib.sha256(dataset.SerializeToString(deterministic=True))
    for photo, number, part in photos:
        told = (number, part, photo.name, photo.label, photo.labels, _stamp(photo.path))
        digest.update(repr(told).encode(errors="surrogateescape"))
    return digest.hexdigest()


def _stamp(path: Path) -> tuple[int, int]:
    with suppress(OSError):
        status = path.stat()
        return status.st_size, status.st_mtime_ns
    return 0, 0


def restore(
    folder: Path, photos: Sequence[Assigned], counts: Counts, each: Callable[[str, Pixels], None]
) -> list[Assigned]:
    """Count the records that a build has in its LMDBs; returns the photos that are left.

    `each` gets the part and the planes of every such record. What is not whole is thrown away.
    """
    parts: dict[str, list[Assigned]] = {}
    for photo in photos:
        parts.setdefault(photo.part, []).append(photo)
    done: set[tuple[str, int]] = set()
    for part, there in parts.items():
        whole = []
        for assigned, line, planes in _records(folder / part, there):
            kinds = cast(list[Kind], line.notes[1].split("+") if line.notes[1] else [])
            counts.add(assigned, kinds, bytes.fromhex(line.notes[0]))
            each(part, planes)
            whole.append(line)
            done.add((part, assigned.number))
        _keep(folder / part, whole)
    return [photo for photo in photos if (photo.part, photo.number) not in done]


def _records(
    lmdb: Path, photos: Sequence[Assigned]
) -> Iterator[tuple[Assigned, RecordLine, Pixels]]:
    """The photos whose record is there and has its checksum, with its planes."""
    with suppress(DataError), Reader(lmdb) as reader:
        lines = {line.key: line for line in read_checksums(lmdb) if len(line.notes) == 2}
        there = set(reader.keys)
        for photo in photos:
            line = lines.get(key_of(photo))
            if line and line.key in there:
                (value,) = reader.by_keys([line.key])
                if checksum(value) == line.checksum:
                    yield photo, line, cast(Pixels, read_example(value).array)


def _keep(lmdb: Path, lines: Sequence[RecordLine]) -> None:
    """Leave the lines of whole records; without any, nothing of the LMDB."""
    (lmdb / CHECKSUMS).unlink(missing_ok=True)
    if not lines:
        shutil.rmtree(lmdb, ignore_errors=True)
        return
    with closing(Checksums(lmdb)) as table:
        table.write(lines)
