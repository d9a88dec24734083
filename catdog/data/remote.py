"""Bytes of files by their place, on a disk or at an address: parts of them, read side by side."""

import io
import os
import re
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from catdog.errors import DataError
from catdog.runtime.optional import optional

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
#: What fsspec says where a server gives whole files whatever is asked.
_WHOLE_ONLY = ("range requests", "more bytes")
_NO_PARTS = "the server does not give parts of files: download it"
_INSTALL = "pip install 'catdog-torch[remote]'"


def is_address(place: str) -> bool:
    """Whether a place is an address, such as s3://bucket/photos.tar, and no path."""
    return bool(_ADDRESS.match(place))


class StoredFile:
    """A file on a disk, of which parts are read; from any thread."""

    def __init__(self, place: str) -> None:
        self.place = place

    @cached_property
    def _handle(self) -> int:
        handle = os.open(self.place, os.O_RDONLY)
        weakref.finalize(self, os.close, handle)
        return handle

    @property
    def size(self) -> int:
        """Its bytes."""
        return Path(self.place).stat().st_size

    def stamp(self) -> tuple[object, ...]:
        """What changes where its content does."""
        status = Path(self.place).stat()
        return status.st_size, status.st_mtime_ns

    def read(self, start: int, size: int) -> bytes:
        """So many bytes from a place on. Raises OSError, also where there are fewer."""
        data = os.pread(self._handle, size, start)
        if len(data) != size:
            raise OSError(0, "the archive ends within it")
        return data

    def open(self) -> IO[bytes]:
        """The file from its beginning, which can be sought in."""
        return Path(self.place).open("rb")


class RemoteFile(StoredFile):
    """A file at an address, by fsspec."""

    @cached_property
    def _found(self) -> tuple[Any, str]:
        return file_system(self.place)

    @cached_property
    def _info(self) -> dict[str, Any]:
        system, path = self._found
        with explained():
            info: dict[str, Any] = system.info(path)
        return info

    @property
    def size(self) -> int:
        size = self._info.get("size")
        if size is None:
            raise OSError(0, "the server does not say how large it is")
        return int(size)

    def stamp(self) -> tuple[object, ...]:
        told = ("size", "ETag", "etag", "LastModified", "mtime", "created")
        return tuple(str(self._info.get(name)) for name in told)

    def read(self, start: int, size: int) -> bytes:
        system, path = self._found
        with explained():
            data = bytes(system.cat_file(path, start=start, end=start + size))
        if len(data) != size:
            raise OSError(0, _NO_PARTS)
        return data

    def open(self) -> IO[bytes]:
        system, path = self._found
        with explained():
            return _Stream(system.open(path, "rb"))


class _Stream(io.RawIOBase, IO[bytes]):
    """A file that fsspec has opened, whose faults are OSErrors."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: Any, /) -> int:
        with explained():
            data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


def stored_at(place: str) -> StoredFile:
    """The file at a path or an address; nothing is read yet."""
    return RemoteFile(place) if is_address(place) else StoredFile(place)


def file_system(address: str) -> tuple[Any, str]:
    """The file system of an address and the path in it; DataError where a package is missing."""
    core = optional("fsspec.core", "addresses need fsspec", _INSTALL)
    with _MAKING:
        try:
            system, path = core.url_to_fs(address)
        except ImportError as error:
            raise DataError(str(error).split("\n")[0], where=address, remedy=_INSTALL) from error
        except ValueError as error:
            raise DataError(f"no such address ({error})", where=address) from error
    return system, path


#: fsspec makes one file system for all threads, not always safely.
_MAKING = threading.Lock()


@contextmanager
def explained() -> Iterator[None]:
    """Turn whatever a file system's library raises into an OSError with its reason."""
    try:
        yield
    except FileNotFoundError as error:
        # that nobody answers is told as a missing file too
        if isinstance(error.__cause__, OSError) and error.__cause__.strerror:
            raise _unfetched(error.__cause__) from error
        raise FileNotFoundError(2, "there is no such file") from error
    except Exception as error:
        if isinstance(error, OSError) and error.strerror:
            raise
        raise _unfetched(error) from error


def _unfetched(error: Exception) -> OSError:
    reason = str(error).split("\n")[0] or type(error).__name__
    if any(sign in reason for sign in _WHOLE_ONLY):
        return OSError(0, _NO_PARTS)
    return OSError(0, f"cannot be fetched ({reason})")
