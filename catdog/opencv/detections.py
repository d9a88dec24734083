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
        rows: Tensor = self._layer(*bottoms)
        return torch.from_numpy(ordered(rows.numpy(), self.most * len(bottoms[0])))


def ordered(rows: NDArray[np.float32], least: int) -> NDArray[np.float32]:
    """Rows by image and falling score, and zeros up to `least` of them.

    What follows a row with image -1 does not count, nor do rows with label -1.
    """
    rows = rows.reshape(-1, ROW)
    ends = np.flatnonzero(rows[:, 0] < 0)
    if len(ends):
        rows = rows[: ends[0]]
    if len(rows) and rows[:, 1].min() < 0:
        rows = rows[rows[:, 1] >= 0]
    order = np.lexsort((-rows[:, 2], rows[:, 0]))
    filled = np.zeros((1, 1, max(least, len(rows), 1), ROW), np.float32)
    filled[0, 0, : len(rows)] = rows[order]
    return filled
