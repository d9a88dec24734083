"""RandAugment (Cubuk et al., 2019) with the operations and strengths of torchvision's."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from catdog.data.augment.geometry import CropWindow, Motion, views, warp
from catdog.proto.caffe_pb2 import AugmentParameter

#: The largest magnitude.
LARGEST = 30

#: Gives what lies beyond the edges of BGR or grey floats, as `warp` takes it.
Fill = Callable[[Tensor], Tensor | None]


class Operation(NamedTuple):
    """A change of N x 1 or 3 (RGB) x H x W bytes by a strength from 0 to `most`, of either sign
    if `signed`."""

    apply: Callable[[Tensor, float, Fill], Tensor]
    most: float = 0.0
    signed: bool = False


class DrawnOperations(NamedTuple):
    """Indices into OPERATIONS and signs (1 or -1), both N x operations."""

    operation: NDArray[np.int64]
    side: NDArray[np.int64]


def draw_operations(
    param: AugmentParameter, count: int, rng: np.random.Generator
) -> DrawnOperations:
    """Draw the operations of each picture, uniformly."""
    shape = (count, param.rand_augment)
    return DrawnOperations(rng.integers(len(OPERATIONS), size=shape), rng.choice((-1, 1), shape))


def rand_augment(batch: Tensor, drawn: DrawnOperations, magnitude: float, fill: Fill) -> Tensor:
    """Apply its operations to each picture of BGR or grey floats, grouped by operation."""
    pictures = batch.round().to(torch.uint8).flip(1)
    for operations, sides in zip(drawn.operation.T, drawn.side.T, strict=True):
        changed = pictures.clone()
        for number, side in sorted(set(zip(operations.tolist(), sides.tolist(), strict=True))):
            rows = np.flatnonzero((operations == number) & (sides == side))
            at = torch.from_numpy(rows).to(batch.device)
            kind = OPERATIONS[number]
            strength = kind.most * magnitude / LARGEST * (side if kind.signed else 1)
            changed[at] = kind.apply(pictures[at], strength, fill)
        pictures = changed
    return pictures.flip(1).to(batch.dtype)


def _moved(
    angle: float = 0, shift: tuple[float, float] = (0, 0), shear: float = 0
) -> Callable[[Tensor, float, Fill], Tensor]:
    """Moves pictures by so many times the strength."""

    def move(batch: Tensor, strength: float, fill: Fill) -> Tensor:
        ones = np.ones(len(batch))
        moved = np.outer(ones, shift) * strength
        motion = Motion(ones * angle * strength, moved, ones, ones * shear * strength)
        return _seen(batch, motion, fill)

    return move


def _lean_sideways(batch: Tensor, strength: float, fill: Fill) -> Tensor:
    """Shear along the y axis: the shear of the transposed picture."""
    return _moved(shear=1)(batch.mT, strength, fill).mT


def _seen(batch: Tensor, motion: Motion, fill: Fill) -> Tensor:
    size = (batch.shape[2], batch.shape[3])
    whole = CropWindow(size[1] / 2, size[0] / 2, size[1], size[0])
    matrices = torch.from_numpy(views(motion, [whole] * len(batch), size, size))
    numbers = batch.flip(1).float()
    warped = warp(numbers, matrices.to(batch.device), size, fill(numbers))
    return warped.round_().to(torch.uint8).flip(1)


def _functional() -> Any:
    # torchvision takes a second to import: only for those who use it
    from torchvision.transforms.v2 import functional

    return functional


def _adjusted(name: str) -> Callable[[Tensor, float, Fill], Tensor]:
    """One of torchvision's adjust_ functions, by the factor 1 + strength."""
    return lambda batch, strength, _: getattr(_functional(), name)(batch, 1 + strength)


def _posterize(batch: Tensor, lost: float, _: Fill) -> Tensor:
    posterized: Tensor = _functional().posterize(batch, 8 - round(lost))
    return posterized


def _solarize(batch: Tensor, share: float, _: Fill) -> Tensor:
    solarized: Tensor = _functional().solarize(batch, 255 * (1 - share))
    return solarized


def _even(name: str) -> Callable[[Tensor, float, Fill], Tensor]:
    """autocontrast or equalize, which have no strength."""
    return lambda batch, _, __: getattr(_functional(), name)(batch)


OPERATIONS: Sequence[Operation] = (
    Operation(lambda batch, _, __: batch),
    Operation(_moved(shear=1), 0.3, signed=True),
    Operation(_lean_sideways, 0.3, signed=True),
    Operation(_moved(shift=(1, 0)), 150 / 331, signed=True),
    Operation(_moved(shift=(0, 1)), 150 / 331, signed=True),
    Operation(_moved(angle=1), np.deg2rad(30), signed=True),
    Operation(_adjusted("adjust_brightness"), 0.9, signed=True),
    Operation(_adjusted("adjust_saturation"), 0.9, signed=True),
    Operation(_adjusted("adjust_contrast"), 0.9, signed=True),
    Operation(_adjusted("adjust_sharpness"), 0.9, signed=True),
    Operation(_posterize, 4),
    Operation(_solarize, 1),
    Operation(_even("autocontrast")),
    Operation(_even("equalize")),
)
