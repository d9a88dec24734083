"""The text of a spec as a tree with places: what YAML and prototxt have in common."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from catdog.errors import Fault, SpecError

DEEPEST = 64
"""Blocks within each other; Caffe's messages have a handful."""


class Place(NamedTuple):
    """Line and column in a text, both from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.line}:{self.column}"


@dataclass
class Scalar:
    """A single value as it was written."""

    text: str
    place: Place
    quoted: bool = False


@dataclass
class Block:
    """The fields of a message in order; a repeated field is several entries of one key."""

    place: Place
    entries: list["Entry"] = field(default_factory=list)

    def text(self, key: str) -> str:
        """The first scalar of a key, or nothing."""
        return next(
            (e.value.text for e in self.entries if e.key == key and isinstance(e.value, Scalar)),
            "",
        )

    def blocks(self, key: str) -> Iterator["Block"]:
        """The blocks of a key."""
        return (e.value for e in self.entries if e.key == key and isinstance(e.value, Block))

    def find(self, key: str) -> Place | None:
        """Where a key stands in this block or, failing that, deeper."""
        for entry in self.entries:
            if entry.key == key:
                return entry.place
        found = (e.value.find(key) for e in self.entries if isinstance(e.value, Block))
        return next((place for place in found if place), None)


@dataclass
class Entry:
    """A key with its value."""

    key: str
    place: Place
    value: Scalar | Block


def too_deep(where: str) -> SpecError:
    """What is said of a text whose blocks lie within each other without need."""
    return SpecError([Fault(f"more than {DEEPEST} blocks within each other", where=where)])
