"""Types of arguments: a text of the command line to a value.

Each raises argparse.ArgumentTypeError with what the text is not.
"""

import math
import re
from argparse import ArgumentTypeError
from collections.abc import Callable, Sequence
from pathlib import Path

from catdog.errors import CatdogError
from catdog.spec.shape import Shape

_TIME = re.compile(r"(?:(?P<days>\d+)-)?(?P<rest>\d+(?::\d+){0,2})", re.ASCII)


def at_least(least: int) -> Callable[[str], int]:
    """The type of whole numbers from `least` on."""

    def whole(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise ArgumentTypeError(f'"{text}" is no whole number from {least} on')
        return int(text)

    return whole


def positive_number(text: str) -> float:
    """A number above 0."""
    number = _number(text)
    if not number > 0:
        raise ArgumentTypeError(f'"{text}" is no number above 0')
    return number


def number_from_0(text: str) -> float:
    """A number that is 0 or more."""
    number = _number(text)
    if not number >= 0:
        raise ArgumentTypeError(f'"{text}" is no number from 0 on')
    return number


def share(text: str) -> float:
    """A number between 0 and 1, and neither of them."""
    number = _number(text)
    if not 0 < number < 1:
        raise ArgumentTypeError(f'"{text}" is no share between 0 and 1, such as 0.95')
    return number


def share_or_count(text: str) -> float:
    """A share of photos below 1, or a whole number of them."""
    number = _number(text)
    if not number >= 0 or (number > 1 and number % 1):
        raise ArgumentTypeError(f'"{text}" is no share below 1 and no number of photos')
    return number


def minutes(text: str) -> int:
    """A span of time as Slurm takes it, rounded up: M, M:S, H:M:S, D-H, D-H:M or D-H:M:S."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise ArgumentTypeError(f'"{text}" is no time; write 12:00:00 or 2-00:00:00')
    numbers = [int(word) for word in match["rest"].split(":")]
    if match["days"] is None and len(numbers) < 3:
        numbers.insert(0, 0)
    hours, whole, seconds = [*numbers, 0, 0][:3]
    total = int(match["days"] or 0) * 1440 + hours * 60 + whole + (seconds > 0)
    if not total:
        raise ArgumentTypeError(f'"{text}" is no time to run')
    return total


def file_name(text: str) -> str:
    """The name of a file or a folder, which is not empty."""
    if not text.strip():
        raise ArgumentTypeError("an empty text names no file")
    return text


def file_path(text: str) -> Path:
    """`file_name` as a path."""
    return Path(file_name(text))


def names(text: str) -> list[str]:
    """Names with commas between them."""
    found = text.split(",")
    if not all(name.strip() for name in found):
        raise ArgumentTypeError(f'"{text}" has an empty name')
    return found


def blob_shape(text: str) -> tuple[str, Shape]:
    """A blob and its shape, BLOB=N,C,H,W."""
    name, sign, numbers = text.partition("=")
    sizes = tuple(int(size) for size in re.split("[,x]", numbers)) if sign and numbers else ()
    if not name or not sizes or min(sizes) < 1:
        raise ArgumentTypeError(f'"{text}" is no BLOB=N,C,H,W')
    return name, sizes


def input_shape(text: str) -> tuple[str, Shape]:
    """The same, or the shape alone, N,C,H,W, with "" for its name."""
    name, shape = blob_shape(text if "=" in text else f"input={text}")
    return (name if "=" in text else ""), shape


def named_shapes(shapes: Sequence[tuple[str, Shape]]) -> dict[str, Shape]:
    """Shapes by the name of their blob; CatdogError for one without a name."""
    for name, shape in shapes:
        if not name:
            text = ",".join(map(str, shape))
            raise CatdogError("names no blob", where=f"--shape {text}", remedy=f"data={text}")
    return dict(shapes)


def _number(text: str) -> float:
    """A finite number; nan for any other text."""
    try:
        number = float(text)
    except ValueError:
        return math.nan
    return number if math.isfinite(number) else math.nan
