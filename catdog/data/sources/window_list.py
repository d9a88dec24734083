"""The list of a WindowData layer: pictures and the windows in them."""

from collections.abc import Iterator
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

    For every picture: `# number`, its path, channels, height, width, the number of windows, and
    that many times `label overlap x1 y1 x2 y2`. Raises DataError with the line where it breaks.
    """
    words = _words(read_text(path, "window file"))
    reader = _Reader(path, words)
    windows: list[LabelledWindow] = []
    channels = 0
    while (mark := next(words, None)) is not None:
        if mark[0] != "#":
            raise reader.error(mark[1], f'expected "# number", not "{mark[0]}"')
        reader.number()
        picture = reader.word()
        channels, _, _, count = (reader.number() for _ in range(4))
        windows += [reader.window(picture) for _ in range(count)]
    if not windows:
        raise DataError("names no windows", where=str(path))
    return WindowList(windows, channels)


def _words(text: str) -> Iterator[tuple[str, int]]:
    for number, line in enumerate(text.splitlines(), 1):
        for word in line.split():
            yield word, number


class _Reader:
    """Parses the words of a file one by one."""

    def __init__(self, path: Path, words: Iterator[tuple[str, int]]) -> None:
        self.path, self.words = path, words
        self.line = 1

    def error(self, line: int, what: str) -> DataError:
        return DataError(what, where=f"{self.path}:{line}")

    def word(self) -> str:
        word, self.line = next(self.words, ("", 0))
        if not word:
            raise DataError("ends in the middle of a picture", where=str(self.path))
        return word

    def number(self) -> int:
        word = self.word()
        try:
            return int(word)
        except ValueError:
            raise self.error(self.line, f'expected a whole number, not "{word}"') from None

    def overlap(self) -> float:
        word = self.word()
        try:
            return float(np.float32(word))  # Caffe compares in single precision
        except ValueError:
            raise self.error(self.line, f'expected an overlap, not "{word}"') from None

    def window(self, picture: str) -> LabelledWindow:
        label, overlap = self.number(), self.overlap()
        corners = [self.number() for _ in range(4)]
        return LabelledWindow(picture, label, overlap, *corners)
