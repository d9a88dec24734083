"""The photos that are named on a command line: files, folders, zip archives, and what to call them.

An archive is read where it is: nothing of it is written anywhere.
"""

import os
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
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
    natural,
    photos_in,
)
from catdog.errors import DataError
from catdog.runtime.files import is_zip

#: Bytes of a photo that is unpacked, at most.
LARGEST = 256 << 20
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
        names = dict.fromkeys(info.filename for info in infos if not info.filename.endswith("/"))
        found = [Packed(self, name) for name in names if _is_photo(name)]
        if not found:
            raise DataError("no photos in this archive", where=str(self.path))
        return sorted(found, key=lambda member: natural(member.name))

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


def given_photos(words: Iterable[str | Path]) -> list[GivenPhoto]:
    """The photos that files, folders and zips name, in their order, each once.

    Raises DataError for what is not there, and for a folder or an archive without photos.
    """
    found: dict[str, GivenPhoto] = {}
    for word in words:
        for photo in _given(Path(word)):
            # links to one file are photos of their own
            found.setdefault(os.path.abspath(str(photo.file)), photo)  # noqa: PTH100
    return list(found.values())


def _given(path: Path) -> Iterator[GivenPhoto]:
    if path.is_dir():
        for photo in photos_in(path):
            yield GivenPhoto(photo, PurePosixPath(photo.relative_to(path)))
    elif path.is_file() and is_zip(path):
        for member in Archive(path).members():
            yield GivenPhoto(member, PurePosixPath(_slashed(member.name)))
    elif path.is_file() and not is_archive(path):
        yield GivenPhoto(path, PurePosixPath(path.name))
    elif path.is_file() and path.suffix.lower() == ".zip":
        raise DataError(_NO_ZIP, where=str(path))
    elif path.exists():
        check_folder(path)
    else:
        remedy = "name photos, a folder of them, or a zip"
        raise DataError("no such file or folder", where=str(path), remedy=remedy)


def ids_of(photos: Sequence[GivenPhoto]) -> list[str]:
    """A name for each photo that no other has: for all the shortest kind that tells them apart.

    The file's name without its ending; the path below what was named; the path as it was named;
    then these with their endings.
    """
    for kind in _KINDS:
        ids = [str(kind(photo)) for photo in photos]
        if len(set(ids)) == len(ids):
            return ids
    return [str(photo.file) for photo in photos]


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
