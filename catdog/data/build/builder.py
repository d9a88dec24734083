"""Labelled photos to LMDBs of prepared pixels, on all cores and with memory that does not grow."""

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, cast

import cv2
import numpy as np

from catdog.data.build.doubles import Doubles
from catdog.data.build.listing import Photo, Skipped
from catdog.data.build.split import TEST, TRAIN, VALIDATION, Assigned, Division
from catdog.data.datum import encoded_datum, write_raw
from catdog.data.headers import NO_KIND, Kind
from catdog.data.images import (
    Picture,
    Pixels,
    Unreadable,
    decode,
    fitted,
    jpeg,
    prepare,
    read_file,
)
from catdog.data.images import planes as to_planes
from catdog.data.lmdb_store import Writer, key
from catdog.errors import DataError
from catdog.proto.caffe_pb2 import DatasetParameter
from catdog.runtime.parallel import in_order
from catdog.runtime.progress import progress

_PURPOSE = {TRAIN: "training", VALIDATION: "validation", TEST: "the test"}

DIGEST_BYTES = 8
"""Of a million pictures the chance that two digests are the same is 1 in 37 million."""

BATCH_BYTES = 2 << 20
"""Bytes that are put into an LMDB in one transaction, whose memory the next one then uses."""


class Record(NamedTuple):
    """A record: which LMDB, its key and value, and words that stand beside its checksum."""

    lmdb: str
    key: bytes
    value: bytes
    notes: tuple[str, ...] = ()


class Prepared(NamedTuple):
    """A prepared photo: its planes and serialised Datum, or why it could not be read.

    `digest` is that of the file's bytes.
    """

    assigned: Assigned
    planes: Pixels | None = None
    value: bytes = b""
    kinds: frozenset[Kind] = frozenset()
    digest: bytes = b""
    reason: str = ""


@dataclass
class Counts:
    """Counts of a build: pictures by part and by class, converted ones by kind, skipped files.

    `labelled` is by (part, label); of a label vector each element that is not 0 counts. `doubles`
    has what is the same in several parts.
    """

    pictures: Counter[str] = field(default_factory=Counter)
    labelled: Counter[tuple[str, int]] = field(default_factory=Counter)
    kinds: Counter[Kind] = field(default_factory=Counter)
    skipped: list[Skipped] = field(default_factory=list)
    doubles: Doubles = field(default_factory=Doubles)

    def add(self, assigned: Assigned, kinds: Iterable[Kind], digest: bytes) -> None:
        """One more picture that is in its LMDB."""
        photo, _, part = assigned
        self.pictures[part] += 1
        labels = [at for at, value in enumerate(photo.labels) if value]
        self.labelled.update((part, label) for label in (labels if photo.labels else [photo.label]))
        self.kinds.update(kinds)
        self.doubles.add(part, digest, photo.name, photo.labels or photo.label)


def build(
    photos: Division,
    folder: Path,
    dataset: DatasetParameter,
    *,
    workers: int = 0,
    each: Callable[[str, Pixels], None] | None = None,
    counts: Counts | None = None,
) -> Counts:
    """Prepare the photos and write the LMDBs of their parts into a folder.

    `each` is called with the part and the planes of every picture, in order. Keys are the number
    in the shuffled list, eight digits, `_` and the photo's name. Photos that cannot be read are
    counted and left out. `counts` are those of pictures that are in the LMDBs already
    (`resumption.py`). There is no validation LMDB where the data set asks for 0 photos; raises
    DataError when an LMDB would be empty otherwise.
    """
    counts = counts or Counts()
    parts = parts_wanted(photos, dataset) | {*counts.pictures}
    with progress(what="build", total=len(photos)) as bar:
        folders = {part: folder / part for part in parts}
        fill(folders, photos, dataset, counts, bar.update, workers=workers, each=each)
    check_some(counts, parts)
    return counts


def parts_wanted(photos: Division, dataset: DatasetParameter) -> set[str]:
    """The LMDBs that a build must have, whatever can be read."""
    divides = not dataset.HasField("validation") or dataset.validation
    return {*photos.parts, TRAIN, *((VALIDATION,) if divides else ())}


def fill(
    folders: Mapping[str, Path],
    photos: Division,
    dataset: DatasetParameter,
    counts: Counts,
    tell: Callable[[], object],
    *,
    workers: int = 0,
    each: Callable[[str, Pixels], None] | None = None,
) -> None:
    """Prepare photos, count them, and write those of a part into the LMDB in its folder.

    `tell` is called after each photo, `each` as `build` does it.
    """

    def work(assigned: Assigned) -> Prepared:
        return _prepare(assigned, dataset)

    with closing(in_order(work, photos, workers=workers)) as results:
        write_batches(folders, map(_entry, _counted(results, counts, each, tell)))


