"""Many LMDBs as one: the records of the first, of the second and so on, in their order."""

import resource
import threading
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate, groupby
from pathlib import Path

from catdog.data.key_places import KeyPlaces
from catdog.data.lmdb_pages import entries
from catdog.data.lmdb_store import DATA_FILE, Reader, check_is_lmdb, empty_lmdb
from catdog.data.preprocessing import dataset_at, pictures_of
from catdog.data.records import Records
from catdog.data.store_names import stores_of
from catdog.errors import DataError

#: Of the files that a process may have open, one in so many may be shards.
_SHARE, _FEWEST, _MOST = 8, 8, 512


def open_records(path: str | Path) -> Records:
    """The records that a source names, of one LMDB or of several; see `stores_of`.

    Raises DataError as `Reader` does, and where shards of a build are missing.
    """
    stores = stores_of(Path(path))
    return Reader(stores[0]) if stores == [Path(path)] else Shards(path, stores)


class Shards(Records):
    """The records of several LMDBs, shard by shard, in each in the order of its keys.

    A shard is opened, and its pages checked, when it is first read. Then stay in memory one key in
    32 of it; open stay those that were read last, an eighth of the files that the process may have.
    """

    def __init__(self, path: str | Path, stores: Sequence[Path]) -> None:
        self.path, self.stores = Path(path), list(stores)
        self._ends = list(accumulate(map(_count, self.stores)))
        self._check_complete()
        self._open = _OpenShards(self.stores)

    def __len__(self) -> int:
        return self._ends[-1]

    def places_of(self, store: int, /) -> range:
        return range(self._ends[store - 1] if store else 0, self._ends[store])

    def get_many(self, indices: Iterable[int]) -> list[bytes]:
        wanted = [range(len(self))[index] for index in indices]
        inside: defaultdict[int, list[int]] = defaultdict(list)
        for at, index in enumerate(wanted):
            inside[bisect_right(self._ends, index)].append(at)
        values = [b""] * len(wanted)
        # forward through the files, for disks that like it
        for shard in sorted(inside):
            places = sorted(inside[shard], key=wanted.__getitem__)
            start = self.places_of(shard).start
            with self._open.use(shard) as reader:
                found = reader.get_many(wanted[at] - start for at in places)
            for at, value in zip(places, found, strict=True):
                values[at] = value
        return values

    def views(self, indices: Iterable[int]) -> Iterator[tuple[bytes, bytes | memoryview]]:
        for shard, run in groupby(indices, lambda index: bisect_right(self._ends, index)):
            start = self.places_of(shard).start
            with self._open.use(shard) as reader:
                yield from reader.views(index - start for index in run)

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        for shard in range(len(self.stores)):
            with self._open.use(shard) as reader:
                yield from reader.items()

    def close(self) -> None:
        self._open.close()

    def key(self, index: int) -> bytes:
        shard = bisect_right(self._ends, index)
        with self._open.use(shard) as reader:
            return reader.key(index - self.places_of(shard).start)

    def all_keys(self) -> Iterator[bytes]:
        for shard in range(len(self.stores)):
            with self._open.use(shard) as reader:
                yield from reader.all_keys()

    def _check_complete(self) -> None:
        """Raise DataError where a build of shards has other numbers of records than it says."""
        dataset = dataset_at(self.path) if self.path.is_dir() else None
        told = pictures_of(dataset, self.path.name) if dataset else 0
        if told and told != len(self):
            raise DataError(
                f"{len(self.stores)} shards hold {len(self)} records, {told} were built",
                where=str(self.path),
                remedy="shards are missing or of another build: tools/create_lmdb.py --rebuild "
                "makes them again",
            )


class _OpenShards:
    """The shards that are open: those in use, and as many of those used last as may be."""

    def __init__(self, stores: Sequence[Path]) -> None:
        self._stores = stores
        self._lock = threading.Lock()
        #: In the order of their last use.
        self._readers: dict[int, Reader] = {}
        self._users: Counter[int] = Counter()
        self._places: dict[int, KeyPlaces] = {}
        self._most = _may_be_open()
        self._closed = False

    @contextmanager
    def use(self, shard: int) -> Iterator[Reader]:
        """A shard that stays open meanwhile."""
        with self._lock:
            reader = self._readers.pop(shard, None) or self._opened(shard)
            self._readers[shard] = reader
            self._users[shard] += 1
        try:
            yield reader
        finally:
            with self._lock:
                self._users[shard] -= 1
                self._let_go()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._let_go()

    def _opened(self, shard: int) -> Reader:
        known = self._places.get(shard)
        # a record that was overwritten is found when it is read; looking at each would take a
        # read from the disk for every one of millions
        reader = Reader(self._stores[shard], check="" if known else "keys", places=known)
        self._places[shard] = reader.places
        return reader

    def _let_go(self) -> None:
        too_many = len(self._readers) - (0 if self._closed else self._most)
        if too_many > 0:
            idle = [shard for shard in self._readers if not self._users[shard]]
            for shard in idle[:too_many]:
                self._readers.pop(shard).close()


def _may_be_open() -> int:
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST if allowed < 0 else min(_MOST, max(_FEWEST, allowed // _SHARE))


def _count(store: Path) -> int:
    """The records of an LMDB, from its first page: nothing else of it is read."""
    check_is_lmdb(store)
    return entries(store / DATA_FILE) or empty_lmdb(store)
