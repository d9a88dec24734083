"""What `getLayer` gives."""

from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np

from catdog.opencv.failure import NetError
from catdog.opencv.graph import INPUT, GraphLayer
from catdog.opencv.model import Array, CaffeModel, shown


class NetLayer:
    """A layer of a net: `name`, `type` and `blobs`, its parameters, which can be set.

    Args:
        model: the net.
        which: the layer; None for the layer 0, whose outputs are the inputs.
        changed: what is to be done when parameters were set.
    """

    def __init__(
        self, model: CaffeModel, which: GraphLayer | None, changed: Callable[[], object]
    ) -> None:
        self._model, self._which, self._changed = model, which, changed
        self.name = which.name if which else INPUT
        self.type = which.type if which else ""
        self.preferableTarget = cv2.dnn.DNN_TARGET_CPU

    @property
    def blobs(self) -> tuple[Array, ...]:
        """Copies of the parameters, none where nobody has given them."""
        if self._which is None or self.name in self._model.without_weights:
            return ()
        layer = self._model.layer(self._which)
        return tuple(shown(layer, index) for index in range(len(layer.blobs)))

    @blobs.setter
    def blobs(self, arrays: Sequence[Any]) -> None:
        if self._which is None:
            raise NetError("has no parameters", where=f'layer "{self.name}"')
        given = [np.asarray(array, np.float32) for array in arrays]
        self._model.set_blobs(self._which, given)
        self._changed()

    def outputNameToIndex(self, outputName: str) -> int:
        """0 for the layer's own name, -1 for others."""
        return 0 if outputName == self.name else -1

    def empty(self) -> bool:
        """False: OpenCV's Algorithm."""
        return False

    def getDefaultName(self) -> str:
        """OpenCV's word for an algorithm without a name."""
        return "my_object"
