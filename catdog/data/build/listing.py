"""Labelled photos: what folder layouts, list files, label tables and CIFAR are read to."""

import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from catdog.data.archives import Packed
from catdog.data.images import Pixels
from catdog.errors import DataError


class Photo(NamedTuple):
    """A file, its name within the data (the end of its key), and its label.

    `labels` replace the label where a photo has several. Where the file holds many pictures,
    `pixels` are those of this one: height x width x BGR, not to be changed. A photo in an archive
    is `packed`, and its path is only what it is called.
    """

    path: Path
    name: str
    label: int = 0
    labels: tuple[float, ...] = ()
    pixels: Pixels | None = None
    packed: Packed | None = None

    @property
    def file(self) -> Path | Packed:
        """What is read."""
        return self.packed or self.path


class Skipped(NamedTuple):
    """A file that is not used, and why."""

    name: str
    reason: str


@dataclass
class Listing:
    """Labelled photos, still in the order of their names.

    `layout` describes the layout that was recognised; `validation` is None where the photos have
    not been split yet, `test` where there are no test photos. With label vectors, `classes` are
    the names of their elements. `notes` are lines about what was found and is not meant to be.
    """

    layout: str
    classes: list[str]
    train: Sequence[Photo]
    validation: Sequence[Photo] | None = None
    skipped: list[Skipped] = field(default_factory=list)
    test: Sequence[Photo] | None = None
    notes: list[str] = field(default_factory=list)


def check_class_name(name: str, where: str) -> None:
    """Raise DataError for a name that is not UTF-8 or has a line break: no text can hold it."""
    if any(unicodedata.category(sign) in ("Cc", "Cs") for sign in name):
        raise DataError(
            f"the name of the class {name!a} is not UTF-8 on one line",
            where=in_utf8(where),
            remedy="rename it",
        )


def in_utf8(name: str) -> str:
    r"""The name of a file for a text or a message, with `\udcff` for a byte that is not UTF-8."""
    return name.encode(errors="backslashreplace").decode()


def in_label_order(names: Collection[str]) -> list[str]:
    """Class names in the order of their labels: sorted, by value where all are numbers."""
    return sorted(names, key=int) if all(map(str.isdecimal, names)) else sorted(names)
