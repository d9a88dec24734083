"""Heat maps, activations and kernels as pictures."""

from math import ceil, isqrt
from typing import cast

import cv2
import numpy as np

from catdog.analysis.explanation import Heat
from catdog.data.images import Pixels
from catdog.layers.vision import Convolution
from catdog.net.step import Node

#: The longer side of a picture, in pixels.
SIDE = 360
#: Channels of a layer, or kernels, that are shown.
MOST = 64
#: How much of the hottest place is colour.
_STRENGTH = 0.65
#: The place in the row of colours: beyond it the red gets dark.
_HOTTEST = 225
_GAP, _GAP_COLOR = 1, 255


def enlarged(picture: Pixels, *, smooth: bool = True) -> Pixels:
    """A picture with its longer side SIDE pixels long."""
    height, width = picture.shape[:2]
    factor = SIDE / max(height, width)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC if smooth else cv2.INTER_NEAREST
    return cast(Pixels, cv2.resize(picture, size, interpolation=way))


def overlay(picture: Pixels, heat: Heat) -> Pixels:
    """A picture in grey (BGR), with the places of a heat map in colour: the hottest red.

    What is below 0 counts as 0; a map of zeros colours nothing.
    """
    large = enlarged(picture)
    height, width = large.shape[:2]
    spread = cv2.resize(np.maximum(heat, 0), (width, height), interpolation=cv2.INTER_LINEAR)
    share = spread / max(float(spread.max()), float(np.finfo(np.float32).tiny))
    color = cv2.applyColorMap((_HOTTEST * share).astype(np.uint8), cv2.COLORMAP_TURBO)
    grey = cv2.cvtColor(cv2.cvtColor(large, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    weight = (_STRENGTH * np.sqrt(share))[..., None]
    return cast(Pixels, (grey * (1 - weight) + color * weight).astype(np.uint8))


def activation_tiles(activations: Heat) -> Pixels:
    """The channels that are most active, the most active first; each from black (least of all) to
    white."""
    order = np.argsort(-activations.mean((1, 2)), kind="stable")[:MOST]
    return _tiles(activations[order])


def kernel_tiles(kernels: Heat) -> Pixels:
    """The first kernels of `kernels_of`.

    Those over three channels are in colour (BGR), others show the channel with the largest
    weights.
    """
    shown = kernels[:MOST]
    if shown.shape[1] == 3:
        return _tiles(shown.transpose(0, 2, 3, 1))
    strongest = np.abs(shown).sum((2, 3)).argmax(1)
    return _tiles(shown[np.arange(len(shown)), strongest])


def kernels_of(node: Node) -> Heat | None:
    """The kernels of a convolution, N x channels x height x width; None of other layers."""
    if not isinstance(node.layer, Convolution):
        return None
    kernels: Heat = node.layer.blobs[0].detach().float().cpu().numpy()
    return kernels if kernels.ndim == 4 else None


def _tiles(stack: Heat) -> Pixels:
    """Small pictures, N x height x width (x 3), in a square, with one scale for all."""
    low, high = float(stack.min()), float(stack.max())
    scaled = (255 * (stack - low) / ((high - low) or 1)).astype(np.uint8)
    columns = isqrt(len(stack) - 1) + 1
    rows = ceil(len(stack) / columns)
    height, width = stack.shape[1] + _GAP, stack.shape[2] + _GAP
    sheet = np.full((rows * height, columns * width, *stack.shape[3:]), _GAP_COLOR, np.uint8)
    for at, tile in enumerate(scaled):
        top, left = at // columns * height, at % columns * width
        sheet[top : top + height - _GAP, left : left + width - _GAP] = tile
    return enlarged(sheet, smooth=False)
