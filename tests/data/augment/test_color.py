"""Colours against torchvision's functions of the same factors."""

import numpy as np
import pytest
import torch
from torchvision.transforms.v2 import functional

from catdog.data.augment import color
from catdog.proto.caffe_pb2 import AugmentParameter

BOUNDS = [(0.8, 1.2), (0, 2), (1, 1), (-0.1, 0.1)]
FACTORS = torch.tensor([0.3, 0.8, 1.0, 1.7]).view(4, 1, 1, 1)


def bytes_of(channels, seed=0):
    """Noise, and the greys and pure colours at which hue has its corners."""
    chance = np.random.default_rng(seed)
    pictures = chance.integers(0, 256, (4, channels, 9, 12))
    pictures[:, :, :4] = chance.choice((0, 128, 255), (4, channels, 4, 12))
    return torch.from_numpy(pictures).float()


def theirs(adjust, pictures, factors):
    """torchvision sees RGB from 0 to 1, a picture at a time."""
    unit = pictures.flip(1) / 255
    done = [adjust(image, factor.item()) for image, factor in zip(unit, factors, strict=True)]
    return torch.stack(done).flip(1) * 255


@pytest.mark.parametrize(
    ("ours", "adjust", "factors"),
    [
        (color.brightness, functional.adjust_brightness, FACTORS),
        (color.contrast, functional.adjust_contrast, FACTORS),
        (color.saturation, functional.adjust_saturation, FACTORS),
        (color.turn_hue, functional.adjust_hue, (FACTORS - 1) / 2),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_colors_are_torchvisions(ours, adjust, factors, seed):
    pictures = bytes_of(3, seed)
    torch.testing.assert_close(
        ours(pictures.clone(), factors), theirs(adjust, pictures, factors), rtol=0, atol=0.02
    )


@pytest.mark.parametrize("ours", [color.brightness, color.contrast])
def test_grey_pictures_too(ours):
    pictures = bytes_of(1)
    adjust = getattr(functional, f"adjust_{ours.__name__}")
    torch.testing.assert_close(
        ours(pictures, FACTORS), theirs(adjust, pictures, FACTORS), rtol=0, atol=0.02
    )


def test_only_what_is_asked_for_is_adjusted():
    pictures, factors = bytes_of(3), torch.tensor([[2.0, 0.5, 0.5, 0.3]]).expand(4, 4)
    ours = color.adjust(pictures, factors, AugmentParameter(contrast=0.5))
    torch.testing.assert_close(ours, color.contrast(pictures, torch.tensor(0.5)))
    none = AugmentParameter()
    assert color.adjust(pictures, factors, none) is pictures


def test_factors_keep_their_bounds():
    param = AugmentParameter(brightness=0.2, contrast=1, hue=0.1)
    factors = color.draw_factors(param, 4000, np.random.default_rng(0))
    for column, (low, high) in zip(factors.T, BOUNDS, strict=True):
        room = high - low
        assert low - 1e-6 <= column.min() <= low + 0.01 * room
        assert high - 0.01 * room <= column.max() <= high + 1e-6
