"""Python 2's files: bytes on the disk, text or bytes to whoever writes, no newline changed."""

from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from catdog.pycaffe.python2.text import ByteString, as_bytes, as_text


class File:
    """A file of Python 2 over a binary one: reads text, or a ByteString where `binary`."""

    def __init__(self, buffer: Any, *, binary: bool = False, mode: str = "") -> None:
        self.buffer, self.mode = buffer, mode
        self._new = ByteString if binary else as_text
        self.softspace = 0

    def read(self, *size: int) -> Any:
        """All the rest, or some bytes."""
        return self._new(self.buffer.read(*size))

    def readline(self, *size: int) -> Any:
        """The next line with its end; nothing at the end of the file."""
        return self._new(self.buffer.readline(*size))

    def readlines(self, *hint: int) -> list[Any]:
        """The lines that are left."""
        return [self._new(line) for line in self.buffer.readlines(*hint)]

    def write(self, text: Any) -> None:
        """Write text or bytes."""
        self.buffer.write(as_bytes(text))

    def writelines(self, parts: Iterable[Any]) -> None:
        """Write texts one after the other."""
        for part in parts:
            self.write(part)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return self._new(next(self.buffer))

    def __enter__(self) -> "File":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Write what is left and let go of the file."""
        self.buffer.close()

    def __getattr__(self, name: str) -> Any:
        if name == "buffer":
            raise AttributeError(name)
        return getattr(self.buffer, name)


class StringIO(File):
    """A file in memory: bytes, which behave as text."""

    def __init__(self, initial: Any = b"") -> None:
        super().__init__(BytesIO(as_bytes(initial)), binary=True)

    def getvalue(self) -> ByteString:
        """All that was written."""
        return ByteString(self.buffer.getvalue())


def opened(name: Any, mode: str = "r", buffering: int = -1) -> File:
    """Python 2's open(); raises OSError."""
    path = Path(as_text(name))
    plain = mode.replace("U", "").replace("b", "").replace("t", "") or "r"
    if "U" in mode:
        # any end of line is one
        text: IO[Any] = path.open(plain, buffering, "utf-8", "surrogateescape")
        return File(_Universal(text), mode=mode)
    size = -1 if buffering in (-1, 0, 1) else buffering
    return File(path.open(plain + "b", size), binary="b" in mode, mode=mode)


class _Universal:
    """A text file with what File asks of a binary one."""

    def __init__(self, text: IO[Any]) -> None:
        self._text = text

    def __next__(self) -> bytes:
        found: bytes = as_bytes(next(self._text))
        return found

    def read(self, *size: int) -> bytes:
        found: bytes = as_bytes(self._text.read(*size))
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._text, name)


def binary(file: Any) -> Any:
    """The file of bytes below a File; anything else as it is."""
    return file.buffer if isinstance(file, File) else file


def lines(source: Any) -> Iterator[Any]:
    """The lines of a file, or what else is iterated over, as text."""
    return (as_text(line) for line in source)
