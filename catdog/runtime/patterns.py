"""Names that stand for several: `shard-*`, `photos-{0000..0009}.tar`."""

import glob
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from catdog.errors import CatdogError, DataError

#: More names than this are a slip of the keyboard.
_MOST = 1_000_000
#: The innermost braces, with a range of numbers or alternatives in them.
_BRACES = re.compile(r"\{(?:(\d+)\.\.(\d+)|([^{}]*,[^{}]*))\}")


def is_pattern(name: str) -> bool:
    """Whether a name has `*`, `?`, `[...]`, `{a,b}` or `{0..9}` in it."""
    return glob.has_magic(name) or bool(_BRACES.search(name))


def without_braces(name: str, most: int = _MOST) -> list[str]:
    """The names that one with braces stands for, in order: `{08..10}` for 08, 09 and 10.

    Raises CatdogError for more than `most`.
    """
    names = list(islice(_each(name), most + 1))
    if len(names) > most:
        raise CatdogError(f"stands for more than {most:,} names", where=name)
    return list(dict.fromkeys(names))


def matches(pattern: str) -> list[str]:
    """What is there of the names that a pattern stands for; each part of braces in its order."""
    # of a name without signs glob tells whether it is there
    return [each for name in without_braces(pattern) for each in sorted(glob.glob(name))]  # noqa: PTH207


def whole_matches(pattern: str) -> list[str]:
    """As `matches`, of a pattern whose braces may stand for nothing that is not there.

    Raises DataError with the first name that is missing, where others are there.
    """
    names = without_braces(pattern)
    found = [sorted(glob.glob(name)) for name in names]  # noqa: PTH207
    missing = [name for name, there in zip(names, found, strict=True) if not there]
    if 0 < len(missing) < len(names):
        are = f"and {len(missing) - 1:,} more are" if len(missing) > 1 else "is"
        what = f"{missing[0]} {are} not there"
        raise DataError(what, where=pattern, remedy="make what is missing, or change the braces")
    return [each for there in found for each in there]


def is_there(path: Path) -> bool:
    """Whether there is something of this name, or of this pattern."""
    return path.exists() or (is_pattern(str(path)) and bool(matches(str(path))))


def _each(name: str) -> Iterator[str]:
    found = _BRACES.search(name)
    if not found:
        yield name
        return
    first, last, words = found.groups()
    inside = (
        words.split(",")
        if words is not None
        else (f"{number:0{len(first)}d}" for number in range(int(first), int(last) + 1))
    )
    for word in inside:
        yield from _each(f"{name[: found.start()]}{word}{name[found.end() :]}")
