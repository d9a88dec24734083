"""Rows of DetectionOutput in the order and the number that OpenCV gives them."""

from collections.abc import Callable

import torch
from torch import Tensor

from catdog.layers.base import Layer


def rows_as_opencv(layer: Layer) -> Callable[..., Tensor]:
    """DetectionOutput whose rows [image, label, score, ...] stand by falling score.

    Caffe's forks give them by image, label and score. As in OpenCV there are keep_top_k rows for
    each image, where the layer has such a number, the last ones zeros; so are all where nothing
    is found.
    """
    most = layer.param.detection_output_param.keep_top_k

    def ordered(*bottoms: Tensor) -> Tensor:
        rows: Tensor = layer(*bottoms).flatten(0, -2)
        rows = rows[rows[:, 1] >= 0]
        rows = rows[torch.sort(rows[:, 2], descending=True, stable=True).indices]
        rows = rows[torch.sort(rows[:, 0], stable=True).indices]
        count = max(most * len(bottoms[0]), len(rows), 1)
        filled = rows.new_zeros((1, 1, count, rows.shape[1]))
        filled[0, 0, : len(rows)] = rows
        return filled

    return ordered
