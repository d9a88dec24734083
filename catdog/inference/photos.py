"""The photos that are named on a command line: files, folders, zip archives, and what to call them.

An archive is read where it is: nothing of it is written anywhere.
"""

import hashlib
import os
import zipfile
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import NamedTuple

from catdog.data.build.photo_files import (
    check_folder,
    is_archive,
    is_left_behind,
    is_picture,
    names_in,
    natural,
    natural_order,
)
from catdog.data.images import Readable
from catdog.errors import DataError
from catdog.runtime.columns import LazySequence, Mapped, Picked, Texts, repeated
from catdog.runtime.files import is_zip
from catdog.runtime.text_file import open_text

#: Bytes of a photo that is unpacked, at most.
LARGEST = 256 << 20
#: Photos of which each is asked about, rather than all of them.
FEW = 20
#: An archive may unpack to so many times its size, or to so many bytes where that is more.
_RATIO, _SMALL = 100, 1 << 30
_NO_ZIP = "is no zip, or a damaged one"


@dataclass(frozen=True)
class Archive:
    """A zip file of photos; sent to another process it is opened again there."""

    path: Path

    @cached_property
    def _opened(self) -> tuple[zipfile.ZipFile, Lock]:
        return zipfile.ZipFile(self.path), Lock()

    def __reduce__(self) -> tuple[type["Archive"], tuple[Path]]:
        return Archive, (self.path,)

    def members(self) -> list["Packed"]:
        """Its photos, by the endings of their names, in natural order.

        Raises DataError where it is no zip, has no photos, or unpacks to far more than its size.
        """
        try:
            infos = self._opened[0].infolist()
        except Exception:  # zipfile has no check of what it unpacks from a table
            raise DataError(_NO_ZIP, where=str(self.path)) from None
        size, whole = self.path.stat().st_size, sum(info.file_size for info in infos)
        if whole > max(_SMALL, _RATIO * size):
            what = f"{size:,} bytes unpack to {whole:,}, more than {_RATIO} times as many"
            raise DataError(what, where=str(self.path), remedy="unpack it and name the folder")
        found = [Packed(self, name) for name in self.names() if _is_photo(name)]
        if not found:
            raise DataError("no photos in this archive", where=str(self.path))
        return sorted(found, key=lambda member: natural(member.name))

    def names(self) -> list[str]:
        """The files in it, each name once; `members` checks the archive first."""
        files = (info.filename for info in self._opened[0].infolist())
        return list(dict.fromkeys(name for name in files if not name.endswith("/")))

    def read(self, name: str) -> bytes:
        """A member, whole. Raises OSError where it cannot be had, or is too large."""
        file, lock = self._opened
        if (size := file.getinfo(name).file_size) > LARGEST:
            raise OSError(
                0, f"unpacks to {size:,} bytes; photos of up to {LARGEST >> 20} MiB are read"
            )
        try:
            with lock:
                return file.read(name)
        except OSError:
            raise
        except Exception as error:  # those of zipfile, of zlib and its like, of a password
            raise OSError(0, f"cannot be unpacked ({error})") from error


@dataclass(frozen=True)
class Packed:
    """A photo in an archive."""

    archive: Archive
    name: str

    def read_bytes(self) -> bytes:
        """The bytes of its file; OSError where they cannot be had."""
        return self.archive.read(self.name)

    def __str__(self) -> str:
        return f"{self.archive.path}/{_slashed(self.name)}"


class GivenPhoto(NamedTuple):
    """A photo, and its path below the folder or archive that was named."""

    file: Path | Packed
    inside: PurePosixPath


_Maker = Callable[[str], GivenPhoto]


class _GivenPhotos(LazySequence[GivenPhoto]):
    """Photos by what each word gave: how a name becomes a photo, and the names."""

    def __init__(self) -> None:
        self._makers: list[_Maker] = []
        self._sources, self._names = array("I"), Texts()

    def __len__(self) -> int:
        return len(self._sources)

    def add(self, make: _Maker, names: Iterable[str]) -> None:
        """The photos of one word."""
        for name in names:
            self._sources.append(len(self._makers))
            self._names.append(name)
        self._makers.append(make)

    def item(self, index: int) -> GivenPhoto:
        return self._makers[self._sources[index]](self._names.item(index))


def given_photos(words: Iterable[str | Path]) -> Sequence[GivenPhoto]:
    """The photos that files, folders and zips name, in their order, each once.

    `@FILE` stands for what a file names, one in each line. Raises DataError for what is not there,
    and for a folder or an archive without photos.
    """
    found = _GivenPhotos()
    named = [each for word in words for each in _listed(word)]
    for each in named:
        with _in_list(each.line):
            found.add(*_given(Path(each.word)))
    if len(named) < 2:
        return found
    # links to one file are photos of their own
    places = Texts(os.path.abspath(str(photo.file)) for photo in found)  # noqa: PTH100
    again = repeated(places)
    return Picked(found, array("I", (at for at in range(len(found)) if at not in again)))


