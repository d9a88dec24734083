"""ImageData: picture files named in a list (caffe/layers/image_data_layer.cpp)."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from catdog.data.datum import Example
from catdog.data.imdecode import TooLarge, imdecode
from catdog.data.sources.base import Context, Source, read_text
from catdog.data.sources.listed import ListedPictures
from catdog.data.transform import Picture
from catdog.errors import DataError
from catdog.proto.caffe_pb2 import ImageDataParameter, LayerParameter
from catdog.runtime.files import read_regular


class _Line(NamedTuple):
    name: str
    label: int
    labels: NDArray[np.float32] | None = None


class ImageData(ListedPictures):
    """The pictures of a list file, `path label` in each line; image_data_param has the fields.

    root_folder stands before every path; with num_labels above 1 each line ends in so many. A file
    that cannot be read or decoded is a DataError.
    """

    messages = ("image_data_param", "transform_param")
    least_tops = 2
    param: ImageDataParameter

    def __init__(self, layer: LayerParameter, context: Context | None = None) -> None:
        super().__init__(layer, context)
        self._check_color()
        if not self.param.num_labels:
            raise self.error("needs at least one label on a line", field="num_labels")
        path = self.context.locate(self.param.source)
        self._lines = list(_read_list(path, self.param.num_labels))
        self.shuffle = self.param.shuffle
        self.skip(self.param.rand_skip)

    @property
    def size(self) -> int:
        return len(self._lines)

    def label_counts(self, _top: str) -> Mapping[int, int] | None:
        one_each = self.param.num_labels == 1
        return Counter(line.label for line in self._lines) if one_each else None

    def all_labels(self, _top: str) -> NDArray[np.float32] | None:
        found = (line.label if line.labels is None else line.labels for line in self._lines)
        return np.array(list(found), np.float32)

    def where(self, index: int) -> str:
        return str(self.path_of(self._lines[index].name))

    def examples(self, indices: Sequence[int]) -> Sequence[Example]:
        load = self.pool().map if len(indices) > 1 else map
        pictures = load(self._load, indices)
        return [
            Example(picture, self._lines[index].label, self._lines[index].labels)
            for index, picture in zip(indices, pictures, strict=True)
        ]

    def _load(self, index: int) -> Picture:
        path = self.path_of(self._lines[index].name)
        picture = self.resized(read_picture(path, color=self.param.is_color))
        return picture[None] if picture.ndim == 2 else picture.transpose(2, 0, 1)

    def _check_color(self) -> None:
        transform = self.transform.param
        if transform.force_gray or (transform.force_color and not self.param.is_color):
            raise self.error(
                "takes force_color and force_gray for a Data layer only",
                field="force_gray" if transform.force_gray else "force_color",
                remedy="set is_color in image_data_param",
            )


def read_picture(path: Path, *, color: bool) -> Picture:
    """The pixels of a file, uint8: height x width x BGR, or height x width in grey.

    Raises DataError when it cannot be read or decoded.
    """
    return decode_picture(read_bytes(path), path, color=color)


def read_bytes(path: Path) -> bytes:
    """The bytes of a picture file; DataError when it cannot be read."""
    try:
        return read_regular(path)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in its name
        raise DataError(
            f"cannot be read ({getattr(error, 'strerror', error)})",
            where=str(path),
            remedy="check the list file and root_folder",
        ) from None


def decode_picture(content: bytes, path: Path, *, color: bool) -> Picture:
    """As `read_picture`, from the bytes of the file."""
    flag = cv2.IMREAD_COLOR if color else cv2.IMREAD_GRAYSCALE
    try:
        picture = imdecode(content, flag)
    except TooLarge as error:
        error.where = str(path)
        raise
    if picture is None:
        raise DataError(
            "cannot be decoded", where=str(path), remedy="take it out of the list or replace it"
        )
    return cast(Picture, picture)


def _read_list(path: Path, count: int) -> Iterator[_Line]:
    text = read_text(path, "list file")
    if not text.strip():
        raise DataError("names no pictures", where=str(path), remedy="write `path label` lines")
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        name, *labels = line.rstrip().rsplit(None, count)
        try:
            yield _one(name, *labels) if count == 1 else _several(name, labels, count)
        except (ValueError, TypeError):
            many = f"{count} labels, all numbers" if count > 1 else "a label"
            wanted = f"`path {'label ' * count}`".replace(" `", "`")
            raise DataError(
                f'"{line.strip()}" does not end in {many}',
                where=f"{path}:{number}",
                remedy=f"write {wanted}" + ", the label a whole number of 32 bits" * (count == 1),
            ) from None


def _one(name: str, label: str) -> _Line:
    number = int(label)
    if not -(2**31) <= number < 2**31:
        raise ValueError(label)
    return _Line(name, number)


def _several(name: str, labels: Sequence[str], count: int) -> _Line:
    with np.errstate(over="ignore"):
        numbers = np.array([float(label) for label in labels], np.float32)
    if len(numbers) != count or not np.isfinite(numbers).all():
        raise ValueError(name)
    return _Line(name, 0, numbers)


TABLE: dict[str, type[Source]] = {"ImageData": ImageData}
