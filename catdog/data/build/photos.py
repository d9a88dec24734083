"""A folder of photos without labels: which there are, in the order a person expects."""

import re
from pathlib import Path

from catdog.data.build.listing import PICTURES
from catdog.errors import DataError


def photos_in(folder: str | Path) -> list[Path]:
    """The photos of a folder, deeper ones too, in the natural order of their names.

    Raises DataError when there is no such folder or no photo in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError("no such folder", where=str(folder), remedy="name a folder of photos")
    found = [
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in PICTURES and not path.name.startswith(".") and path.is_file()
    ]
    if not found:
        raise DataError("no photos in this folder", where=str(folder))
    return sorted(found, key=lambda path: natural(str(path)))


def natural(name: str) -> list[tuple[int, int, str]]:
    """A key that sorts 2 before 10: the numbers in a name count as numbers."""
    parts = (part for part in re.split(r"([0-9]+)", name) if part)
    return [(0, int(part), part) if part[0] in "0123456789" else (1, 0, part) for part in parts]