def are_few(words: Sequence[str]) -> bool:
    """Whether these name photos one by one, and no more than FEW; lists of them included."""
    named = [each.word for word in words for each in _listed(word)]
    return len(named) <= FEW and not any(
        path.is_dir() or is_archive(path) or is_zip(path) for path in map(Path, named)
    )


class _Word(NamedTuple):
    """What names photos, and the `file:line` where it stands in a list."""

    word: str | Path
    line: str = ""


def _listed(word: str | Path) -> list[_Word]:
    """A word, or the lines of the file that follows an `@`.

    Raises DataError for a list that cannot be read, and for one that is empty.
    """
    text = str(word)
    if not text.startswith("@") or Path(text).exists():
        return [_Word(word)]
    path = Path(text[1:])
    try:
        with open_text(path, errors="surrogateescape") as file:
            lines = [(at, line.rstrip("\r\n")) for at, line in enumerate(file, 1) if line.strip()]
    except (OSError, UnicodeError) as error:
        what = (getattr(error, "strerror", "") or str(error)).lower()
        remedy = "@FILE means a list, with a photo or a folder on each line"
        raise DataError(f"cannot be read: {what}", where=text, remedy=remedy) from error
    if not lines:
        raise DataError("names no photos", where=text, remedy="write one on each line")
    return [_Word(line, f"{path}:{at}") for at, line in lines]


@contextmanager
def _in_list(line: str) -> Iterator[None]:
    """Name the line of a list beside what is wrong with what it names."""
    try:
        yield
    except DataError as error:
        error.where = ": ".join(each for each in (line, error.where) if each)
        raise


def in_order_of_rows(photos: Sequence[GivenPhoto]) -> tuple[Sequence[Readable], Sequence[str]]:
    """The files of photos and their ids, in the natural order of the ids."""
    ids = ids_of(photos)
    order = natural_order(ids)
    return Mapped(_file, Picked(photos, order)), Picked(ids, order)


def _file(photo: GivenPhoto) -> Readable:
    return photo.file


def digest_of(files: Iterable[Readable], ids: Iterable[str]) -> str:
    """A digest of photos: their ids and places, and of their files the size and the time."""
    digest = hashlib.sha256()
    for file, name in zip(files, ids, strict=True):
        told = name, str(file), _stamp(file.archive.path if isinstance(file, Packed) else file)
        digest.update(repr(told).encode())
    return digest.hexdigest()


def _stamp(path: Readable) -> tuple[int, int]:
    with suppress(OSError, ValueError):
        status = Path(str(path)).stat()
        return status.st_size, status.st_mtime_ns
    return 0, 0


def _given(path: Path) -> tuple[_Maker, Sequence[str]]:
    if path.is_dir():
        return lambda name: GivenPhoto(path / name, PurePosixPath(name)), names_in(path)
    if path.is_file() and is_zip(path):
        archive = Archive(path)
        return (
            lambda name: GivenPhoto(Packed(archive, name), PurePosixPath(_slashed(name))),
            [member.name for member in archive.members()],
        )
    if path.is_file() and not is_archive(path):
        return lambda _: GivenPhoto(path, PurePosixPath(path.name)), [path.name]
    if path.is_file() and path.suffix.lower() == ".zip":
        raise DataError(_NO_ZIP, where=str(path))
    if path.exists():
        check_folder(path)
    remedy = "name photos, a folder of them, or a zip"
    raise DataError("no such file or folder", where=str(path), remedy=remedy)


def ids_of(photos: Sequence[GivenPhoto]) -> Sequence[str]:
    """A name for each photo that no other has: for all the shortest kind that tells them apart.

    The file's name without its ending; the path below what was named; the path as it was named;
    then these with their endings.
    """
    for kind in _KINDS:
        ids = Texts(str(kind(photo)) for photo in photos)
        if not repeated(ids):
            return ids
    return Texts(str(photo.file) for photo in photos)


_KINDS: tuple[Callable[[GivenPhoto], object], ...] = (
    lambda photo: photo.inside.stem,
    lambda photo: photo.inside.with_suffix(""),
    lambda photo: PurePosixPath(str(photo.file)).with_suffix(""),
    lambda photo: photo.inside,
)


def _slashed(name: str) -> str:
    return name.replace("\\", "/")


def _is_photo(name: str) -> bool:
    parts = _slashed(name).split("/")
    return is_picture(parts[-1]) and not any(map(is_left_behind, parts[:-1]))
