"""`readNetFromCaffe` and `readNet`: files or buffers to a net."""

import os
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np

from catdog.errors import CatdogError
from catdog.net.batch_statistics import batch_remarks
from catdog.opencv.failure import NetError, as_net_error
from catdog.opencv.model import CaffeModel
from catdog.opencv.net import Net
from catdog.proto.caffe_pb2 import NetParameter
from catdog.spec import Spec, read_net
from catdog.spec.read import net_of_text
from catdog.weights import Weights, read_weights

#: Endings by which `readNet` knows what a file of Caffe's is.
_TEXT, _BINARY = ".prototxt", ".caffemodel"
_BUFFER = Path("buffer.prototxt")
_WEIGHTS = "the buffer of the weights"
# OpenCV 5's own, which `install` puts another in the place of
_NATIVE = cv2.dnn.readNet


def readNetFromCaffe(
    prototxt: Any = None,
    caffeModel: Any = None,
    *,
    bufferProto: Any = None,
    bufferModel: Any = None,
) -> Net:
    """A net from the path of a .prototxt, or its content, and of a .caffemodel, or its content.

    Contents are bytes or arrays of uint8. Without weights, layers that have some need their
    blobs set. Warns of a BatchNorm that normalises by the batch. Raises NetError, which is a
    CatdogError and a cv2.error.
    """
    text = prototxt if bufferProto is None else bufferProto
    model = caffeModel if bufferModel is None else bufferModel
    if text is None:
        raise NetError("no net", remedy="readNetFromCaffe(PROTOTXT, CAFFEMODEL)")
    with as_net_error():
        found = CaffeModel(_spec(text), _weights(model))
    for line in batch_remarks(found.message):
        warnings.warn(line, stacklevel=2)
    return Net(found)


def readNet(*arguments: Any, **named: Any) -> Any:
    """A net from two files in whatever order, known by their endings, or of a named framework.

    `readNet(model, config="", framework="")` and `readNet(framework, bufferModel, bufferConfig)`
    as in OpenCV 4. What is not Caffe's goes on to cv2.dnn.readNet.
    """
    given = [*arguments, *(named.get(name) for name in ("model", "config", "framework"))]
    buffers = [named.get(name) for name in ("bufferModel", "bufferConfig")]
    if len(arguments) > 1 and not _is_path(arguments[1]):
        buffers = [*arguments[1:], None][:2]
    if any(buffer is not None for buffer in buffers):
        if str(given[0] or named.get("framework", "")).lower() != "caffe":
            return _NATIVE(*arguments, **named)
        return readNetFromCaffe(buffers[1], buffers[0])
    files = _files(arguments, named)
    if files is None:
        return _NATIVE(*arguments, **named)
    return readNetFromCaffe(*files)


def _files(arguments: Sequence[Any], named: dict[str, Any]) -> tuple[str, str | None] | None:
    """The text and the weights that `readNet` was given; None for a net of another framework."""
    model, config, framework = (
        os.fspath(arguments[at] if at < len(arguments) else named.get(name) or "")
        for at, name in enumerate(("model", "config", "framework"))
    )
    endings = {Path(model).suffix, Path(config).suffix}
    if framework.lower() != "caffe" and (framework or endings.isdisjoint({_TEXT, _BINARY})):
        return None
    if Path(model).suffix == _TEXT or Path(config).suffix == _BINARY:
        model, config = config, model
    if not config:
        raise NetError(
            "the text of the net is missing", where=model, remedy="readNet(CAFFEMODEL, PROTOTXT)"
        )
    return config, model or None


def _is_path(value: Any) -> bool:
    return isinstance(value, str | os.PathLike)


def _spec(text: Any) -> Spec[NetParameter]:
    if _is_path(text):
        return read_net(os.fspath(text))
    try:
        return net_of_text(_bytes(text).decode("utf-8-sig"), _BUFFER)
    except UnicodeDecodeError:
        raise NetError("is not text", where="the buffer of the net") from None


def _weights(model: Any) -> Weights | None:
    # OpenCV's default is an empty name
    if model is None or not len(os.fspath(model) if _is_path(model) else model):
        return None
    if _is_path(model):
        return read_weights(os.fspath(model))
    with TemporaryDirectory(prefix="catdog-opencv-") as folder:
        path = Path(folder) / "buffer.caffemodel"
        path.write_bytes(_bytes(model))
        try:
            return replace(read_weights(path), source=_WEIGHTS)
        except CatdogError as error:
            # nobody knows the file that was made for it
            error.where = error.where.replace(str(path), _WEIGHTS)
            raise


def _bytes(buffer: Any) -> bytes:
    if isinstance(buffer, bytes | bytearray | memoryview):
        return bytes(buffer)
    array = np.asarray(buffer)
    if array.dtype != np.uint8:
        raise NetError(f"a buffer is bytes or an array of uint8, not of {array.dtype}")
    return array.tobytes()
