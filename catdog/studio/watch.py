"""The runs and stores below the studio's folder, as their files say at each look."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from catdog.data.lmdb_store import BUILT, DATA_FILE
from catdog.data.preprocessing import dataset_at
from catdog.data.records import Records
from catdog.data.shards import open_records
from catdog.data.store_names import SHARD
from catdog.errors import CatdogError
from catdog.proto.caffe_pb2 import DatasetParameter
from catdog.studio.folders import Folders
from catdog.tracking.run_file import SUFFIX, read_run
from catdog.tracking.runs import RunRecord

Read = TypeVar("Read")

#: The parts of a build, as their folders are called.
PARTS = {name: name.removesuffix("_lmdb") for name in BUILT}


@dataclass(frozen=True)
class StorePart:
    """An LMDB of a store, or its shards."""

    name: str
    path: str
    records: int


@dataclass(frozen=True)
class Store:
    """A folder with LMDBs: what a build of photos made, or one that stands alone."""

    name: str
    parts: tuple[StorePart, ...]
    classes: tuple[str, ...]
    width: int
    height: int
    #: Why it cannot be read; empty where it can.
    fault: str = ""

    @property
    def records(self) -> int:
        """Of all its parts."""
        return sum(part.records for part in self.parts)


class Remembered(Generic[Read]):
    """What was read of files, kept while a file stays the same."""

    def __init__(self, read: Callable[[str], Read]) -> None:
        self._read = read
        self._kept: dict[str, tuple[tuple[int, ...], Read]] = {}

    def __call__(self, name: str, file: Path) -> Read:
        """What `name` has in it, as of the time and the size of a file of it."""
        status = file.stat()
        stamp = status.st_mtime_ns, status.st_size, status.st_ino
        kept = self._kept.get(name)
        if kept and kept[0] == stamp:
            return kept[1]
        found = self._read(name)
        self._kept[name] = stamp, found
        return found

    def keep_only(self, names: set[str]) -> None:
        """Forget the others."""
        for name in self._kept.keys() - names:
            del self._kept[name]


class Watch:
    """Looks below a folder, which is the working directory."""

    def __init__(self, folder: Path) -> None:
        self._folders = Folders(folder, _is_wanted, lambda name: name in BUILT)
        self._run, self._store = Remembered(_run), Remembered(_store)
        self._lock = threading.Lock()

    def runs(self) -> list[RunRecord]:
        """The runs, the newest first; what is no record of one is left out."""
        with self._lock:
            names = [name for name in self._folders.look()[0] if name.endswith(SUFFIX)]
            found = [run for name in names if (run := _tried(self._run, name, Path(name)))]
            self._run.keep_only(set(names))
        return sorted(found, key=lambda run: str(run.content.get("started")), reverse=True)

    def stores(self) -> list[Store]:
        """The stores, by name."""
        with self._lock:
            files, linked = self._folders.look()
            lmdbs = [str(Path(name).parent) for name in files if Path(name).name == DATA_FILE]
            places = dict.fromkeys(_whole(name) for name in (*linked, *lmdbs))
            found = [
                each for name in sorted(places) if (each := _tried(self._store, name, _at(name)))
            ]
            self._store.keep_only(set(places))
        return found


def _at(name: str) -> Path:
    """What changes when a store does: a build puts another folder behind its links."""
    parts = (Path(name, each) for each in BUILT)
    return next((part for part in parts if part.exists()), Path(name))


def _tried(remembered: Remembered[Read], name: str, file: Path) -> Read | None:
    try:
        return remembered(name, file)
    except OSError:
        # it went away in between
        return None


def _is_wanted(name: str) -> bool:
    return name.endswith(SUFFIX) or name == DATA_FILE


def _whole(name: str) -> str:
    """The folder of a build that an LMDB is a part of, else the LMDB."""
    path = Path(name)
    if path.name.startswith(SHARD):
        path = path.parent
    return str(path.parent if path.name in BUILT else path)


def _run(name: str) -> RunRecord | None:
    try:
        run = RunRecord(name.removesuffix(SUFFIX), read_run(Path(name)))
        # a record whose nets cannot be parsed is found here
        _ = run.fields, run.score
    except Exception:
        return None
    return run


def _store(name: str) -> Store:
    folder = Path(name)
    built = [folder / each for each in BUILT if (folder / each).exists()]
    try:
        parts = tuple(_part(path) for path in built or [folder])
        dataset = dataset_at(built[0] if built else folder) or DatasetParameter()
    except CatdogError as error:
        return Store(name, (), (), 0, 0, str(error))
    return Store(name, parts, tuple(dataset.class_name), dataset.width, dataset.height)


def _part(path: Path) -> StorePart:
    records: Records
    with open_records(path) as records:
        return StorePart(PARTS.get(path.name, path.name), str(path), len(records))
