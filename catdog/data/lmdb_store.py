"""LMDBs of serialised Datums: a reader by position or key, a writer whose map grows by itself."""

import contextlib
import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal, NoReturn

import lmdb

from catdog.data.checksums import Checksums
from catdog.data.key_places import KeyPlaces
from catdog.data.lmdb_pages import check_pages
from catdog.data.records import Records
from catdog.errors import DataError

Check = Literal["records", "keys", ""]

MAP_START = 64 << 20
"""Bytes of the map of a new LMDB; it doubles whenever it is full."""

SYNC_BYTES = 32 << 20
"""Bytes after which a writer brings what it has to the disk, so that little is left at the end."""

MAX_KEY = 511
"""Bytes that LMDB allows in a key."""

DATA_FILE = "data.mdb"

BUILT = ("train_lmdb", "validation_lmdb", "test_lmdb")
"""What `make lmdb` calls the LMDBs of training, validation and test photos."""

_USUAL = Path("input")
_CIFAR = ("input", "cifar10")
_CIFAR_WORDS = "--size 32 --no-equalize --validation 5000"
_USUAL_SIZE = 227


class NotBuilt(DataError):
    """What `make lmdb` builds, and what is not there; the remedy is the command."""

    def __init__(self, what: str, path: Path) -> None:
        super().__init__(what, where=str(path))
        self.folder = path.parent
        self.built_by(self.command())

    def command(self, size: int = 0) -> str:
        """The command, for pictures of a size if it is not the usual one."""
        if self.folder.parts[-2:] == _CIFAR:
            return "make cifar10"
        out = "" if self.folder == _USUAL else f" OUT={self.folder}"
        return f"make lmdb{out}" + (f" SIZE={size}" if size not in (0, _USUAL_SIZE) else "")

    def built_by(self, command: str) -> None:
        """Name another command."""
        self.remedy = f"`{as_typed_here(command)}` builds it"


def as_typed_here(command: str) -> str:
    """A command that builds stores, for a folder without our Makefile as `catdog create_lmdb`.

    >>> as_typed_here("make lmdb SIZE=64 ARGS=--no-equalize")
    'catdog create_lmdb --size 64 --no-equalize'
    """
    made, *words = command.split(maxsplit=2)
    if made != "make" or (Path("Makefile").exists() and Path("net_specs").is_dir()):
        return command
    target, *given = words
    if target == "cifar10":
        place = "/".join(_CIFAR)
        return f"catdog create_lmdb --data {place} --out {place} {_CIFAR_WORDS}"
    flags = re.sub(r"\bARGS=|[\"']", "", " ".join(given))
    flags = re.sub(r"\b(DATA|OUT|SIZE|SEED)=", lambda name: f"--{name[1].lower()} ", flags)
    return " ".join(["catdog create_lmdb", flags]).strip()


class Reader(Records):
    """The values of an LMDB in the order of their keys, or by key.

    Opened read-only and without a lock file, so that a folder that cannot be written to, or was
    copied without its lock.mdb, is read as well. Raises DataError, with the remedy, when there is
    no LMDB, when it is damaged, empty, or a LevelDB.

    Args:
        check: what is looked at first: all that leads to `records` and where each begins, only
            what leads to its `keys`, or nothing.
        places: of the same LMDB, where they are known.
    """

    def __init__(
        self, path: str | Path, *, check: Check = "records", places: KeyPlaces | None = None
    ) -> None:
        self.path = Path(path)
        self.stores = [self.path]
        check_is_lmdb(self.path)
        with self._explained():
            self._environment, self._file = _ENVIRONMENTS.take(self.path, check)
            self._size = int(self._environment.stat()["entries"])
        self._closed = False
        self._places = places
        if not self._size:
            self.close()
            empty_lmdb(self.path)

    def __len__(self) -> int:
        return self._size

    def places_of(self, _store: int, /) -> range:
        return range(self._size)

    @property
    def places(self) -> KeyPlaces:
        """Where the records are; read once, when first asked for, and held in little memory."""
        if self._places is None:
            with self._explained(), self._environment.begin() as transaction:
                self._places = KeyPlaces(transaction)
        return self._places

    def key(self, index: int) -> bytes:
        return next(bytes(key) for key, _ in self.views([index]))

    def all_keys(self) -> Iterator[bytes]:
        with self._explained(), self._environment.begin() as transaction:
            yield from transaction.cursor().iternext(keys=True, values=False)

    def get_many(self, indices: Iterable[int]) -> list[bytes]:
        return [bytes(value) for _, value in self.views(indices)]

    def by_keys(self, keys: Iterable[bytes]) -> list[bytes]:
        """The values of these keys; DataError names a key that is not there."""
        with self._explained(), self._environment.begin() as transaction:
            return [bytes(self._value(transaction, key)) for key in keys]

    def find(self, key: bytes) -> bytes | None:
        """The value of a key; None where it is not there."""
        with self._explained(), self._environment.begin() as transaction:
            value = transaction.get(key)
            return None if value is None else bytes(value)

    def _value(self, transaction: lmdb.Transaction, key: bytes) -> bytes | memoryview:
        value = transaction.get(key)
        if value is None:
            raise DataError(f'no key "{key.decode(errors="replace")}"', where=str(self.path))
        return value

    def views(self, indices: Iterable[int]) -> Iterator[tuple[bytes, bytes | memoryview]]:
        every, places = range(self._size), self.places
        with self._explained(), self._environment.begin(buffers=True) as transaction:
            cursor = transaction.cursor()
            for _ in places.walk(cursor, (every[index] for index in indices)):
                key, value = cursor.item()
                yield bytes(key), value

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        with self._explained(), self._environment.begin() as transaction:
            yield from transaction.cursor()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            _ENVIRONMENTS.give_back(self._file)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except lmdb.Error as error:
            raise DataError(
                f"this LMDB cannot be read ({error})", where=str(self.path), remedy="build it again"
            ) from error


