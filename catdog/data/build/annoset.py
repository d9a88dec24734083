"""A list of photos with boxes to an LMDB of AnnotatedDatums, as SSD's convert_annoset makes it."""

import random
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from catdog.data.build.builder import Record, write_batches
from catdog.data.build.listing import Skipped
from catdog.data.build.voc_xml import groups, read_voc_file
from catdog.data.images import Unreadable, decode, read_file
from catdog.data.imdecode import imdecode
from catdog.data.label_map import read_label_map
from catdog.data.lmdb_store import key
from catdog.errors import DataError
from catdog.proto.caffe_pb2 import AnnotatedDatum, Datum
from catdog.runtime.files import new_folder
from catdog.runtime.parallel import in_order
from catdog.runtime.text_file import read_text


class _Named(NamedTuple):
    photo: str
    annotation: str


class _Made(NamedTuple):
    photo: str
    value: bytes = b""
    boxes: int = 0
    reason: str = ""
    beyond: int = 0


@dataclass
class AnnotatedSet:
    """How many photos and boxes were stored, and which photos were not, with the reason.

    `beyond` are the photos of boxes that reach beyond them, which are stored as they are.
    """

    count: int = 0
    boxes: int = 0
    empty: int = 0
    beyond: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


def convert_annoset(
    list_file: str | Path,
    target: str | Path,
    label_map: str | Path,
    *,
    root: str | Path = "",
    seed: int | None = None,
) -> AnnotatedSet:
    """Store the photos of a list, `photo annotation.xml` in each line, in a new LMDB.

    Photos are stored as the files that they are, in the order of the list or, with a seed,
    shuffled. Paths are below `root`. Raises DataError when the target exists, for a class that the
    label map does not name, and when nothing can be read.
    """
    labels, result = read_label_map(Path(label_map)), AnnotatedSet()
    named = list(_read_list(Path(list_file)))
    if seed is not None:
        random.Random(seed).shuffle(named)

    def make(each: _Named) -> _Made:
        return _make(each, Path(root), labels, str(label_map))

    with new_folder(target) as folder:
        with closing(in_order(make, named)) as made:
            write_batches({"": folder}, _records(made, result))
        if not result.count:
            what = f"none of {len(named)} can be read (the first: {result.skipped[0].reason})"
            raise DataError(what, where=result.skipped[0].name)
    return result


def _read_list(path: Path) -> Iterator[_Named]:
    try:
        lines = read_text(path).splitlines()
    except (OSError, ValueError) as error:
        what = getattr(error, "strerror", None) or "is no text"
        raise DataError(what.lower(), where=str(path), remedy="name a list file") from None
    lines = [line.strip() for line in lines]
    for number, line in enumerate(lines, 1):
        words = line.rsplit(None, 1)
        if len(words) > 1:
            yield _Named(*words)
        elif line:
            raise DataError(
                f'"{line}" names one file',
                where=f"{path}:{number}",
                remedy="write `photo annotation.xml` on each line",
            )
    if not any(lines):
        raise DataError(
            "names no photos", where=str(path), remedy="write `photo annotation.xml` lines"
        )


def _make(each: _Named, root: Path, labels: dict[str, int], label_map: str) -> _Made:
    annotation = root / each.annotation
    try:
        data = read_file(root / each.photo)
        data, height, width = _stored(data)
        described = read_voc_file(annotation)
        said = (described.height or height, described.width or width)
        if said != (height, width):
            raise Unreadable(
                f"{each.annotation} is for a picture of {said[1]} x {said[0]}, "
                f"this one has {width} x {height}"
            )
        found = groups(described, (height, width), labels)
    except KeyError as error:
        raise DataError(
            f"has an object {error}, which {label_map} does not name",
            where=str(annotation),
            remedy="add it to the label map",
        ) from None
    except Unreadable as error:
        return _Made(
            each.photo, reason=f"{error.where}: {error.what}" if error.where else error.what
        )
    # the sizes stay unset, as of any encoded picture
    datum = Datum(data=data, label=-1, encoded=True)
    made = AnnotatedDatum(datum=datum, type=AnnotatedDatum.BBOX, annotation_group=found)
    beyond = sum(box.reaches_beyond(width, height) for box in described.objects)
    return _Made(each.photo, made.SerializeToString(), len(described.objects), beyond=beyond)


def _stored(data: bytes) -> tuple[bytes, int, int]:
    """The file as it is stored, height and width.

    One that is not of three channels of bytes becomes a PNG that is. One that is turned by its EXIF
    orientation is Unreadable: nobody knows which way its boxes are meant.
    """
    pixels = decode(data).pixels
    height, width = pixels.shape[:2]
    plain = imdecode(data, cv2.IMREAD_UNCHANGED)
    if plain is not None and plain.shape == pixels.shape and plain.dtype == np.uint8:
        if not np.array_equal(plain, pixels):
            raise Unreadable("its EXIF orientation turns it: store it upright")
        return data, height, width
    if plain is not None and plain.shape[:2] != (height, width):
        raise Unreadable("its EXIF orientation turns it: store it upright")
    return cv2.imencode(".png", pixels)[1].tobytes(), height, width


def _records(made: Iterable[_Made], result: AnnotatedSet) -> Iterator[Record]:
    for number, each in enumerate(made):
        if each.reason:
            result.skipped.append(Skipped(each.photo, each.reason))
            continue
        result.count += 1
        result.boxes += each.boxes
        result.empty += not each.boxes
        result.beyond += [each.photo] * bool(each.beyond)
        yield Record("", key(number, each.photo), each.value)
