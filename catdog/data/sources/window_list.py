"""The list of a WindowData layer: pictures and the windows in them."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from catdog.data.sources.base import read_text
from catdog.errors import DataError


@dataclass(frozen=True)
class LabelledWindow:
    """A labelled region of a picture; both corners belong to it. `overlap` is with an object."""

    picture: str
    label: int
    overlap: float
    x1: int
    y1: int
    x2: int
    y2: int


@dataclass(frozen=True)
class WindowList:
    """The windows of a list file, and the channels of the last picture as it gives them."""

    windows: list[LabelledWindow]
    channels: int


def read_windows(path: Path) -> WindowList:
    """Read a window file.

    For every picture: `# number`, its path on a line of its own, channels, height, width, the
    number of windows, and that many times `label overlap x1 y1 x2 y2`. Raises DataError with the
    line where it breaks.
    """
    reader = _Reader(path, read_text(path, "window file"))
    windows: list[LabelledWindow] = []
    channels = 0
    while mark := reader.next_word():
        if mark != "#":
            raise reader.error(reader.line, f'expected "# number", not "{mark}"')
        reader.number()
        picture = reader.picture()
        channels, _, _, count = (reader.number() for _ in range(4))
        windows += [reader.window(picture) for _ in range(count)]
    if not windows:
        raise DataError("names no windows", where=str(path))
    return WindowList(windows, channels)


class _Reader:
    """Parses the words of a file one by one, a path by its line."""

    def __init__(self, path: Path, text: str) -> None:
        self.path, self.line = path, 0
        self._lines = iter(text.split("\n"))
        self._rest = self._from_word = ""

    def error(self, line: int, what: str) -> DataError:
        return DataError(what, where=f"{self.path}:{line}")

    def next_word(self) -> str:
        """The next word of the file; nothing at its end."""
        while not self._rest:
            line = next(self._lines, None)
            if line is None:
                return ""
            self.line, self._rest = self.line + 1, line.strip()
        self._from_word = self._rest
        word, *rest = self._rest.split(maxsplit=1)
        self._rest = "".join(rest)
        return word

    def word(self) -> str:
        word = self.next_word()
        if not word:
            raise DataError("ends in the middle of a picture", where=str(self.path))
        return word

    def picture(self) -> str:
        """A path, spaces included, to the end of its line; a word where only numbers follow it."""
        word = self.word()
        if not self._rest or all(map(str.isdecimal, self._rest.split())):
            return word
        self._rest = ""
        return self._from_word

    def number(self) -> int:
        word = self.word()
        try:
            return int(word)
        except ValueError:
            raise self.error(self.line, f'expected a whole number, not "{word}"') from None

    def overlap(self) -> float:
        word = self.word()
        try:
            with np.errstate(over="ignore"):
                number = float(np.float32(word))  # Caffe compares in single precision
            if not math.isfinite(number):
                raise ValueError(word)
            return number
        except ValueError:
            raise self.error(self.line, f'expected an overlap, not "{word}"') from None

    def window(self, picture: str) -> LabelledWindow:
        label, overlap = self.number(), self.overlap()
        corners = [self.number() for _ in range(4)]
        return LabelledWindow(picture, label, overlap, *corners)
