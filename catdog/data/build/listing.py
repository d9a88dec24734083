"""Labelled photos: what folder layouts, list files, label tables and CIFAR are read to."""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from catdog.data.images import Pixels


class Photo(NamedTuple):
    """A file, its name within the data (the end of its key), and its label.

    `labels` replace the label where a photo has several. Where the file holds many pictures,
    `pixels` are those of this one: height x width x BGR, not to be changed.
    """

    path: Path
    name: str
    label: int = 0
    labels: tuple[float, ...] = ()
    pixels: Pixels | None = None


class Skipped(NamedTuple):
    """A file that is not used, and why."""

    name: str
    reason: str


@dataclass
class Listing:
    """Labelled photos, still in the order of their names.

    `layout` describes the layout that was recognised; `validation` is None where the photos have
    not been split yet, `test` where there are no test photos. With label vectors, `classes` are
    the names of their elements.
    """

    layout: str
    classes: list[str]
    train: list[Photo]
    validation: list[Photo] | None = None
    skipped: list[Skipped] = field(default_factory=list)
    test: list[Photo] | None = None


def in_label_order(names: Collection[str]) -> list[str]:
    """Class names in the order of their labels: sorted, by value where all are numbers."""
    return sorted(names, key=int) if all(map(str.isdecimal, names)) else sorted(names)
