"""Datum and BlobProto messages to arrays and back."""

import math
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from catdog.data.imdecode import imdecode
from catdog.errors import DataError
from catdog.proto import packed
from catdog.proto.caffe_pb2 import AnnotatedDatum, BlobProto, Datum, NormalizedBBox

Array = NDArray[np.uint8] | NDArray[np.float32]

#: The tags (field number and wire type) of a Datum that holds raw bytes, each one byte long.
_DATA, _LABEL, _ENCODED = 0x22, 0x28, 0x38
#: Channels, height and width, and the length of the data: each a tag and a varint.
_HEAD = re.compile(
    b"".join(b"%c([\x80-\xff]{0,9}[\0-\x7f])" % tag for tag in (0x08, 0x10, 0x18, _DATA))
)
#: The tag of several labels, two bytes long.
_LABELS = b"\xc2\x3e"
_SIGN_BITS = 64


class Example(NamedTuple):
    """One stored example: its array, channels x height x width, and its label.

    `labels` are several in place of one, where it was stored with them.
    """

    array: Array
    label: int
    labels: NDArray[np.float32] | None = None


def parse_datum(value: bytes | memoryview) -> Datum:
    """The message in a stored value; DataError when it is none."""
    try:
        return Datum.FromString(bytes(value))
    except Exception as error:  # protobuf's DecodeError, whose place has moved between releases
        raise DataError("a stored value is not a Datum", remedy="build the LMDB again") from error


def read_example(value: bytes | memoryview, *, color: bool | None = None) -> Example:
    """The array and label of a serialised Datum, by the fast way where there is one.

    `color` has the meaning it has in `datum_to_array`. A raw example is a read-only view of
    `value`: nothing is copied.
    """
    raw = scan_raw(value)
    if raw is not None:
        return raw
    datum = parse_datum(value)
    labels = np.array(datum.labels, np.float32) if datum.labels else None
    return Example(datum_to_array(datum, color=color), datum.label, labels)


def parse_annotated(value: bytes | memoryview) -> AnnotatedDatum:
    """The picture with boxes in a stored value; DataError when it is none, a plain Datum among
    others.
    """
    try:
        annotated = AnnotatedDatum.FromString(bytes(value))
    except Exception as error:  # protobuf's DecodeError
        raise DataError(
            "a stored value is not an AnnotatedDatum", remedy="build the LMDB again"
        ) from error
    if not annotated.HasField("datum"):
        raise DataError(
            "a stored value has no picture with boxes",
            remedy="a plain LMDB is for a Data layer; `catdog create_annoset` makes one with boxes",
        )
    return annotated


def object_rows(annotated: AnnotatedDatum) -> NDArray[np.float32]:
    """The boxes of a picture, G x 7: label, instance, xmin, ymin, xmax, ymax, difficult."""
    rows = [
        (group.group_label, one.instance_id, *_corners(one.bbox), one.bbox.difficult)
        for group in annotated.annotation_group
        for one in group.annotation
    ]
    return np.array(rows, np.float32).reshape(-1, 7)


def _corners(box: NormalizedBBox) -> tuple[float, float, float, float]:
    return box.xmin, box.ymin, box.xmax, box.ymax


def label_of(value: bytes) -> int | None:
    """The label of a serialised Datum, its picture left alone; None where it has several."""
    label = 0
    for field in packed.fields(memoryview(value)):
        if field.number == Datum.LABELS_FIELD_NUMBER:
            return None
        if field.number == Datum.LABEL_FIELD_NUMBER:
            label, _ = packed.read_varint(field.content, 0)
    return label


class _Start(NamedTuple):
    """What a raw Datum says before its pixels: channels, height and width, and their product."""

    shape: tuple[int, ...]
    size: int


def scan_raw(value: bytes | memoryview) -> Example | None:
    """A Datum of raw bytes without a copy of them, or None where only protobuf can tell.

    Whatever is not plain (floats, an encoded picture, unknown or repeated fields, sizes that do
    not fit, another order) is left to `parse_datum`.
    """
    view = memoryview(value)
    head = _HEAD.match(view)
    start = head and _read_start(*head.groups())
    if not head or not start:
        return None
    begin, end = head.end(), head.end() + start.size
    tail = _read_tail(bytes(view[end:])) if end <= len(view) else None
    if tail is None:
        return None
    array = np.frombuffer(view[begin:end], np.uint8).reshape(start.shape)
    labels = np.frombuffer(tail[1], "<f4") if tail[1] else None
    return Example(array, tail[0], labels)


@lru_cache(maxsize=64)
def _read_start(*numbers: bytes) -> _Start | None:
    """Channels, height and width, and the length of the pixels; None if they do not fit."""
    *shape, size = (packed.read_varint(memoryview(each), 0)[0] for each in numbers)
    fits = math.prod(shape) == size and max(shape) < 1 << _SIGN_BITS - 1
    return _Start(tuple(shape), size) if fits else None


