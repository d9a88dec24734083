"""Mixup (Zhang et al., 2017) and CutMix (Yun et al., 2019): two examples become one."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from catdog.data.augment.boxes import Boxes, draw_pasted, inside, share_of
from catdog.errors import DataError
from catdog.proto.caffe_pb2 import AugmentParameter

FIELDS = ("mixup", "cutmix")


class Mix(NamedTuple):
    """For each picture its partner, the share it keeps, and the box taken from its partner."""

    partner: NDArray[np.int64]
    share: NDArray[np.float64]
    boxes: Boxes

    def own(self, size: tuple[int, int]) -> NDArray[np.float64]:
        """How much of each picture, of height x width `size`, is its own."""
        own: NDArray[np.float64] = self.share * (1 - share_of(self.boxes, size))
        return own


def draw_mix(
    param: AugmentParameter, count: int, size: tuple[int, int], rng: np.random.Generator
) -> Mix:
    """Draw partners and, for each picture, either mixup or cutmix."""
    cut = rng.random(count) < (0.5 if param.mixup else 1) * (param.cutmix > 0)
    alpha = np.where(cut, param.cutmix, param.mixup)
    share = rng.beta(alpha, alpha)
    boxes = draw_pasted(np.where(cut, 1 - share, 0), size, rng)
    boxes[~cut] = 0
    return Mix(rng.permutation(count), np.where(cut, 1, share), boxes)


def mix_pictures(batch: Tensor, mix: Mix) -> Tensor:
    """Mix each picture with its partner, N x C x H x W."""
    own = torch.from_numpy(mix.share).to(batch).view(-1, 1, 1, 1)
    own = own.where(~inside(mix.boxes, (batch.shape[2], batch.shape[3]), batch.device), 0)
    return torch.lerp(batch[torch.from_numpy(mix.partner).to(batch.device)], batch, own)


def mix_labels(labels: Sequence[int], mix: Mix, size: tuple[int, int], classes: int) -> Tensor:
    """N x classes probabilities, or N numbers for one class, of pictures of height x width `size`.

    Raises DataError for a label that is not a class.
    """
    top = max(classes, 2) - 1
    wrong = next((label for label in labels if not 0 <= label <= top), None)
    if wrong is not None:
        raise DataError(
            f"has label {wrong}, and num_classes {classes} makes labels 0 to {top}",
            remedy="correct num_classes in augment_param, or the labels",
        )
    rows = torch.tensor(labels)
    rows = F.one_hot(rows, classes).float() if classes > 1 else rows.float()[:, None]
    mixed = mix_rows(rows, mix, size)
    return mixed if classes > 1 else mixed[:, 0]


def mix_rows(rows: Tensor, mix: Mix, size: tuple[int, int]) -> Tensor:
    """Mix the rows of labels of pictures of height x width `size` as the pictures are mixed."""
    own = torch.from_numpy(mix.own(size)).float()[:, None]
    return torch.lerp(rows[torch.from_numpy(mix.partner)], rows, own)
