"""What the names of files tell: which are photos, which are passed over, their natural order."""

import re
from array import array
from collections.abc import Sequence
from pathlib import Path

PICTURES = frozenset((
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".gif", ".webp", ".tif", ".tiff",
    ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".avif",
))  # fmt: skip
"""Endings of the names of files that are taken for pictures, in small letters."""

_LEFT_BEHIND = frozenset(("__macosx", "thumbs.db", "desktop.ini"))
_ARCHIVES = (".zip", ".tar", ".tgz", ".tar.gz", ".tar.xz", ".tar.bz2", ".7z", ".rar")


def is_picture(name: str) -> bool:
    """Whether a file is a picture by the ending of its name."""
    stem, dot, ending = name.rpartition(".")
    return bool(stem) and f"{dot}{ending}".lower() in PICTURES


def is_left_behind(name: str) -> bool:
    """Whether a file or folder is hidden (`._cat.jpg`, `.ipynb_checkpoints`), or a system's own."""
    return name.startswith(".") or name.casefold() in _LEFT_BEHIND


def is_archive(path: Path) -> bool:
    """Whether a file is packed, by the ending of its name."""
    return path.name.lower().endswith(_ARCHIVES)


def natural(name: str) -> str:
    """A sort key for natural order, 2 before 10: a number begins with how many digits it has."""
    parts = enumerate(re.split(r"([0-9]+)", name))
    return "".join(_numeric(part) if at % 2 else f"\1{part}" for at, part in parts if part)


def _numeric(digits: str) -> str:
    number = digits.lstrip("0")
    return f"\0{chr(len(number))}{number}{digits}"


def natural_order(names: Sequence[str]) -> Sequence[int]:
    """The places of names in their natural order."""
    return array("I", sorted(range(len(names)), key=lambda at: natural(names[at])))
