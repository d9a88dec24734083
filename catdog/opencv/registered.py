"""Layers of a program's own in place of the net's: cv2.dnn_registerLayer."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from google.protobuf.message import Message
from torch import Tensor

from catdog.layers.base import Layer
from catdog.opencv.failure import NetError

#: The classes of a program by the type of layer that they compute, the last one counts: like
#: OpenCV's, the table is one for the process.
_CLASSES: dict[str, list[Any]] = {}


def registerLayer(type: str, layerClass: Any) -> None:  # noqa: A002
    """Have a class compute the layers of a type in nets that run from now on.

    As in OpenCV it is made of the layer's parameters, a dict, and its blobs, and has
    `getMemoryShapes(inputs)` and `forward(inputs)`, which gives a list of arrays.
    """
    _CLASSES.setdefault(type, []).append(layerClass)


def unregisterLayer(type: str) -> None:  # noqa: A002
    """Take the class that was registered last for a type back."""
    classes = _CLASSES.get(type)
    if not classes:
        raise NetError(f'no class is registered for layers of type "{type}"')
    classes.pop()


def registered(layer: Layer) -> "RegisteredCompute | None":
    """What computes a layer in place of its own type, where a class is registered."""
    classes = _CLASSES.get(layer.param.type)
    return RegisteredCompute(classes[-1], layer) if classes else None


class RegisteredCompute:
    """A layer by an object of a registered class."""

    def __init__(self, kind: Any, layer: Layer) -> None:
        self._name = layer.param.name
        blobs = [blob.detach().numpy() for blob in layer.blobs]
        self._instance = kind(_parameters(layer), blobs)

    def __call__(self, *bottoms: Tensor) -> tuple[Tensor, ...]:
        """The tops, of the shapes that the object has promised."""
        shapes: Sequence[Any] = self._instance.getMemoryShapes([list(x.shape) for x in bottoms])
        tops = self._instance.forward([x.contiguous().numpy() for x in bottoms])
        arrays = [np.array(top, np.float32, order="C") for top in tops]
        promised = [tuple(map(int, shape)) for shape in shapes]
        if [array.shape for array in arrays] != promised:
            made = [list(array.shape) for array in arrays]
            what = f"its class promised shapes {[list(s) for s in promised]} and made {made}"
            raise NetError(what, where=f'layer "{self._name}"')
        return tuple(torch.from_numpy(array) for array in arrays)


def _parameters(layer: Layer) -> dict[str, Any]:
    """The fields that are set in the layer's own message."""
    if not layer.messages:
        return {}
    message: Message = getattr(layer.param, layer.messages[0])
    return {
        field.name: list(value) if field.is_repeated else value
        for field, value in message.ListFields()
        if field.message_type is None
    }
