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
