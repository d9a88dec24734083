"""One process at a time: a lock that the system lets go of, however its holder ends."""

import fcntl
import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TextIO

from catdog.errors import CatdogError

#: Seconds between two looks at a lock that somebody holds.
_LOOK = 0.02


@contextmanager
def only_one(path: str | Path, what: str, remedy: str, *, where: str = "") -> Iterator[None]:
    """Hold `.NAME.lock` beside a path; its folder is made, and goes again where it stays empty.

    Raises CatdogError where another process holds it: `what` that does there, and the remedy.
    `where` is what the user knows the place by, if that is not the path.
    """
    target = Path(path)
    where = where or str(target)
    lock = _beside(target)
    made = [folder for folder in lock.parents if not folder.exists()]
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        file = _open(lock)
    except OSError as error:
        raise CatdogError(f"cannot be written: {error.strerror}", where=where) from error
    with file:
        if not _held(file):
            file.seek(0)
            raise CatdogError(f"{what} ({file.read()})", where=where, remedy=remedy)
        file.truncate(0)
        # where the disk is full, the lock holds without
        with suppress(OSError):
            os.write(file.fileno(), f"process {os.getpid()} of {socket.gethostname()}".encode())
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)
            _remove_empty(made)


@contextmanager
def turn(path: str | Path, seconds: float) -> Iterator[bool]:
    """Hold the lock beside a path for a moment, once those who have it let go; gives whether.

    Not where that takes more than `seconds`, nor where no lock can be written.
    """
    lock = _beside(Path(path))
    with ExitStack() as stack:
        held = False
        with suppress(OSError):
            held = _taken(lock, stack)
            # looks are counted: a process that was stopped for a while has not waited
            for _ in range(0 if held else round(seconds / _LOOK)):
                time.sleep(_LOOK)
                if held := _taken(lock, stack):
                    break
        yield held


def _taken(lock: Path, stack: ExitStack) -> bool:
    """Whether the lock can be had now; the stack lets go of it."""
    file = stack.enter_context(_open(lock))
    if not _held(file):
        file.close()
        return False
    stack.callback(lock.unlink, missing_ok=True)
    return True


def is_held(path: str | Path) -> bool:
    """Whether a process, whichever, holds the lock beside a path."""
    try:
        with _beside(Path(path)).open("r", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        # or it cannot be known
        return True
    return False


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name}.lock")


def _open(lock: Path) -> TextIO:
    """The lock file, locked unless another process holds it."""
    while True:
        file = lock.open("a+", encoding="utf-8")
        if not _held(file) or _is_there(file, lock):
            return file
        # whoever held it took it away in between
        file.close()


def _held(file: TextIO) -> bool:
    """Lock a file, if it is not this one's already; whether that could be done."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_there(file: TextIO, lock: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), lock.stat())
    except FileNotFoundError:
        return False


def _remove_empty(folders: Sequence[Path]) -> None:
    with suppress(OSError):
        for folder in folders:
            folder.rmdir()