def _entry(done: Prepared) -> Record:
    notes = done.digest.hex(), "+".join(sorted(done.kinds))
    return Record(done.assigned.part, key_of(done.assigned), done.value, notes)


def key_of(assigned: Assigned) -> bytes:
    """The key of a photo's record."""
    return key(assigned.number, assigned.photo.name)


def write_batches(folders: Mapping[str, Path], entries: Iterable[Record]) -> None:
    """Write entries to the LMDBs in the folders of their names, some 2 MiB at a time.

    A batch is written and flushed while the next one is being made; no more than two are held.
    """
    with ExitStack() as stack:
        writers = {name: stack.enter_context(closing(Writer(at))) for name, at in folders.items()}
        pool = stack.enter_context(ThreadPoolExecutor(1, "catdog-write"))
        writing: Future[None] | None = None
        for batch in _batches(entries):
            if writing:
                writing.result()
            writing = pool.submit(_put, writers, batch)
        if writing:
            writing.result()


def _put(writers: Mapping[str, Writer], batch: Sequence[Record]) -> None:
    for name, writer in writers.items():
        mine = [entry for entry in batch if entry.lmdb == name]
        writer.put([(at, value) for _, at, value, _ in mine], [entry.notes for entry in mine])


def _batches(entries: Iterable[Record]) -> Iterator[list[Record]]:
    batch: list[Record] = []
    held = 0
    for entry in entries:
        batch.append(entry)
        held += len(entry.value)
        if held >= BATCH_BYTES:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


def _prepare(assigned: Assigned, dataset: DatasetParameter) -> Prepared:
    photo = assigned.photo
    try:
        picture, data = _read(photo, dataset.channel_order == DatasetParameter.GRAY)
    except Unreadable as error:
        return Prepared(assigned, reason=error.what)
    digest = _digest(data)
    planes, value = _stored(photo, picture, data, dataset)
    return Prepared(assigned, planes, value, picture.kinds, digest)


def _read(photo: Photo, gray: bool) -> tuple[Picture, bytes | memoryview]:
    """The decoded picture, and what it was decoded from."""
    if photo.pixels is None:
        data = read_file(photo.file)
        return decode(data, gray=gray), data
    # a copy, as preparing uses the pixels up
    pixels: Pixels = np.array(photo.pixels, order="C")
    colors = cast(Pixels, cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)) if gray else pixels
    return Picture(colors, NO_KIND), pixels.data


def _stored(
    photo: Photo, picture: Picture, data: bytes | memoryview, dataset: DatasetParameter
) -> tuple[Pixels, bytes]:
    """The planes of a photo, and the Datum that holds them, raw or in a file."""
    if dataset.encoding == DatasetParameter.RAW:
        prepared = prepare(picture.pixels, dataset)
        return prepared, write_raw(prepared, photo.label, photo.labels)
    if dataset.encoding == DatasetParameter.JPEG:
        file = jpeg(fitted(picture.pixels, dataset), dataset.quality)
        pixels = decode(file, gray=picture.pixels.ndim == 2).pixels
    else:
        pixels = picture.pixels
        as_it_is = isinstance(data, bytes) and not picture.kinds
        file = bytes(data) if as_it_is else cv2.imencode(".png", pixels)[1].tobytes()
    datum = encoded_datum(file, photo.label, photo.labels)
    return to_planes(pixels), datum.SerializeToString()


def _digest(data: bytes | memoryview) -> bytes:
    return hashlib.blake2b(data, digest_size=DIGEST_BYTES).digest()


def _counted(
    results: Iterable[Prepared],
    counts: Counts,
    each: Callable[[str, Pixels], None] | None,
    tell: Callable[[], object],
) -> Iterator[Prepared]:
    """Yield the photos that could be read, and count all."""
    for done in results:
        tell()
        photo, _, part = done.assigned
        if done.planes is None:
            counts.skipped.append(Skipped(photo.name, done.reason))
            continue
        counts.add(done.assigned, done.kinds, done.digest)
        if each:
            each(part, done.planes)
        yield done


def check_some(counts: Counts, parts: Collection[str]) -> None:
    """Raise DataError where one of the parts would have no pictures."""
    for part, purpose in _PURPOSE.items():
        if part in parts and not counts.pictures[part]:
            skipped = len(counts.skipped)
            first = f" (the first: {': '.join(counts.skipped[0])})" if skipped else ""
            raise DataError(
                f"no photos left for {purpose}: {counts.pictures.total()} could be read, "
                f"{skipped} not{first}",
                remedy="more photos are needed",
            )
