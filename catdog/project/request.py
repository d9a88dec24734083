"""What a person asks of `catdog fit`, and what was chosen for it."""

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import yaml

from catdog.errors import CatdogError
from catdog.runtime.files import replacing

#: What hears a line about what is done.
Tell = Callable[[str], object]

#: Keeps both in a project's folder.
PROJECT = "project.yaml"
_HEADER = "# What this project was asked for and what was chosen: `catdog fit` goes on by it.\n"


@dataclass(frozen=True)
class Request:
    """What was asked for; None and 0 where nothing was said.

    Args:
        photos: the photos, as seen from the project's folder.
        net: a shipped net's name, or a file.
        epochs, lr, batch, size: of the training.
        minutes: all is to be done within.
        seed: of the split and of the training.
        device: as `--device` takes it.
    """

    photos: str
    net: str = ""
    epochs: float = 0
    lr: float = 0
    batch: int = 0
    size: int = 0
    minutes: float = 0
    seed: int = 1
    device: str = ""


@dataclass(frozen=True)
class Project:
    """A project: its request, and what was chosen for it.

    Args:
        asked: the request.
        name: of its snapshots.
        net: the net's name.
        build: the arguments of `create_lmdb`.
        count: how many photos there were.
        digest: that of their names, labels and sizes; empty in projects of an older catdog.
        stopped: why a training that could go on is not to go on.
    """

    asked: Request
    name: str
    net: str
    build: list[str]
    count: int = 0
    digest: str = ""
    stopped: str = ""

    @property
    def several(self) -> bool:
        """Whether its photos have several labels each."""
        return "--labels" in self.build

    def write(self, folder: Path) -> None:
        """Put it into its folder."""
        text = yaml.safe_dump(asdict(self), sort_keys=False, allow_unicode=True)
        with replacing(folder / PROJECT) as path:
            path.write_text(_HEADER + text, encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """The project of a folder, if there is one. Raises CatdogError where it is damaged."""
        path = folder / PROJECT
        if not path.exists():
            return None
        try:
            content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
            asked = Request(**content.pop("asked"))
            made = cls(asked, **content)
            if _is_whole(made):
                return made
        except (OSError, ValueError, TypeError, AttributeError, KeyError, yaml.YAMLError):
            pass
        what = "is no project of `catdog fit`"
        raise CatdogError(what, where=str(path), remedy="remove it, or name another --out")


def _is_whole(project: Project) -> bool:
    words = (project.name, project.net, project.asked.photos, project.stopped, project.digest)
    return all(isinstance(word, str) for word in (*words, *project.build)) and isinstance(
        project.count, int
    )


def seen_from(path: Path, folder: Path) -> str:
    """A path as seen from a folder; one from the root that is not below it stays so."""
    if path.is_absolute():
        return str(path.relative_to(folder) if path.is_relative_to(folder) else path)
    return os.path.relpath(path, folder)
