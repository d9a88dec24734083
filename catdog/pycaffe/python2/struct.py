"""struct with packed values that are str in Python 2: text or bytes in, ByteStrings out."""

import struct
from struct import *  # noqa: F403 the module as it is, but for what is below
from typing import Any

from catdog.pycaffe.python2.text import as_bytes, native


class Struct(struct.Struct):  # type: ignore[no-redef]
    """A compiled format."""

    def pack(self, *values: Any) -> Any:
        """Values as a str."""
        return native(super().pack(*map(as_bytes, values)))

    def pack_into(self, buffer: Any, offset: int, *values: Any) -> None:
        """Values into a buffer."""
        super().pack_into(buffer, offset, *map(as_bytes, values))

    def unpack(self, text: Any) -> Any:
        """The values of a str."""
        return native(super().unpack(as_bytes(text)))

    def unpack_from(self, text: Any, offset: int = 0) -> Any:
        """The values of a part of a str or buffer."""
        return native(super().unpack_from(as_bytes(text), offset))


def pack(form: Any, *values: Any) -> Any:  # type: ignore[no-redef]
    """Values as a str."""
    return Struct(as_bytes(form)).pack(*values)


def pack_into(form: Any, buffer: Any, offset: int, *values: Any) -> None:  # type: ignore[no-redef]
    """Values into a buffer."""
    Struct(as_bytes(form)).pack_into(buffer, offset, *values)


def unpack(form: Any, text: Any) -> Any:  # type: ignore[no-redef]
    """The values of a str."""
    return Struct(as_bytes(form)).unpack(text)


def unpack_from(form: Any, text: Any, offset: int = 0) -> Any:  # type: ignore[no-redef]
    """The values of a part of a str or buffer."""
    return Struct(as_bytes(form)).unpack_from(text, offset)


def calcsize(form: Any) -> int:  # type: ignore[no-redef]
    """How many bytes a format takes."""
    return struct.calcsize(as_bytes(form))
