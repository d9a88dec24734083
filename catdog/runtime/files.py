"""Files and folders that are whole or not there: written beside their place, then moved to it."""

import errno
import io
import os
import re
import secrets
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from catdog.errors import DataError, Unwritable


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A path to write to, beside the target; it takes the target's place when all went well.

    The target's folder is made, and the disk has all of it before it counts. A link stays, and
    what it leads to is replaced; a pipe or a device gets what was written. Raises Unwritable where
    it cannot be written.
    """
    if is_stream(Path(path)):
        with _into_stream(Path(path)) as beside:
            yield beside
        return
    target = Path(os.path.realpath(path))
    beside = target.with_name(f".{target.stem}.{os.getpid()}{target.suffix}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield beside
            # a rename may reach the disk before the bytes do, and a cut of power leave nothing
            flush(beside)
            beside.replace(target)
            flush(target.parent)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(target, error) from error


def write_by_memory(path: Path, save: Callable[[BinaryIO], object]) -> None:
    """Write what `save` puts into a stream. Raises OSError, also where libraries that write to the
    disk themselves have faults of their own: torch ends the process where that is full."""
    stream = io.BytesIO()
    save(stream)
    path.write_bytes(stream.getbuffer())


def is_there(path: Path) -> bool:
    """Whether a path from a file leads to something; a name that no system takes does not."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def is_zip(path: Path) -> bool:
    """Whether a file ends as zip archives do; a damaged end is none."""
    try:
        return zipfile.is_zipfile(path)
    except (zipfile.BadZipFile, ValueError):
        return False


def is_stream(path: Path) -> bool:
    """Whether it is there and neither a file nor a folder: a pipe or a device."""
    return path.exists() and not path.is_file() and not path.is_dir()


@contextmanager
def _into_stream(path: Path) -> Iterator[Path]:
    """A file to write to, whose content goes into a pipe or a device."""
    with tempfile.TemporaryDirectory() as folder:
        beside = Path(folder) / (path.name if path.suffix else f"{path.name}.out")
        yield beside
        try:
            with beside.open("rb") as file, path.open("wb") as stream:
                shutil.copyfileobj(file, stream)
        except OSError as error:
            raise unwritable(path, error) from error


_NO_FILES = (
    (stat.S_ISDIR, "is a directory"),
    (stat.S_ISFIFO, "is a pipe"),
    (stat.S_ISSOCK, "is a socket"),
    (stat.S_ISREG, ""),
)


def read_regular(path: Path) -> bytes:
    """The bytes of a file. Raises OSError, also for a pipe, a socket or a device.

    Those are not opened: a pipe would be waited for, a device may do something.
    """
    mode = path.stat().st_mode
    if what := next((what for is_one, what in _NO_FILES if is_one(mode)), "is a device"):
        raise OSError(errno.EINVAL, what, str(path))
    return path.read_bytes()


def unwritable(path: Path, error: OSError) -> Unwritable:
    """What to raise for a file that cannot be written."""
    # h5py's own faults have no number
    words = error.strerror or str(error).splitlines()[0]
    return Unwritable(f"cannot be written: {words}", where=str(path))


def remove_leftovers(folder: Path, names: re.Pattern[str]) -> None:
    """Remove what `replacing` has left in a folder where its process was killed.

    `names` match targets without their suffix; nobody else may be writing these now.
    """
    for path in folder.glob(".*"):
        stem, _, number = path.stem[1:].rpartition(".")
        if number.isdecimal() and names.fullmatch(stem):
            with suppress(OSError):
                path.unlink()


@contextmanager
def scratch_folder(path: str | Path) -> Iterator[Path]:
    """An empty folder beside a path, on the same disk; what it holds in the end is removed.

    So are the folders around it that were made for it, where nothing has come into them.
    """
    target = Path(path)
    # processes of two containers may have the same number
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    made = [folder for folder in beside.parents if not folder.exists()]
    try:
        beside.mkdir(parents=True)
        yield beside
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        with suppress(OSError):
            for folder in made:
                folder.rmdir()


@contextmanager
def new_folder(path: str | Path) -> Iterator[Path]:
    """An empty folder to fill, beside the target; it gets the target's name when all went well.

    Raises DataError where the target is there already, CatdogError where it cannot be written.
    """
    target = Path(path)
    check_free(target)
    try:
        with scratch_folder(target) as beside:
            yield beside
            beside.rename(target)
    except OSError as error:
        raise unwritable(target, error) from error


def check_free(path: str | Path) -> None:
    """Raise DataError where there is a file or folder of this name."""
    if Path(path).exists():
        raise DataError("exists already", where=str(path), remedy="remove it or name another")


def flush(path: str | Path) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def flush_all(folder: Path) -> None:
    """Bring a folder, with all that is in it, to the disk."""
    for path in (*folder.rglob("*"), folder):
        flush(path)


def free_name(path: Path) -> Path:
    """The first of `NAME.1`, `NAME.2`, ... that nothing has."""
    number = 1
    while (free := path.with_name(f"{path.name}.{number}")).exists():
        number += 1
    return free


def keep(path: Path) -> None:
    """Give a file or folder that is there the next free name, so that its own is free."""
    if path.exists():
        path.rename(free_name(path))
