"""The folder that a command works in: its name, for one process at a time, gone on with later."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from catdog.errors import CatdogError
from catdog.runtime.lock import only_one


def folder_for(photos: str | Path, end: str = "fit") -> str:
    """The folder of a project where none is named: `flowers_fit` of photos in `flowers`.

    It is in the working directory, but beside the photos for one who works among them.
    """
    place = Path(photos).resolve()
    name = f"{place.name.split('.')[0] or 'photos'}_{end}"
    return name if not Path.cwd().is_relative_to(place) else os.path.relpath(place.parent / name)


@contextmanager
def held(folder: Path, command: str) -> Iterator[None]:
    """The folder, made where it is not there, for this process alone.

    Raises CatdogError where it is a file, or the same command is at work there.
    """
    what, remedy = f"another `{command}` is at work here", "wait for it, or name another --out"
    if folder.exists() and not folder.is_dir():
        raise CatdogError("is a file", where=str(folder), remedy="name a folder: --out DIR")
    with only_one(folder / "fit", what, remedy, where=str(folder)):
        yield


@contextmanager
def resumable() -> Iterator[None]:
    """Whoever interrupts is told how to go on."""
    try:
        yield
    except KeyboardInterrupt as error:
        error.__notes__ = ["the same command goes on from here"]
        raise
