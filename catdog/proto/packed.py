"""The numbers of a BlobProto to NumPy and back at the speed of a copy, by the wire format.

protobuf hands out repeated floats one by one; the bytes of a packed field are the array itself.
Any serialised message is taken apart and put together here, field by field.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from catdog.proto.caffe_pb2 import BlobProto, BlobShape

_DATA, _DIFF = 5, 6
_DOUBLES = {_DATA: 8, _DIFF: 9}
#: How a field may lie on the wire.
VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
_MOST_DIGITS = 10

#: Bytes in pieces, so that arrays need not be copied.
Parts = list[bytes | memoryview]
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
        # what float32 cannot hold becomes infinite, as in C++
        with np.errstate(over="ignore"):
            return np.frombuffer(found[_DOUBLES[field]], "<f8").astype(np.float32)
    return np.frombuffer(found.get(field, b""), "<f4").astype(np.float32)


def blob(
    array: NDArray[np.float32], diff: NDArray[np.float32] | None = None, *, shaped: bool = True
) -> BlobProto:
    """A blob of an array's numbers and, unless told otherwise, its shape."""
    message = BlobProto.FromString(b"".join(_numbers(array, diff)))
    if shaped:
        message.shape.dim.extend(array.shape)
        message.shape.SetInParent()
    return message


def blob_parts(array: NDArray[np.float32], diff: NDArray[np.float32] | None = None) -> Parts:
    """`blob(array, diff)` in serialised form, with the array itself in it."""
    shape = BlobProto(shape=BlobShape(dim=array.shape))
    return [*_numbers(array, diff), shape.SerializeToString()]


def framed(number: int, parts: Parts) -> Parts:
    """A field of a message that contains these bytes."""
    length = sum(memoryview(part).nbytes for part in parts)
    return [write_varint(number << 3 | LENGTH), write_varint(length), *parts]


def only(content: memoryview, kept: Kept) -> bytes:
    """A serialised message reduced to the fields to keep; ValueError where it is not a message."""
    parts: Parts = []
    for field in fields(content):
        inside = kept.get(field.number)
        if inside:
            parts += framed(field.number, [only(field.content, inside)])
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
        if tag & 7 == LENGTH:
            length, at = read_varint(view, at)
            end = at + length
        elif tag & 7 == VARINT:
            _, end = read_varint(view, at)
        elif tag & 7 in (FIXED32, FIXED64):
            end = at + (4 if tag & 7 == FIXED32 else 8)
        else:
            raise ValueError(f"no such wire type: {tag & 7}")
        if end > len(view):
            raise ValueError("a field has no end")
        yield Field(tag >> 3, view[at:end], view[begin:end])
        at = end


def wire_of(field: Field) -> int:
    """How a field lies on the wire."""
    return field.whole[0] & 7


def renumbered(field: Field, number: int) -> Parts:
    """The field as it is, with another number."""
    _, end = read_varint(field.whole, 0)
    return [write_varint(number << 3 | wire_of(field)), field.whole[end:]]


def text_at(message: memoryview, number: int) -> str:
    """The text of a field of a message, the last one; "" where there is none."""
    found = [each for each in fields(message) if each.number == number]
    known = bool(found) and wire_of(found[-1]) == LENGTH
    return bytes(found[-1].content).decode("utf-8", "replace") if known else ""


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


def _numbers(array: NDArray[np.float32], diff: NDArray[np.float32] | None) -> Parts:
    data = framed(_DATA, [_content(array)])
    return data if diff is None else data + framed(_DIFF, [_content(diff)])


def _content(array: NDArray[np.float32]) -> memoryview:
    return np.ascontiguousarray(array, "<f4").reshape(-1).view(np.uint8).data
