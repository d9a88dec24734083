"""Mistakes of a user and faults of a file, each with where, what and what to do.

CatdogError
├── SpecError      faults in the text of a net or solver, all of a file at once
├── LayerError     a layer that cannot be built or run as its spec says
├── DataError      photos, lists, LMDBs, HDF5 files
├── WeightsError   weight files, snapshots
├── Unwritable     a file that cannot be written: a full disk, a folder that is gone
└── Diverged       a loss or a weight that is no longer a number
"""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

#: What ends a line or moves a terminal's cursor, and what no terminal can show.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def one_line(text: str) -> str:
    """A text, which may come from a file, with its control characters as Python writes them."""
    return _CONTROL.sub(lambda match: match.group().encode("unicode_escape").decode(), text)


class CatdogError(RuntimeError):
    """What a tool shows as `error: where: what; remedy` before it exits with `code`.

    A RuntimeError, as what Caffe raised for scripts to catch.
    """

    #: The exit code of a tool that ends with it.
    code = 2

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        self.what, self.where, self.remedy = what, where, remedy
        super().__init__(what)

    def __str__(self) -> str:
        text = "; ".join(part for part in (self.what, self.remedy) if part)
        return one_line((f"{self.where}: " if self.where else "") + text)


@dataclass(frozen=True)
class Fault:
    """One fault of a spec: what is wrong, what to do, and the place in the text.

    `where` is `file:line:column`; before it is known, `layer` and `field` say which layer and
    which of its fields is meant. `blob` is the one that no layer makes.
    """

    what: str
    remedy: str = ""
    where: str = ""
    layer: str = ""
    field: str = ""
    blob: str = ""

    def __str__(self) -> str:
        layer = f'layer "{self.layer}"' if self.layer else ""
        place = ": ".join(part for part in (self.where, layer) if part)
        return str(CatdogError(self.what, where=place, remedy=self.remedy))


class SpecError(CatdogError):
    """Faults in the text of a net or solver; `faults` has them all, in the order of the text."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(map(str, self.faults)))

    def __str__(self) -> str:
        return "\n".join(map(str, self.faults))


class LayerError(CatdogError):
    """A layer that cannot be built or run; `layer` is its name, `field` what to change.

    Once `located`, `where` has the place in the text too.
    """

    def __init__(self, what: str, *, layer: str = "", field: str = "", remedy: str = "") -> None:
        self.layer, self.field = layer, field
        self.located = False
        super().__init__(what, where=f'layer "{layer}"' if layer else "", remedy=remedy)


class DataError(CatdogError):
    """Photos, lists, LMDBs or HDF5 files that are missing, broken or of the wrong size."""


class WeightsError(CatdogError):
    """Weight files and snapshots that are missing, broken or made for something else."""


class Unwritable(CatdogError):
    """A file that cannot be written."""


class Diverged(CatdogError):
    """A loss or a weight that is no longer a number; the last good snapshot stays."""

    code = 3


def did_you_mean(word: str, known: Iterable[str], alike: float = 0.6) -> str:
    """`did you mean "x"?` with the nearest of the known words, in whatever case, or nothing.

    `alike`, of 1, is the share of letters in common that makes a word near.
    """
    names: dict[str, str] = {}
    for name in known:
        names.setdefault(name.lower(), name)
    near = difflib.get_close_matches(word.lower(), names, n=1, cutoff=alike)
    return f'did you mean "{names[near[0]]}"?' if near else ""


def some_of(words: Iterable[str], most: int = 4, between: str = ", ") -> str:
    """The first of many words, and how many more there are."""
    known = list(words)
    more = len(known) - most
    return between.join(known[:most]) + (f"{between}and {more} more" if more > 0 else "")
