"""Labelled photos to LMDBs of prepared pixels, on all cores and with memory that does not grow."""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from catdog.datum import write_raw
from catdog.errors import DataError
from catdog.headers import Kind
from catdog.images import Pixels, Unreadable, decode, prepare, read_file
from catdog.listing import Listing, Photo, Skipped
from catdog.parallel import in_order
from catdog.proto.caffe_pb2 import DatasetParameter
from catdog.store import Writer, key

Entry = tuple[str, bytes, bytes]
"""Which LMDB, the key, the value."""

TRAIN, VALIDATION = "train_lmdb", "validation_lmdb"

BATCH_BYTES = 32 << 20
"""Bytes that are put into an LMDB in one transaction."""


class Job(NamedTuple):
    """A photo, its place in the shuffled list, and the LMDB it goes to."""

    photo: Photo
    number: int
    part: str


class Prepared(NamedTuple):
    """What became of a photo: its planes and serialised Datum, or the reason why not."""

    job: Job
    planes: Pixels | None = None
    value: bytes = b""
    kinds: frozenset[Kind] = frozenset()
    reason: str = ""


@dataclass
class Counts:
    """What a build met: pictures by (part, label), converted ones by kind, skipped files."""

    pictures: Counter[tuple[str, int]] = field(default_factory=Counter)
    kinds: Counter[Kind] = field(default_factory=Counter)
    skipped: list[Skipped] = field(default_factory=list)

    def of(self, part: str) -> int:
        """The pictures in one of the LMDBs."""
        return sum(count for (name, _), count in self.pictures.items() if name == part)


def divide(listing: Listing, dataset: DatasetParameter) -> list[Job]:
    """The photos shuffled by the seed, each with the LMDB that it goes to.

    Every `validation_every`-th of the shuffled list, the first one included, is for validation;
    photos that came divided stay so.
    """
    shuffle = random.Random(dataset.seed).shuffle
    photos = list(listing.train)
    shuffle(photos)
    if listing.validation is None:
        every = dataset.validation_every
        return [
            Job(photo, number, TRAIN if number % every else VALIDATION)
            for number, photo in enumerate(photos)
        ]
    later = list(listing.validation)
    shuffle(later)
    return [Job(photo, number, TRAIN) for number, photo in enumerate(photos)] + [
        Job(photo, number, VALIDATION) for number, photo in enumerate(later)
    ]


def build(
    jobs: Sequence[Job],
    folder: Path,
    dataset: DatasetParameter,
    *,
    workers: int = 0,
    each: Callable[[str, Pixels], None] | None = None,
) -> Counts:
    """Prepare the photos and write `train_lmdb` and `validation_lmdb` into a folder.

    `each` sees every part and its planes in order. Keys are the number in the shuffled list, eight
    digits, `_` and the photo's name. Photos that cannot be read are counted and left out;
    DataError when one of the LMDBs would be empty.
    """
    counts = Counts()
    gray = dataset.channel_order == DatasetParameter.GRAY

    def work(job: Job) -> Prepared:
        return _prepare(job, dataset, gray)

    with ExitStack() as stack:
        results = stack.enter_context(closing(in_order(work, jobs, workers=workers)))
        bar = stack.enter_context(tqdm(results, total=len(jobs), unit=" photos"))
        folders = {part: folder / part for part in (TRAIN, VALIDATION)}
        write_batches(folders, map(_entry, _counted(bar, counts, each)))
    _check(counts)
    return counts


def _entry(done: Prepared) -> Entry:
    return done.job.part, key(done.job.number, done.job.photo.name), done.value


def write_batches(folders: Mapping[str, Path], entries: Iterable[Entry]) -> None:
    """Write (folder's name, key, value) to new LMDBs, some 32 MiB at a time.

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


def _put(writers: Mapping[str, Writer], batch: Sequence[Entry]) -> None:
    for name, writer in writers.items():
        writer.put([(at, value) for part, at, value in batch if part == name])


def _batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    batch: list[Entry] = []
    held = 0
    for entry in entries:
        batch.append(entry)
        held += len(entry[2])
        if held >= BATCH_BYTES:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


def _prepare(job: Job, dataset: DatasetParameter, gray: bool) -> Prepared:
    try:
        pixels, kinds = decode(read_file(job.photo.path), gray=gray)
    except Unreadable as error:
        return Prepared(job, reason=error.what)
    planes = prepare(pixels, dataset)
    return Prepared(job, planes, write_raw(planes, job.photo.label), kinds)


def _counted(
    results: Iterable[Prepared], counts: Counts, each: Callable[[str, Pixels], None] | None
) -> Iterator[Prepared]:
    """The photos that could be read."""
    for done in results:
        photo, _, part = done.job
        if done.planes is None:
            counts.skipped.append(Skipped(photo.name, done.reason))
            continue
        counts.pictures[part, photo.label] += 1
        counts.kinds.update(done.kinds)
        if each:
            each(part, done.planes)
        yield done


def _check(counts: Counts) -> None:
    for part, name in ((TRAIN, "training"), (VALIDATION, "validation")):
        if not counts.of(part):
            skipped = len(counts.skipped)
            first = f" (the first: {': '.join(counts.skipped[0])})" if skipped else ""
            raise DataError(
                f"no photos left for {name}: {sum(counts.pictures.values())} could be read, "
                f"{skipped} not{first}",
                remedy="more photos are needed",
            )
