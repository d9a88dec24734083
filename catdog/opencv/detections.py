"""Rows of DetectionOutput in the order and the number that OpenCV gives them."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from catdog.layers.base import Layer
from catdog.layers.forks.detection import ROW


class OrderedRows:
    """DetectionOutput whose rows [image, label, score, ...] stand by falling score.

    Caffe's forks give them by image, label and score. As in OpenCV there are keep_top_k rows for
    each image, where the layer has such a number, the last ones zeros; so are all where nothing
    is found.
    """

    def __init__(self, layer: Layer) -> None:
        self._layer = layer
        self.most = layer.param.detection_output_param.keep_top_k

    def __call__(self, *bottoms: Tensor) -> Tensor:
        """The rows, 1 x 1 x number x 7."""
        rows = self._layer(*bottoms).numpy().reshape(-1, ROW)
        # an image without finds has one row of label -1
        rows = rows[rows[:, 1] >= 0]
        return torch.from_numpy(ordered(rows, len(bottoms[0]), self.most))


def ordered(rows: NDArray[np.float32], images: int, most: int) -> NDArray[np.float32]:
    """Rows by image and falling score, and zeros up to `most` of them for each image.

    Args:
        rows: number x 7, of which equal ones keep their order.

    Returns: 1 x 1 x number x 7.
    """
    order = (-rows[:, 2]).argsort(kind="stable")
    if images > 1:
        order = order[rows[order, 0].argsort(kind="stable")]
    number = max(most * images, len(rows), 1)
    if number == len(rows):
        return rows[order].reshape(1, 1, number, ROW)
    filled = np.zeros((1, 1, number, ROW), np.float32)
    filled[0, 0, : len(rows)] = rows[order]
    return filled
