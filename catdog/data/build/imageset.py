"""A list file to one LMDB, as Caffe's convert_imageset makes it."""

import random
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import cv2

from catdog.data.build.builder import Record, write_batches
from catdog.data.build.list_file import read_numbered
from catdog.data.build.listing import Photo, Skipped
from catdog.data.datum import array_to_datum, encoded_datum
from catdog.data.images import Pixels, Unreadable, decode, planes, read_file, resize
from catdog.data.lmdb_store import key
from catdog.errors import DataError
from catdog.proto.caffe_pb2 import DatasetParameter
from catdog.runtime.columns import Picked
from catdog.runtime.files import new_folder
from catdog.runtime.parallel import in_order
from catdog.runtime.wording import counted

# fewer changes of the label than this share of those in a random order are runs
_FEW = 0.2
# in shorter lists that may be chance
_LEAST = 20


class PictureFormat(NamedTuple):
    """How pictures are stored; without width and height they keep their size.

    `encoded` keeps picture files instead of pixels, of the type `encode_type` (`jpg`, `png`), or
    of each file's own.
    """

    gray: bool = False
    width: int = 0
    height: int = 0
    encoded: bool = False
    encode_type: str = ""


class _Stored(NamedTuple):
    photo: Photo
    value: bytes = b""
    shape: tuple[int, ...] = ()
    reason: str = ""


@dataclass
class Converted:
    """How many pictures were stored, and which files were not, with the reason."""

    count: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    #: Whether the labels come in runs, as a training should not see them.
    in_runs: bool = False


def convert(
    root: str | Path,
    list_file: str | Path,
    target: str | Path,
    wanted: PictureFormat,
    *,
    seed: int | None = None,
    check_size: bool = False,
) -> Converted:
    """Store the pictures of a list file in a new LMDB, shuffled if there is a seed.

    The paths of the list are below `root`. Resizing is bilinear. Raises DataError when the target
    exists, when nothing can be read, and with `check_size` when a picture has another size.
    """
    result = Converted()
    with new_folder(target) as folder:
        photos: Sequence[Photo] = read_numbered(list_file, root)
        if seed is not None:
            order = array("I", range(len(photos)))
            random.Random(seed).shuffle(order)
            photos = Picked(photos, order)
        result.in_runs = in_runs([photo.label for photo in photos])
        _write(photos, folder, wanted, check_size, result)
    return result


def in_runs(labels: Sequence[int]) -> bool:
    """Whether labels change much less often from one to the next than in a random order."""
    count = len(labels)
    same = sum((number / count) ** 2 for number in Counter(labels).values())
    changes = sum(one != other for one, other in pairwise(labels))
    return changes < _FEW * (1 - same) * (count - 1) and count >= _LEAST


def _write(
    photos: Sequence[Photo],
    folder: Path,
    wanted: PictureFormat,
    check_size: bool,
    result: Converted,
) -> None:
    with closing(in_order(lambda photo: _store(photo, wanted), photos)) as stored:
        write_batches({"": folder}, _entries(stored, check_size, result))
    if not result.count:
        first = result.skipped[0]
        what = f"none of {counted(len(photos), 'file')} can be read (the first: {first.reason})"
        raise DataError(what, where=first.name)


def _entries(results: Iterable[_Stored], check_size: bool, result: Converted) -> Iterator[Record]:
    expected: tuple[int, ...] = ()
    for number, stored in enumerate(results):
        name = stored.photo.name
        if stored.reason:
            result.skipped.append(Skipped(name, stored.reason))
            continue
        expected = expected or stored.shape
        if check_size and stored.shape != expected:
            raise DataError(
                f"{_size(stored.shape)} where the ones before are {_size(expected)}",
                where=name,
                remedy="give --resize_width and --resize_height, or leave --check_size out",
            )
        result.count += 1
        yield Record("", key(number, name), stored.value)


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _store(photo: Photo, wanted: PictureFormat) -> _Stored:
    try:
        data = read_file(photo.path)
        picture = decode(data, gray=wanted.gray).pixels
        resized = bool(wanted.width and wanted.height)
        if resized:
            picture = resize(picture, wanted.width, wanted.height, DatasetParameter.LINEAR)
        if not wanted.encoded:
            datum = array_to_datum(planes(picture), photo.label)
        else:
            own = photo.path.suffix[1:].lower()
            encoding = wanted.encode_type.lower().lstrip(".") or own
            as_it_is = not resized and _same_type(own, encoding)
            datum = encoded_datum(data if as_it_is else _encode(picture, encoding), photo.label)
    except Unreadable as error:
        return _Stored(photo, reason=error.what)
    return _Stored(photo, datum.SerializeToString(), picture.shape)


def _same_type(one: str, other: str) -> bool:
    return one == other or {one, other} == {"jpg", "jpeg"}


def _encode(picture: Pixels, encoding: str) -> bytes:
    try:
        done, data = cv2.imencode(f".{encoding}", picture)
    except cv2.error:
        done = False
    if not done:
        raise DataError(f'no pictures of type "{encoding}"', remedy="--encode_type jpg or png")
    return data.tobytes()
