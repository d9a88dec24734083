"""caffe.io: pictures, preprocessing, and messages to arrays and back."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO
from urllib.request import urlopen

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from catdog.data.imdecode import imdecode
from catdog.errors import DataError
from catdog.proto import caffe_pb2
from catdog.proto.caffe_pb2 import BlobProto, BlobProtoVector, Datum
from catdog.pycaffe.resize import resize, resize_image
from catdog.pycaffe.transformer import Transformer
from catdog.runtime.optional import optional

__all__ = [
    "Transformer",
    "array_to_blobproto",
    "array_to_datum",
    "arraylist_to_blobprotovecor_str",
    "arraylist_to_blobprotovector_str",
    "blobproto_to_array",
    "blobprotovector_str_to_arraylist",
    "caffe_pb2",
    "datum_to_array",
    "load_image",
    "oversample",
    "resize",
    "resize_image",
]

Floats = NDArray[np.floating[Any]]

#: What is fetched instead of opened, and for how many seconds an answer is waited for.
_ADDRESS = re.compile("(https?|ftp|file)://", re.IGNORECASE)
_PATIENCE = 60

#: Weights of red, green and blue in grey, those of scikit-image.
_GREY = np.array([0.2125, 0.7154, 0.0721], np.float32)


def blobproto_to_array(blob: BlobProto, return_diff: bool = False) -> NDArray[np.float64]:
    """The data of a BlobProto, or its diff, in its shape.

    Raises ValueError when the shape does not hold them.
    """
    values = np.array(blob.diff if return_diff else blob.data)
    if any(map(blob.HasField, ("num", "channels", "height", "width"))):
        return values.reshape(blob.num, blob.channels, blob.height, blob.width)
    return values.reshape(tuple(blob.shape.dim))


def array_to_blobproto(arr: NDArray[Any], diff: NDArray[Any] | None = None) -> BlobProto:
    """A BlobProto with an array and its diff."""
    blob = BlobProto(data=arr.astype(float).flat)
    blob.shape.dim.extend(arr.shape)
    if diff is not None:
        blob.diff.extend(diff.astype(float).flat)
    return blob


def arraylist_to_blobprotovector_str(arraylist: Sequence[NDArray[Any]]) -> bytes:
    """Arrays as a serialised BlobProtoVector."""
    return BlobProtoVector(blobs=map(array_to_blobproto, arraylist)).SerializeToString()


# Caffe's spelling
arraylist_to_blobprotovecor_str = arraylist_to_blobprotovector_str


def blobprotovector_str_to_arraylist(string: bytes) -> list[NDArray[np.float64]]:
    """The arrays of a serialised BlobProtoVector."""
    return [blobproto_to_array(blob) for blob in BlobProtoVector.FromString(string).blobs]


def array_to_datum(arr: NDArray[Any], label: int | None = None) -> Datum:
    """A Datum of channels x height x width: bytes for uint8, else floats.

    Raises ValueError for an array of another number of axes.
    """
    if arr.ndim != 3:
        raise ValueError(f"a Datum has three axes, the array has {arr.ndim}")
    datum = Datum(channels=arr.shape[0], height=arr.shape[1], width=arr.shape[2], label=label)
    if arr.dtype == np.uint8:
        datum.data = arr.tobytes()
    else:
        datum.float_data.extend(arr.astype(float).flat)
    return datum


def datum_to_array(datum: Datum) -> NDArray[Any]:
    """Channels x height x width of a Datum: uint8, or float64 for floats."""
    shape = (datum.channels, datum.height, datum.width)
    if datum.data:
        return np.frombuffer(datum.data, np.uint8).reshape(shape).copy()
    return np.array(datum.float_data, float).reshape(shape)


def load_image(
    filename: str | os.PathLike[str] | BinaryIO, color: bool = True
) -> NDArray[np.float32]:
    """A picture as height x width x 3 (RGB) from 0 to 1, or x 1 (grey) where color is false.

    It comes from a file, an address (http, https, ftp, file) or something with a `read` that gives
    its bytes. Transparency is left out; EXIF orientation is not looked at. Raises OSError for what
    cannot be read, DataError for what is no picture.
    """
    picture = imdecode(_content(filename), cv2.IMREAD_UNCHANGED)
    if picture is None:
        name = getattr(filename, "name", filename)
        where = str(name) if isinstance(name, (str, os.PathLike)) else type(filename).__name__
        raise DataError("is no picture, or a damaged one", where=where)
    largest = {np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535}.get(picture.dtype, 1)
    image = picture.astype(np.float32) / np.float32(largest)
    if image.ndim == 2:
        image = image[:, :, None]
    rgb = image[:, :, 2::-1]
    if color:
        return np.ascontiguousarray(np.broadcast_to(rgb, (*image.shape[:2], 3)))
    return np.ascontiguousarray(rgb if rgb.shape[2] == 1 else (rgb @ _GREY)[:, :, None])


def _content(filename: str | os.PathLike[str] | BinaryIO) -> bytes:
    if not isinstance(filename, (str, os.PathLike)):
        return filename.read()
    if isinstance(filename, str) and _ADDRESS.match(filename):
        # the script names the address, which may be a file's, and is trusted
        with urlopen(filename, timeout=_PATIENCE) as answer:  # nosec B310
            content: bytes = answer.read()
        return content
    return Path(filename).read_bytes()


def __getattr__(name: str) -> Any:
    # Caffe's module had imported it, and scripts take it from there
    if name == "skimage":
        return optional(name, "caffe.io.skimage is scikit-image", "pip install scikit-image")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def oversample(images: Sequence[Floats], crop_dims: ArrayLike) -> NDArray[np.float32]:
    """Ten crops of each picture: four corners, the middle, and these mirrored.

    Pictures are H x W x C of one size; crops come in their order, 10N x height x width x C.
    """
    height, width = (int(extent) for extent in np.asarray(crop_dims))
    rows, columns = images[0].shape[0] - height, images[0].shape[1] - width
    corners = [(top, left) for top in (0, rows) for left in (0, columns)]
    corners.append((rows // 2, columns // 2))
    crops = []
    for image in images:
        five = [image[top : top + height, left : left + width] for top, left in corners]
        crops += [*five, *(crop[:, ::-1] for crop in five)]
    return np.asarray(crops, np.float32)
