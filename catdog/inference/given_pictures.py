"""Photos as a Python program has them: paths, bytes, arrays, Pillow's pictures, open files.

Each becomes what the photos of a folder are, a file that can be read, so that there is one way to
prepare them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import IO, Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from catdog.data.images import Readable
from catdog.errors import DataError

#: What one photo may be given as.
GivenPicture = str | PathLike[str] | bytes | bytearray | NDArray[np.uint8] | Image.Image | IO[bytes]

_KINDS = "a path, bytes, an array, a Pillow picture or an open file"
_ARRAY = "give height x width x 3, RGB, or height x width, grey, in uint8"
# of what stays within this process, speed counts and not size
_FAST = (cv2.IMWRITE_PNG_COMPRESSION, 0)


def is_one(given: object) -> bool:
    """Whether this is one picture, and not several; what is neither counts as one."""
    if isinstance(given, np.ndarray):
        return given.ndim < 4
    single = (str, PathLike, bytes, bytearray, Image.Image)
    return isinstance(given, single) or hasattr(given, "read") or not isinstance(given, Iterable)


def readable(given: object, place: int = 0) -> Readable:
    """One picture as a file that can be read; `place` is its place among others, for messages.

    An array is RGB, as Pillow, torchvision and matplotlib have it (OpenCV's is BGR: turn it round,
    `picture[..., ::-1]`). Raises DataError for what can be no picture: it is a mistake of the
    program, and no photo that is damaged.
    """
    if isinstance(given, bytes | bytearray):
        return StoredPicture(bytes(given), f"bytes {place}")
    if isinstance(given, np.ndarray):
        return _Drawn(_checked(given, f"array {place}"), f"array {place}")
    if isinstance(given, Image.Image):
        return _Opened(given, f"picture {place}")
    if isinstance(given, str | PathLike):
        path = Path(given)
        if path.is_dir():
            raise DataError("is a folder", where=str(path), remedy="give a list of its photos")
        return path
    if hasattr(given, "read"):
        return _Stream(given, str(getattr(given, "name", f"file {place}")))
    what = f"is {type(given).__name__}, and no picture"
    raise DataError(what, where=f"photo {place}", remedy=f"give {_KINDS}")


def readables(given: Iterable[object]) -> Sequence[Readable]:
    """Several pictures, in their order; as `readable`."""
    return [readable(each, place) for place, each in enumerate(given)]


@dataclass(frozen=True)
class StoredPicture:
    """The bytes of a picture file, and what it is called in messages."""

    content: bytes
    name: str

    def read_bytes(self) -> bytes:
        """All of it."""
        return self.content

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class _Drawn:
    """Pixels, RGB or grey, as a file that loses nothing of them."""

    pixels: NDArray[np.generic]
    name: str

    def read_bytes(self) -> bytes:
        return _png(self.pixels)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class _Opened:
    """A picture of Pillow's, which may still have to be read, turned as its EXIF data say."""

    picture: Image.Image
    name: str

    def read_bytes(self) -> bytes:
        try:
            upright = ImageOps.exif_transpose(self.picture)
            kept = upright.mode in ("L", "RGB") or upright.mode.startswith("I;16")
            return _png(np.asarray(upright if kept else upright.convert("RGB")))
        except (OSError, ValueError, SyntaxError) as error:  # as Pillow's readers raise
            raise OSError(0, f"cannot be read ({error})") from error

    def __str__(self) -> str:
        return str(getattr(self.picture, "filename", "") or self.name)


@dataclass(frozen=True)
class _Stream:
    """A file that is open, from where it stands."""

    file: Any
    name: str

    def read_bytes(self) -> bytes:
        content = self.file.read()
        if isinstance(content, str):
            raise OSError(0, 'is open as text; open it with "rb"')
        return bytes(content)

    def __str__(self) -> str:
        return self.name


def _checked(array: NDArray[Any], name: str) -> NDArray[np.generic]:
    shape = " x ".join(map(str, array.shape))
    is_picture = array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)
    if array.dtype != np.uint8 or not is_picture or not array.size:
        what = f"has {shape} of {array.dtype}, which is no picture"
        raise DataError(what, where=name, remedy=_ARRAY)
    return array


def _png(pixels: NDArray[Any]) -> bytes:
    """A file of these pixels, RGB or grey."""
    bgr = pixels[..., ::-1] if pixels.ndim == 3 else pixels
    done, content = cv2.imencode(".png", np.ascontiguousarray(bgr), _FAST)
    if not done:
        raise OSError(0, "cannot be read")
    return content.tobytes()
