"""What a program that keeps experiments is told of a run, and what it is asked."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from catdog.tracking.annotation import Annotation

#: A name of a parameter or number in which such programs allow few signs.
_NO_NAME = re.compile(r"[^\w.\-/ ]+")


@dataclass(frozen=True)
class Point:
    """Numbers of an iteration by their names, taken at so many seconds since 1970."""

    iteration: int
    seconds: float
    values: Mapping[str, float]


@dataclass(frozen=True)
class Introduction:
    """What a tracker learns of a run before its first number.

    Args:
        experiment: what the run is one of several of: the solver's name.
        name: the run's, of its snapshot_prefix.
        folder: where it writes; what belongs to a tracker on this machine goes there too.
        known: under which name the tracker had the run in an earlier session, or empty.
        settings: the solver's fields by their paths, as in a spec, and what else was set.
        facts: what the run's record says of it beside that, such as its random name.
        annotation: note and tags.
    """

    experiment: str
    name: str
    folder: Path
    known: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    annotation: Annotation = field(default_factory=Annotation)


@dataclass(frozen=True)
class TrackedModel:
    """The weights that a run is known by, and their net as ONNX where it can be."""

    weights: Path
    iteration: int
    onnx: Path | None = None


class Tracker(Protocol):
    """A run, opened in such a program; any method may raise anything where it does not answer."""

    #: Its name there, by which a resumed run finds it again.
    run: str
    #: Where a person finds it.
    place: str

    def points(self, points: Sequence[Point]) -> None:
        """Take numbers, oldest first."""

    def files(self, files: Mapping[str, Path]) -> None:
        """Take files by the names that they are to have; pictures end with .png."""

    def model(self, model: TrackedModel) -> None:
        """Take the weights."""

    def end(self, status: str) -> None:
        """The run is over: DONE, STOPPED or FAILED of `shell_hook`."""


def plain_name(name: str) -> str:
    """A name with signs that all trackers allow: `top5[1]` is `top5_1`."""
    return _NO_NAME.sub("_", name).strip("_ ")
