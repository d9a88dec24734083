"""What a comparison is of: `comparison.yaml` in its folder, by which it is gone on with."""

import shlex
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any, Self

import torch
import yaml

from catdog.errors import CatdogError
from catdog.project.unpacking import PHOTOS
from catdog.runtime.devices import cpu_name
from catdog.runtime.files import replacing
from catdog.runtime.provenance import device_name

RECORD, ROWS, PICTURE = "comparison.yaml", "comparison.csv", "comparison.png"
_HEADER = "# What was compared: `catdog compare-nets` goes on by it.\n"
#: What an interrupted beginning may have left.
_OURS = {PHOTOS, f".{PHOTOS}.new", ".fit.lock"}
_REMEDY = "name another --out for them, or remove this one"


@dataclass(frozen=True)
class ComparisonRecord:
    """What a comparison is of.

    Args:
        photos: what the photos are called.
        count: how many there are; `held_out` of them are judged by.
        digest: that of their names, labels and sizes.
        seed: of the division and of the trainings.
        date, processor: when it began, and where.
    """

    photos: str
    count: int
    held_out: int
    digest: str
    seed: int
    date: str
    processor: str

    @property
    def source(self) -> str:
        """A line that says how rows were measured."""
        words = ["catdog", "compare-nets", self.photos]
        words += ["--seed", str(self.seed)] if self.seed != 1 else []
        photos = f"{self.count:,} photos, {self.held_out:,} held out"
        return f"`{shlex.join(words)}`, {photos}, {self.date}, {self.processor}"

    def write(self, folder: Path) -> None:
        """Put it into its folder."""
        with replacing(folder / RECORD) as path:
            text = yaml.safe_dump(asdict(self), sort_keys=False, allow_unicode=True)
            path.write_text(_HEADER + text, encoding="utf-8")

    def check_same(self, now: "ComparisonRecord", folder: Path) -> None:
        """Raise CatdogError where a comparison in a folder is of other photos or another seed."""
        if self.digest != now.digest:
            what = f"is a comparison on other photos: {self.count:,} of {self.photos}"
        elif self.seed != now.seed:
            what = f"was begun with seed {self.seed}, not {now.seed}"
        else:
            return
        raise CatdogError(what, where=str(folder), remedy=_REMEDY)

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """The record in a folder, if there is one.

        Raises CatdogError where it is damaged, and for a folder with anything else in it.
        """
        path = folder / RECORD
        if not path.exists():
            others = [each.name for each in folder.iterdir() if each.name not in _OURS]
            if others:
                what = f"is not empty ({min(others)}), and no comparison of nets"
                raise CatdogError(what, where=str(folder), remedy="name another --out")
            return None
        try:
            content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
            made = cls(**content)
            if isinstance(made.digest, str) and isinstance(made.count, int):
                return made
        except (OSError, ValueError, TypeError, yaml.YAMLError):
            pass
        what = "is no record of `catdog compare-nets`"
        raise CatdogError(what, where=str(path), remedy="name another --out, or remove it")


def today() -> str:
    """The date as records have it."""
    return date.today().isoformat()


def processor(device: torch.device) -> str:
    """What computes, as records have it."""
    threads = torch.get_num_threads()
    cpu = f"{cpu_name()}, {threads} thread{'s' * (threads != 1)}"
    return cpu if device.type == "cpu" else f"{device_name(str(device))}, {cpu}"