def empty_lmdb(path: Path) -> NoReturn:
    """Raise what is said of an LMDB without records."""
    raise DataError("this LMDB is empty", where=str(path), remedy="build it again")


class _Environments:
    """The LMDBs that readers of this process have open.

    LMDB forbids a process to open the same files twice, and the nets of the two phases may well
    read the same ones: such readers share one environment, closed by the last of them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[tuple[int, int], tuple[lmdb.Environment, int]] = {}

    def take(self, path: Path, check: Check) -> tuple[lmdb.Environment, tuple[int, int]]:
        """The environment of a folder, and what to give back after use."""
        status = (path / DATA_FILE).stat()
        file = status.st_dev, status.st_ino
        with self._lock:
            environment, users = self._open.get(file, (None, 0))
            if environment is None:
                if check:
                    check_pages(path / DATA_FILE, records=check == "records")
                environment = lmdb.open(str(path), readonly=True, lock=False, max_spare_txns=16)
            self._open[file] = environment, users + 1
            return environment, file

    def give_back(self, file: tuple[int, int]) -> None:
        """One reader less; the last one closes the environment."""
        with self._lock:
            environment, users = self._open.pop(file)
            if users == 1:
                environment.close()
            else:
                self._open[file] = environment, users - 1


_ENVIRONMENTS = _Environments()


def check_is_lmdb(path: Path) -> None:
    """DataError unless the folder holds an LMDB; knows a LevelDB when it sees one."""
    where = str(path)
    if not path.exists():
        raise _missing("no such LMDB", path)
    if path.is_file():
        raise DataError("a file, not the folder of an LMDB", where=where)
    if (path / DATA_FILE).exists():
        return
    if (path / "CURRENT").exists():
        raise DataError(
            "a LevelDB, which catdog does not read",
            where=where,
            remedy="make an LMDB of the same photos: tools/convert_imageset.py --backend lmdb",
        )
    raise _missing(f"no LMDB in this folder (no {DATA_FILE})", path)


def _missing(what: str, path: Path) -> DataError:
    if path.name in BUILT:
        return NotBuilt(what, path)
    return DataError(what, where=str(path), remedy="tools/create_lmdb.py builds one")


class Writer:
    """Writes an LMDB into a new folder, a batch of pairs in each transaction.

    Write beside the target and move the folder there afterwards (`files.new_folder`). Nothing is
    sure to be on the disk before `close`. A checksum of each value is kept beside them
    (`checksums.py`). DataError when the disk is full.
    """

    def __init__(self, path: str | Path, *, map_size: int = MAP_START) -> None:
        self.path = Path(path)
        self.path.mkdir(parents=True, exist_ok=True)
        # no writemap: a full disk would kill the process, and it is no faster
        self._environment = lmdb.open(
            str(self.path), map_size=map_size, readahead=False, sync=False
        )
        self._checksums = Checksums(self.path)
        self._closed = False
        self._unsynced = 0

    def put(
        self, pairs: Sequence[tuple[bytes, bytes]], notes: Sequence[tuple[str, ...]] = ()
    ) -> None:
        """Store these pairs together; the map grows until they fit.

        `notes` are words about each pair, which stand beside its checksum.
        """
        while not self._fits(pairs):
            self._environment.set_mapsize(2 * self._environment.info()["map_size"])
        self._checksums.add(pairs, notes)
        self._unsynced += sum(len(value) for _, value in pairs)
        if self._unsynced >= SYNC_BYTES:
            self._sync()

    def _fits(self, pairs: Sequence[tuple[bytes, bytes]]) -> bool:
        try:
            with self._explained(), self._environment.begin(write=True) as transaction:
                for key, value in pairs:
                    transaction.put(key, value)
        except lmdb.MapFullError:
            return False
        return True

    def _sync(self) -> None:
        with self._explained():
            self._environment.sync(True)
        self._unsynced = 0

    def close(self) -> None:
        """Bring everything to the disk and let go of the files; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        try:
            self._sync()
        finally:
            self._environment.close()
            self._checksums.close()
            (self.path / "lock.mdb").unlink(missing_ok=True)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except lmdb.MapFullError:
            raise
        except lmdb.Error as error:
            raise DataError(
                f"cannot be written ({error})", where=str(self.path), remedy="is the disk full?"
            ) from error


def key(number: int, path: str) -> bytes:
    """Caffe's key of an example: eight digits, `_`, its path; a path that is too long loses its
    beginning, since LMDB allows 511 bytes."""
    digits = f"{number:08d}_".encode()
    name = path.encode(errors="surrogateescape")
    return digits + name[-(MAX_KEY - len(digits)) :]
