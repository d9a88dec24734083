"""Photos packed in one place: zip and tar files, and folders at an address, read where they are.

Nothing of them is written anywhere.
"""

import tarfile
import zipfile
from abc import ABC, abstractmethod
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from catdog.data.photo_names import is_left_behind, is_picture, natural
from catdog.data.remote import StoredFile, explained, file_system, is_address, stored_at
from catdog.errors import DataError
from catdog.runtime.columns import Texts

#: Bytes of a photo that is unpacked, at most.
LARGEST = 256 << 20
#: An archive may unpack to so many times its size, or to so many bytes where that is more.
_RATIO, _SMALL = 100, 1 << 30
_NO_ZIP = "is no zip, or a damaged one"
_NO_TAR = "is no tar, or it is damaged or cut off"
_ENCRYPTED = 1
_COMPRESSED = (".tgz", ".tar.gz", ".tar.xz", ".tar.bz2", ".tar.zst")


@dataclass(frozen=True)
class Archive(ABC):
    """Photos in one place; sent to another process it is opened again there."""

    place: str

    def __reduce__(self) -> tuple[type["Archive"], tuple[str]]:
        return type(self), (self.place,)

    @abstractmethod
    def names(self) -> Sequence[str]:
        """The files in it, each name once. Raises DataError where it cannot be read."""

    @abstractmethod
    def read(self, name: str) -> bytes:
        """A member, whole. Raises OSError where it cannot be had, or is too large."""

    def check(self) -> None:  # noqa: B027 - most archives have nothing to be afraid of
        """Raise DataError where it unpacks to far more than its size."""

    def check_open(self) -> None:  # noqa: B027
        """Raise DataError where its photos need a password."""

    def members(self) -> list["Packed"]:
        """Its photos, by the endings of their names, in natural order.

        Raises DataError where it cannot be read, has no photos, or unpacks to far more than its
        size.
        """
        self.check()
        found = [Packed(self, name) for name in self.names() if _is_photo(name)]
        if not found:
            raise DataError("no photos in this archive", where=self.place)
        return sorted(found, key=lambda member: natural(member.name))

    @cached_property
    def file(self) -> StoredFile:
        """Its own file."""
        return stored_at(self.place)

    def stamp_of(self, _name: str, /) -> tuple[object, ...]:
        """What changes where a member may have changed."""
        return self._stamp

    @cached_property
    def _stamp(self) -> tuple[object, ...]:
        return self.file.stamp()


@dataclass(frozen=True)
class Packed:
    """A photo in an archive."""

    archive: Archive
    name: str

    def read_bytes(self) -> bytes:
        """The bytes of its file; OSError where they cannot be had."""
        return self.archive.read(self.name)

    def __str__(self) -> str:
        return f"{self.archive.place}/{slashed(self.name)}"


class Zip(Archive):
    """A zip file; its members are read one at a time."""

    @cached_property
    def _opened(self) -> tuple[zipfile.ZipFile, Lock]:
        # a path is closed when nobody holds the zip any more
        file = self.file.open() if is_address(self.place) else self.place
        return zipfile.ZipFile(file), Lock()

    def names(self) -> Sequence[str]:
        files = (info.filename for info in self._infos())
        return list(dict.fromkeys(name for name in files if not name.endswith("/")))

    def check(self) -> None:
        whole = sum(info.file_size for info in self._infos())
        with _opening(self.place, _NO_ZIP):
            size = self.file.size
        if whole > max(_SMALL, _RATIO * size):
            what = f"{size:,} bytes unpack to {whole:,}, more than {_RATIO} times as many"
            raise DataError(what, where=self.place, remedy="unpack it and name the folder")

    def check_open(self) -> None:
        if any(info.flag_bits & _ENCRYPTED for info in self._infos()):
            what = "is encrypted: its photos need a password"
            raise DataError(what, where=self.place, remedy="unpack it and name the folder")

    def read(self, name: str) -> bytes:
        file, lock = self._opened
        _check_size(file.getinfo(name).file_size, LARGEST)
        try:
            with lock:
                return file.read(name)
        except OSError:
            raise
        except Exception as error:  # those of zipfile, of zlib and its like, of a password
            raise OSError(0, f"cannot be unpacked ({error})") from error

    def _infos(self) -> list[zipfile.ZipInfo]:
        with _opening(self.place, _NO_ZIP):
            return self._opened[0].infolist()


class _Index(NamedTuple):
    """Where the members of a tar are, as they come, and their numbers in the order of names."""

    names: Texts
    starts: Sequence[int]
    sizes: Sequence[int]
    order: Sequence[int]