@lru_cache(maxsize=1024)
def _read_tail(part: bytes) -> tuple[int, bytes] | None:
    """The label behind the pixels, and the bytes of several; None if there is more to it."""
    view, at = memoryview(part), 0
    numbers: dict[int, int] = {}
    labels = b""
    try:
        while at < len(view):
            tag = view[at]
            number, at = packed.read_varint(view, at + 1)
            if tag in (_LABEL, _ENCODED) and tag not in numbers:
                numbers[tag] = number
            elif tag == _LABELS[0] and number == _LABELS[1] and not labels:
                length, at = packed.read_varint(view, at)
                labels = bytes(view[at : at + length])
                at += length
                if not labels or len(labels) % 4:
                    return None
            else:
                return None
    except ValueError:
        return None
    if numbers.get(_ENCODED) or at != len(view):
        return None
    label = numbers.get(_LABEL, 0)
    return label - (1 << _SIGN_BITS) if label >> _SIGN_BITS - 1 else label, labels


def datum_to_array(datum: Datum, *, color: bool | None = None) -> Array:
    """Pixels (uint8) or floats (float32) of a Datum, channels x height x width.

    An encoded picture is decoded to BGR when `color` is true, to grey when it is false, as it is
    stored when it is None (Caffe's force_encoded_color and DecodeDatumNative); `color` says
    nothing to the others. Raises DataError when it cannot be decoded or when the number of values
    is not channels x height x width.
    """
    if datum.encoded:
        return _decode(datum.data, color)
    shape = (datum.channels, datum.height, datum.width)
    array: Array = (
        np.frombuffer(datum.data, np.uint8)
        if datum.data
        else np.array(datum.float_data, np.float32)
    )
    if min(shape) < 0 or array.size != shape[0] * shape[1] * shape[2]:
        raise DataError(
            f"a Datum of {' x '.join(map(str, shape))} holds {array.size} values",
            remedy="build the LMDB again",
        )
    return array.reshape(shape)


def _decode(data: bytes, color: bool | None) -> NDArray[np.uint8]:
    flags = {None: cv2.IMREAD_UNCHANGED, True: cv2.IMREAD_COLOR, False: cv2.IMREAD_GRAYSCALE}
    picture = imdecode(data, flags[color])
    if picture is None or picture.dtype != np.uint8:
        raise DataError("an encoded Datum cannot be decoded", remedy="build the LMDB again")
    planes = picture[None] if picture.ndim == 2 else picture.transpose(2, 0, 1)
    return np.ascontiguousarray(planes, np.uint8)


def array_to_datum(array: Array, label: int | None = 0) -> Datum:
    """A Datum of channels x height x width: uint8 as bytes, anything else as floats.

    The same fields are set as by Caffe's convert_imageset for pixels and, with no label, by its
    extract_features for floats, so that the bytes agree.
    """
    channels, height, width = array.shape
    datum = Datum(channels=channels, height=height, width=width, label=label)
    if array.dtype == np.uint8:
        datum.data = array.tobytes()
        datum.encoded = False
    else:
        datum.float_data.extend(array.ravel())
    return datum


def write_raw(planes: NDArray[np.uint8], label: int, labels: Sequence[float] = ()) -> bytes:
    """`array_to_datum(planes, label).SerializeToString()` with a single copy of the pixels.

    With several labels they are stored in place of the one.
    """
    channels, height, width = planes.shape
    head = Datum(channels=channels, height=height, width=width).SerializeToString()
    one = None if len(labels) else label
    tail = Datum(label=one, encoded=False, labels=labels).SerializeToString()
    pixels = np.ascontiguousarray(planes).data
    return b"".join((head, bytes([_DATA]), packed.write_varint(pixels.nbytes), pixels, tail))


def encoded_datum(data: bytes, label: int = 0, labels: Sequence[float] = ()) -> Datum:
    """A Datum that holds a picture file; its channels, height and width stay unset.

    With several labels they are stored in place of the one.
    """
    one = None if len(labels) else label
    return Datum(data=data, label=one, encoded=True, labels=labels)


def blob_to_array(blob: BlobProto) -> NDArray[np.float32]:
    """The values of a BlobProto in float32, in the shape of its old or new form.

    Raises DataError when the number of values is not that of the shape.
    """
    shape = blob_shape(blob)
    values = packed.values(blob)
    if values.size != np.prod(shape, dtype=np.int64):
        raise DataError(
            f"a blob of shape {' x '.join(map(str, shape)) or '()'} holds {values.size} values",
            remedy="the file is damaged: make it again",
        )
    return values.reshape(shape)


def blob_shape(blob: BlobProto) -> tuple[int, ...]:
    """The shape of a BlobProto: `shape`, or num, channels, height and width of old files."""
    if any(map(blob.HasField, ("num", "channels", "height", "width"))):
        return (blob.num, blob.channels, blob.height, blob.width)
    return tuple(blob.shape.dim)


def array_to_blob(
    array: NDArray[np.floating],
    shape: Sequence[int] | None = None,
    diff: NDArray[np.float32] | None = None,
) -> BlobProto:
    """A BlobProto with the new form of shape, `shape` or the array's own; `diff` goes beside."""
    blob = packed.blob(np.asarray(array, np.float32), diff, shaped=False)
    blob.shape.dim.extend(array.shape if shape is None else shape)
    blob.shape.SetInParent()
    return blob


def array_to_legacy_blob(array: NDArray[np.floating]) -> BlobProto:
    """A BlobProto with num, channels, height and width, as compute_image_mean writes.

    The array has up to four axes; missing outer ones are 1.
    """
    num, channels, height, width = (1,) * (4 - array.ndim) + array.shape
    blob = packed.blob(np.asarray(array, np.float32), shaped=False)
    blob.num, blob.channels, blob.height, blob.width = num, channels, height, width
    return blob
