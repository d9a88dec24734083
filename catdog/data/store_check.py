"""Whether every record of a store is the one that was written."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from catdog.data.checksums import CHECKSUMS, checksum, read_checksums
from catdog.data.datum import read_example
from catdog.data.lmdb_store import BUILT, DATA_FILE, Reader
from catdog.data.shards import open_records
from catdog.data.store_names import whole_of
from catdog.errors import DataError
from catdog.runtime.progress import progress
from catdog.runtime.wording import counted

_SHOWN = 10


@dataclass(frozen=True)
class StoreReport:
    """What was looked at in an LMDB, and a line for each record that is not as it was written."""

    path: Path
    records: int
    by: str
    damaged: list[str]

    def __str__(self) -> str:
        found = f"{self.path}: {counted(self.records, 'record')}, {self.by}: "
        if not self.damaged:
            return found + "all whole"
        more = len(self.damaged) - _SHOWN
        lines = [found + f"{len(self.damaged)} damaged", *self.damaged[:_SHOWN]]
        return "\n  ".join([*lines, f"and {more} more"] if more > 0 else lines)


def told(reports: Sequence[StoreReport]) -> Iterator[str]:
    """A line or more for each LMDB; shards of a folder that are whole have one line together."""
    for (folder, by), group in groupby(reports, lambda each: (whole_of(each.path), each.by)):
        shards = list(group)
        whole = [each for each in shards if not each.damaged]
        if len(whole) > 1:
            records = counted(sum(each.records for each in whole), "record")
            yield f"{folder}: {records} in {len(whole):,} shards, {by}: all whole"
        else:
            yield from map(str, whole)
        yield from (str(each) for each in shards if each.damaged)


def check_store(path: Path) -> list[StoreReport]:
    """Read every record of an LMDB, of shards, or of what a build has in this folder.

    Records are compared with their checksums; those of an LMDB that has none are decoded. Raises
    DataError where there is no LMDB, or its pages do not hang together.
    """
    if path.is_dir() and not any(path.rglob(DATA_FILE)):
        what = f"has neither a net (.prototxt) nor a store ({DATA_FILE})"
        raise DataError(what, where=str(path), remedy="name a folder with one, or a file")
    built = [path / name for name in BUILT if (path / name).exists()]
    return [_checked(store) for each in built or [path] for store in _stores(each)]


def _stores(path: Path) -> list[Path]:
    """The LMDBs of a path; raises DataError where some of a build are missing."""
    with open_records(path) as records:
        return records.stores


def _checked(path: Path) -> StoreReport:
    with Reader(path) as reader:
        has_table = (path / CHECKSUMS).exists()
        look = _by_checksum(reader) if has_table else _by_decoding(reader)
        by = "by their checksums" if has_table else "decoded, as they have no checksums"
        with closing(progress(look, path.name, len(reader), unit="records")) as bar:
            damaged = [line for line in bar if line]
        return StoreReport(path, len(reader), by, damaged)


def _by_checksum(reader: Reader) -> Iterator[str]:
    """For each line of the table what is wrong with its record, or nothing."""
    found = 0
    for line in read_checksums(reader.path):
        try:
            (value,) = reader.by_keys([line.key])
        except DataError:
            yield f"{_name(line.key)} is missing"
            continue
        found += 1
        yield "" if checksum(value) == line.checksum else f"{_name(line.key)} was changed"
    if found < len(reader):
        yield f"{counted(len(reader) - found, 'record')} of no checksum"


def _by_decoding(reader: Reader) -> Iterator[str]:
    for key, value in reader.items():
        try:
            read_example(value)
        except DataError as error:
            yield f"{_name(key)}: {error.what}"
        else:
            yield ""


def _name(key: bytes) -> str:
    return key.decode(errors="replace")
