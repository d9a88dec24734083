"""The numbers of a BlobProto to NumPy and back at the speed of a copy, by the wire format.

protobuf hands out repeated floats one by one; the bytes of a packed field are the array itself.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from catdog.proto.caffe_pb2 import BlobProto

_DATA, _DIFF = 5, 6
_DOUBLES = {_DATA: 8, _DIFF: 9}
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_MOST_DIGITS = 10

#: Numbers of fields to keep, each with those to keep inside it; none inside: all of it.
Kept = Mapping[int, "Kept"]


class Field(NamedTuple):
    """One field of a serialised message: its number, its content, and all of its bytes."""

    number: int
    content: memoryview
    whole: memoryview


def values(blob: BlobProto, *, diff: bool = False) -> NDArray[np.float32]:
    """The data (or diff) of a blob as a flat float32 array; doubles are rounded."""
    field = _DIFF if diff else _DATA
    # protobuf writes each packed field once, however it came in
    found = {each.number: each.content for each in fields(memoryview(blob.SerializeToString()))}
    if _DOUBLES[field] in found:
        return np.frombuffer(found[_DOUBLES[field]], "<f8").astype(np.float32)
    return np.frombuffer(found.get(field, b""), "<f4").astype(np.float32)


def blob(
    array: NDArray[np.float32], diff: NDArray[np.float32] | None = None, *, shaped: bool = True
) -> BlobProto:
    """A blob of an array's numbers and, unless told otherwise, its shape."""
    parts = _field(_DATA, array)
    if diff is not None:
        parts += _field(_DIFF, diff)
    message = BlobProto.FromString(b"".join(parts))
    if shaped:
        message.shape.dim.extend(array.shape)
        message.shape.SetInParent()
    return message


def only(content: memoryview, kept: Kept) -> bytes:
    """A serialised message with nothing but the fields to keep; ValueError where it is none."""
    parts: list[bytes | memoryview] = []
    for field in fields(content):
        inside = kept.get(field.number)
        if inside:
            inner = only(field.content, inside)
            parts += [write_varint(field.number << 3 | _LENGTH), write_varint(len(inner)), inner]
        elif inside is not None:
            parts.append(field.whole)
    return b"".join(parts)


def fields(view: memoryview) -> Iterator[Field]:
    """The fields of a serialised message in order; ValueError where the bytes are none."""
    at = 0
    while at < len(view):
        begin = at
        tag, at = read_varint(view, at)
        end = at
        if tag & 7 == _LENGTH:
            length, at = read_varint(view, at)
            end = at + length
        elif tag & 7 == _VARINT:
            _, end = read_varint(view, at)
        elif tag & 7 in (_FIXED32, _FIXED64):
            end = at + (4 if tag & 7 == _FIXED32 else 8)
        else:
            raise ValueError(f"no such wire type: {tag & 7}")
        if end > len(view):
            raise ValueError("a field has no end")
        yield Field(tag >> 3, view[at:end], view[begin:end])
        at = end


def read_varint(view: memoryview, at: int) -> tuple[int, int]:
    """A number of variable length and where it ends; ValueError where it has no end."""
    number = 0
    for digit, byte in enumerate(view[at : at + _MOST_DIGITS]):
        number |= (byte & 0x7F) << 7 * digit
        if byte < 0x80:
            return number, at + digit + 1
    raise ValueError("a number has no end")


def write_varint(number: int) -> bytes:
    """A number, 0 or more, in variable length."""
    digits = bytearray()
    while number > 0x7F:
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    digits.append(number)
    return bytes(digits)


def _field(number: int, array: NDArray[np.float32]) -> list[bytes | memoryview]:
    content = np.ascontiguousarray(array, "<f4").reshape(-1).view(np.uint8).data
    return [write_varint(number << 3 | _LENGTH), write_varint(content.nbytes), content]
