"""Text that was a row of bytes in Python 2, and the way back."""

import codecs
from collections.abc import Callable, Iterable, Iterator
from typing import Any

_LOSSLESS = "surrogateescape"
#: Where a byte that is no UTF-8 stands in text.
_ESCAPED = 0xDC00

#: Codecs of Python 2 from bytes to bytes.
_BYTES_TO_BYTES = {"hex", "base64", "zlib", "zip", "bz2"}

#: Methods that a ByteString has as text.
_METHODS = (
    *("capitalize", "count", "endswith", "expandtabs", "find", "index", "isalnum", "isalpha"),
    *("isdigit", "islower", "isspace", "istitle", "isupper", "join", "ljust", "lower", "lstrip"),
    *("partition", "replace", "rfind", "rindex", "rjust", "rpartition", "rsplit", "rstrip"),
    *("split", "splitlines", "startswith", "strip", "swapcase", "title", "translate", "upper"),
    *("zfill", "center", "format", "__mod__", "__lt__", "__le__", "__gt__", "__ge__"),
)


def as_bytes(value: Any) -> Any:
    """Text as the bytes that it was in Python 2; anything else as it is."""
    return value.encode("utf-8", _LOSSLESS) if isinstance(value, str) else value


def as_text(value: Any) -> Any:
    """Bytes as text without loss; anything else as it is."""
    return bytes(value).decode("utf-8", _LOSSLESS) if isinstance(value, bytes) else value


class ByteString(bytes):
    """Bytes for whoever takes bytes, and text in comparisons, formats and by its methods."""

    def __str__(self) -> str:
        text: str = as_text(self)
        return text

    def __repr__(self) -> str:
        # as of a str in Python 2, with escapes for what is no ASCII
        return super().__repr__()[1:]

    def __format__(self, form: str) -> str:
        return format(str(self), form)

    def __eq__(self, other: object) -> bool:
        return bool(str(self) == as_text(other))

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(str(self))

    def __contains__(self, part: object) -> bool:
        return as_bytes(part) in bytes(self)

    def __add__(self, other: Any) -> Any:
        if isinstance(other, str):
            return str(self) + other
        return ByteString(bytes(self) + other)

    def __radd__(self, other: Any) -> Any:
        return other + (str(self) if isinstance(other, str) else bytes(self))

    def __getitem__(self, key: Any) -> Any:
        part = bytes(self)[key]
        return character(part) if isinstance(part, int) else ByteString(part)

    def __iter__(self) -> Iterator[Any]:
        return map(character, bytes(self))

    def decode(self, *arguments: Any, **more: Any) -> str:
        """The text, as of plain bytes."""
        return bytes(self).decode(*arguments, **more)

    def encode(self, *arguments: Any) -> "ByteString":
        """These bytes, or those of another codec, as for text."""
        found: ByteString = encode(self, *arguments)
        return found


def _as_text_does(name: str) -> Callable[..., Any]:
    def method(self: ByteString, *arguments: Any) -> Any:
        return getattr(str(self), name)(*map(_argument, arguments))

    return method


def _argument(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(as_text, value))
    return as_text(value)


for _name in _METHODS:
    setattr(ByteString, _name, _as_text_does(_name))


def native(value: Any) -> Any:
    """Bytes that a call gave, alone or in a tuple, as a str of Python 2."""
    if isinstance(value, tuple):
        return tuple(map(native, value))
    return ByteString(value) if isinstance(value, bytes) else value


def joined(separator: Any, parts: Iterable[Any]) -> Any:
    """`separator.join(parts)`: a ByteString where one of them is."""
    found = [separator, *parts]
    if any(isinstance(part, bytes) for part in found):
        return ByteString(as_bytes(separator).join(map(as_bytes, found[1:])))
    return separator.join(found[1:])


def character(number: int) -> str:
    """chr of Python 2: a byte as text."""
    return chr(number if number < 128 else _ESCAPED + number)


def number_of(byte: Any) -> int:
    """ord of Python 2; of what is a number already, as a byte of bytes is, that number."""
    if isinstance(byte, int):
        return byte
    number = ord(byte)
    return number - _ESCAPED if _ESCAPED + 128 <= number < _ESCAPED + 256 else number


def decode(value: Any, *arguments: Any) -> Any:
    """`value.decode(...)`, where text may stand for its bytes, and be text already."""
    if not isinstance(value, (str, bytes)):
        return value.decode(*arguments)
    name = str(arguments[0]).lower() if arguments else "ascii"
    if name in _BYTES_TO_BYTES:
        found: Any = codecs.decode(as_bytes(value), name)
        return ByteString(found)
    if isinstance(value, str) and value.isascii():
        return value
    return bytes(as_bytes(value)).decode(*(arguments or ("utf-8",)))


def encode(value: Any, *arguments: Any) -> Any:
    """`value.encode(...)`: bytes that behave as text."""
    if not isinstance(value, (str, bytes)):
        return value.encode(*arguments)
    name = str(arguments[0]).lower() if arguments else "utf-8"
    if name in _BYTES_TO_BYTES:
        return ByteString(codecs.encode(as_bytes(value), name))
    if isinstance(value, bytes):
        return ByteString(value)
    if name.replace("_", "-") in ("utf-8", "utf8", "ascii"):
        return ByteString(as_bytes(value))
    return ByteString(value.encode(*arguments))
