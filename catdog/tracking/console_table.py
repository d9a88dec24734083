"""Rows of numbers under a header, as wide as the terminal allows."""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

#: Rows between two headers.
_HEADER_EVERY = 20
_GAP = "  "
#: What is written behind a row.
BEST = "best"
#: A terminal that does not tell its width has this one.
_WIDTH = 80


@dataclass(frozen=True)
class NumberColumn:
    """A column; of those for which there is no room the ones with the highest rank go first."""

    key: str
    title: str
    rank: int
    width: int = 0

    @property
    def wide(self) -> int:
        """The characters that it takes."""
        return max(self.width, len(self.title))


class Paint:
    """A little colour, or none: `NO_COLOR` (no-color.org) is set, or the terminal knows none."""

    def __init__(self) -> None:
        self._on = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def faint(self, text: str) -> str:
        """What is beside the point."""
        return self._with("2", text)

    def good(self, text: str) -> str:
        """What is well."""
        return self._with("32", text)

    def warning(self, text: str) -> str:
        """What deserves a look."""
        return self._with("33", text)

    def _with(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._on and text else text


class ConsoleTable:
    """Lines of a table that grows at its end.

    Args:
        columns: from left to right.
        width: gives the width of the terminal, now.
        paint: colours.
    """

    def __init__(
        self,
        columns: Sequence[NumberColumn],
        width: Callable[[], int | None] = lambda: None,
        paint: Paint | None = None,
    ) -> None:
        self._columns, self._width, self._paint = columns, width, paint or Paint()
        self._shown: list[NumberColumn] = []
        self._rows = 0

    def row(self, cells: Mapping[str, str], *, best: bool = False) -> list[str]:
        """The line of a row, after a header where one is due."""
        shown = fitting(self._columns, self._width() or _WIDTH)
        lines = []
        if shown != self._shown or self._rows % _HEADER_EVERY == 0:
            self._shown, self._rows = shown, 0
            titles = (column.title.rjust(column.wide) for column in shown)
            lines.append(self._paint.faint(_GAP.join(titles)))
        self._rows += 1
        line = _GAP.join(cells.get(column.key, "").rjust(column.wide) for column in shown)
        # a test has no numbers in the last columns
        line = line.rstrip()
        lines.append(f"{line}{_GAP}{self._paint.good(BEST)}" if best else line)
        return lines


def fitting(columns: Sequence[NumberColumn], width: int) -> list[NumberColumn]:
    """The columns for which there is room; one at least."""
    shown = list(columns)
    # some terminals go to the next row after the last column
    room = width - 1
    while len(shown) > 1 and sum(c.wide + len(_GAP) for c in shown) - len(_GAP) > room:
        shown.remove(max(shown, key=lambda column: column.rank))
    return shown


def share(value: float) -> str:
    """An accuracy in percent; another score in four digits."""
    return f"{value:.1%}" if 0 <= value <= 1 else short(value)


def short(value: float) -> str:
    """A loss."""
    return f"{value:.4f}" if abs(value) < 100 or math.isnan(value) else f"{value:.4g}"
