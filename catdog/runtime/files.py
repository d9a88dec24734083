"""Files that are whole or not there: written beside their place, then moved to it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from catdog.errors import CatdogError


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A path to write to, beside the target; it takes the target's place when all went well.

    The target's folder is made. Raises CatdogError where it cannot be written.
    """
    target = Path(path)
    beside = target.with_name(f".{target.stem}.{os.getpid()}{target.suffix}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield beside
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise CatdogError(f"cannot be written: {error.strerror}", where=str(target)) from error


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