class Tar(Archive):
    """A tar file that is not compressed: gone through once, then read in any order."""

    def names(self) -> Sequence[str]:
        return self._index.names

    def read(self, name: str) -> bytes:
        index = self._index
        at = index.order[bisect_left(index.order, name, key=index.names.item)]
        return self.read_at(at, LARGEST)

    def read_at(self, number: int, most: int) -> bytes:
        """The member of a number, in the order of `names`, of at most so many bytes. Raises OSError
        as `read`."""
        _check_size(self._index.sizes[number], most)
        return self.file.read(self._index.starts[number], self._index.sizes[number])

    @cached_property
    def _index(self) -> _Index:
        if self.place.lower().endswith(_COMPRESSED):
            what = "is a compressed tar, of which nothing can be read alone"
            raise DataError(what, where=self.place, remedy="make it a .tar, or unpack it")
        names, starts, sizes = Texts(), array("Q"), array("Q")
        with (
            _opening(self.place, _NO_TAR),
            self.file.open() as file,
            tarfile.open(fileobj=file, mode="r:") as tar,
        ):
            while info := tar.next():
                if info.isreg() and not info.issparse():
                    names.append(info.name)
                    starts.append(info.offset_data)
                    sizes.append(info.size)
                # tarfile would keep them all
                tar.members.clear()  # type: ignore[attr-defined]
        # of a name that is there twice the last one counts, as in unpacking
        order = array("I", sorted(range(len(names)), key=lambda at: (names[at], -at)))
        return _Index(names, starts, sizes, order)


class RemoteFolder(Archive):
    """The files below an address."""

    @cached_property
    def _found(self) -> tuple[str, dict[str, tuple[object, ...]]]:
        system, root = file_system(self.place)
        with _opening(self.place, "cannot be listed"), explained():
            found = system.find(root, detail=True)
        start = root.rstrip("/") + "/"
        stamps: dict[str, tuple[object, ...]] = {
            path.removeprefix(start): (info.get("size"), str(info.get("mtime") or info.get("ETag")))
            for path, info in found.items()
        }
        return start, stamps

    def stamp_of(self, name: str, /) -> tuple[object, ...]:
        return self._found[1][name]

    def names(self) -> Sequence[str]:
        return list(self._found[1])

    def read(self, name: str) -> bytes:
        system, _ = file_system(self.place)
        with explained():
            return bytes(system.cat_file(self._found[0] + name))


def stamp_of(file: object) -> tuple[object, ...]:
    """What changes where a file, or its archive, does; the same for all that are missing."""
    with suppress(OSError, ValueError):
        if isinstance(file, Packed):
            return file.archive.stamp_of(file.name)
        status = Path(str(file)).stat()
        return status.st_size, status.st_mtime_ns
    return 0, 0


def archive_at(place: str) -> Archive:
    """The archive that a path or an address names, by the ending of its name.

    What has no ending of an archive is a folder where it is an address. Raises DataError for other
    files.
    """
    name = place.lower()
    if name.endswith(".zip"):
        return Zip(place)
    if name.endswith((".tar", *_COMPRESSED)):
        return Tar(place)
    if is_address(place):
        return RemoteFolder(place)
    raise DataError("is neither a .zip nor a .tar", where=place)


def is_packed(place: str) -> bool:
    """Whether photos of a place are not files in a folder of this machine."""
    ending = place.lower().endswith((".zip", ".tar", *_COMPRESSED))
    return is_address(place) or (ending and not Path(place).is_dir())


def slashed(name: str) -> str:
    """A member's name as a path; zips of Windows may have the other slash."""
    return name.replace("\\", "/")


@contextmanager
def _opening(place: str, what: str) -> Iterator[None]:
    """Name the archive, and say what is wrong with it, whatever its library raises."""
    try:
        yield
    except DataError:
        raise
    except FileNotFoundError as error:
        raise DataError("no such file", where=place, remedy="check the name") from error
    except OSError as error:
        # without a number the words are our own, and whole
        why = f"cannot be read ({error.strerror or error})" if error.errno else str(error.strerror)
        raise DataError(why, where=place) from error
    except Exception as error:  # zipfile has no check of what it unpacks from a table
        raise DataError(what, where=place) from error


def _check_size(size: int, most: int) -> None:
    if size > most:
        what = f"unpacks to {size:,} bytes; photos of up to {most >> 20} MiB are read"
        raise OSError(0, what)


def _is_photo(name: str) -> bool:
    parts = slashed(name).split("/")
    return is_picture(parts[-1]) and not any(map(is_left_behind, parts[:-1]))
