"""Text files as they are made: UTF-8, with or without a mark at the beginning, or UTF-16."""

import codecs
from io import TextIOWrapper
from pathlib import Path

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def open_text(path: Path, *, errors: str = "strict") -> TextIOWrapper:
    """Open a text to read, in the encoding that its first bytes tell; the file is read once.

    Raises OSError; reading raises UnicodeDecodeError where `errors` does not replace what is wrong.
    """
    stream = path.open("rb")
    encoding = "utf-16" if stream.peek(2)[:2] in _UTF16 else "utf-8-sig"
    return TextIOWrapper(stream, encoding=encoding, errors=errors)


def read_text(path: Path, *, errors: str = "strict") -> str:
    """All of a text; see `open_text`."""
    with open_text(path, errors=errors) as file:
        return file.read()
