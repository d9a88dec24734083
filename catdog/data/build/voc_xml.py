"""Boxes of a picture from an XML file in the form of Pascal VOC."""

import math

# a document with entities is refused
import xml.parsers.expat  # nosec B407
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from catdog.data.images import Unreadable, read_file
from catdog.proto.caffe_pb2 import AnnotationGroup, NormalizedBBox


@dataclass(frozen=True)
class Described:
    """What a file says: width and height of the picture, 0 where it does not, and its objects."""

    width: int = 0
    height: int = 0
    objects: tuple["VocObject", ...] = ()


@dataclass(frozen=True)
class VocObject:
    """A name, the corners xmin, ymin, xmax, ymax in pixels, and whether it is difficult."""

    name: str
    corners: tuple[float, float, float, float]
    difficult: bool = False

    def reaches_beyond(self, width: int, height: int) -> bool:
        """Whether it is not within a picture of this size."""
        xmin, ymin, xmax, ymax = self.corners
        return xmin < 0 or ymin < 0 or xmax > width or ymax > height


@dataclass
class _Reading:
    """The texts of the elements that count, by their path."""

    path: list[str] = field(default_factory=list)
    text: str = ""
    size: dict[str, str] = field(default_factory=dict)
    objects: list[dict[str, str]] = field(default_factory=list)

    def start(self, name: str, _: object) -> None:
        self.path.append(name)
        self.text = ""
        if self.path[1:] == ["object"]:
            self.objects.append({})

    def end(self, _: str) -> None:
        inside, value = self.path[1:], self.text.strip()
        if inside[:1] == ["size"] and len(inside) > 1:
            self.size[inside[-1]] = value
        elif inside[:1] == ["object"] and inside[1:] in _OF_OBJECT:
            # a part of an object has a name and a box of its own, deeper in
            self.objects[-1].setdefault(inside[-1], value)
        self.path.pop()
        self.text = ""

    def add(self, text: str) -> None:
        self.text += text


_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_OF_OBJECT = [["name"], ["difficult"], *(["bndbox", corner] for corner in _CORNERS)]


def read_voc(data: bytes, where: str) -> Described:
    """The objects of an XML file; Unreadable for anything else, and for one with entities."""
    reading, parser = _Reading(), xml.parsers.expat.ParserCreate()

    def refuse(*_: object) -> NoReturn:
        raise Unreadable("has a DOCTYPE, which no annotation needs", where=where)

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler = reading.start, reading.end
    parser.CharacterDataHandler = reading.add
    try:
        parser.Parse(data, True)
        objects = tuple(_object(each) for each in reading.objects)
        width, height = (int(reading.size.get(side) or 0) for side in ("width", "height"))
    except xml.parsers.expat.ExpatError as error:
        raise Unreadable(f"is no XML ({error})", where=where) from None
    except (LookupError, ValueError) as error:  # LookupError: an encoding that nobody knows
        raise Unreadable(
            f"has an object or a size that cannot be read: {error}", where=where
        ) from None
    return Described(width, height, objects)


def _object(texts: dict[str, str]) -> VocObject:
    xmin, ymin, xmax, ymax = (float(texts[corner]) for corner in _CORNERS)
    if not all(map(math.isfinite, (xmin, ymin, xmax, ymax))):
        raise ValueError(f'a corner of "{texts["name"]}" is no number')
    if not (xmin < xmax and ymin < ymax):
        raise ValueError(f'the box of "{texts["name"]}" has no area')
    difficult = texts.get("difficult", "0") not in ("0", "")
    return VocObject(texts["name"], (xmin, ymin, xmax, ymax), difficult)


def groups(
    described: Described, size: tuple[int, int], labels: dict[str, int]
) -> list[AnnotationGroup]:
    """The objects of a picture of height x width `size`, by label, corners divided by its size.

    They are counted in each label, as SSD's convert_annoset does. Raises KeyError for a name that
    is not among the labels.
    """
    height, width = size
    found: dict[int, AnnotationGroup] = {}
    counts: Counter[int] = Counter()
    for each in described.objects:
        label = labels[each.name]
        xmin, ymin, xmax, ymax = each.corners
        box = NormalizedBBox(
            xmin=xmin / width,
            ymin=ymin / height,
            xmax=xmax / width,
            ymax=ymax / height,
            difficult=each.difficult,
        )
        group = found.setdefault(label, AnnotationGroup(group_label=label))
        group.annotation.add(instance_id=counts[label], bbox=box)
        counts[label] += 1
    return list(found.values())


def read_voc_file(path: Path) -> Described:
    """As `read_voc`, of a file."""
    return read_voc(read_file(path), str(path))
