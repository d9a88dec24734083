"""RandAugment: each operation against torchvision's own, and who gets which."""

import numpy as np
import pytest
import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional

from catdog.data.augment.rand_augment import (
    OPERATIONS,
    DrawnOperations,
    draw_operations,
    rand_augment,
)
from catdog.proto.caffe_pb2 import AugmentParameter

#: What torchvision's RandAugment does with a share m from -1 to 1 of the largest magnitude.
THEIRS = {
    "Identity": lambda x, _: x,
    "ShearX": None,
    "ShearY": None,
    "TranslateX": lambda x, m: moved(x, translate=[150 / 331 * 32 * m, 0]),
    "TranslateY": lambda x, m: moved(x, translate=[0, 150 / 331 * 24 * m]),
    "Rotate": lambda x, m: moved(x, angle=30 * m),
    "Brightness": lambda x, m: functional.adjust_brightness(x, 1 + 0.9 * m),
    "Color": lambda x, m: functional.adjust_saturation(x, 1 + 0.9 * m),
    "Contrast": lambda x, m: functional.adjust_contrast(x, 1 + 0.9 * m),
    "Sharpness": lambda x, m: functional.adjust_sharpness(x, 1 + 0.9 * m),
    "Posterize": lambda x, m: functional.posterize(x, 8 - round(4 * abs(m))),
    "Solarize": lambda x, m: functional.solarize(x, 255 * (1 - abs(m))),
    "AutoContrast": lambda x, _: functional.autocontrast(x),
    "Equalize": lambda x, _: functional.equalize(x),
}
NAMES = list(THEIRS)
MOVES = {"ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate"}


def moved(pictures, angle=0.0, translate=(0, 0)):
    return functional.affine(
        pictures,
        angle=angle,
        translate=list(translate),
        scale=1.0,
        shear=[0.0, 0.0],
        interpolation=InterpolationMode.BILINEAR,
    )


def bytes_of(count=3, channels=3, seed=0):
    chance = np.random.default_rng(seed)
    # smooth, and not the whole range, so that contrast has something to stretch
    small = torch.from_numpy(chance.integers(30, 220, (count, channels, 5, 5))).float()
    return torch.nn.functional.interpolate(small, (24, 32), mode="bilinear").round()


def reflect(_):
    return None


def run(pictures, name, side, magnitude):
    number = NAMES.index(name)
    shape = (len(pictures), 1)
    return rand_augment(
        pictures, DrawnOperations(np.full(shape, number), np.full(shape, side)), magnitude, reflect
    )


def theirs(pictures, name, side, magnitude):
    rgb = pictures.flip(1).to(torch.uint8)
    return THEIRS[name](rgb, side * magnitude / 30).flip(1).float()


@pytest.mark.parametrize("name", sorted(set(NAMES) - MOVES))
@pytest.mark.parametrize(("side", "magnitude"), [(1, 9), (-1, 9), (1, 30), (-1, 21)])
def test_colors_are_torchvisions(name, side, magnitude):
    pictures = bytes_of()
    ours = run(pictures, name, side, magnitude)
    torch.testing.assert_close(ours, theirs(pictures, name, side, magnitude), rtol=0, atol=0)


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("name", ["TranslateX", "TranslateY", "Rotate"])
def test_moves_are_torchvisions_away_from_the_edges(name, side):
    pictures = bytes_of()
    ours = run(pictures, name, side, 6)
    difference = (ours - theirs(pictures, name, side, 6))[..., 8:-8, 8:-8].abs()
    assert difference.max() <= 1
    assert (ours - pictures)[..., 8:-8, 8:-8].abs().max() > 20


@pytest.mark.parametrize(("name", "axis"), [("ShearX", 0), ("ShearY", 1)])
def test_shears_lean_one_axis_about_the_middle(name, axis):
    ramp = torch.arange(33.0) * 5
    across = ramp.expand(33, 33) if axis == 0 else ramp[:, None].expand(33, 33)
    pictures = across.expand(1, 3, 33, 33).contiguous()
    moved = (run(pictures, name, 1, 30) - pictures)[0, 0]
    lines = moved if axis == 0 else moved.T
    # 0.3 of a pixel for each line away from the middle, 5 grey levels to the pixel
    expected = (torch.arange(33.0) - 16)[:, None] * 0.3 * 5
    torch.testing.assert_close(
        lines[:, 8:25].abs(), expected.abs().expand(33, 17), rtol=0, atol=0.6
    )
    assert (lines[0, 16] * lines[32, 16]) < 0


def test_each_picture_has_its_own_operations_one_after_another():
    pictures = bytes_of(3)
    invert, bright = NAMES.index("Solarize"), NAMES.index("Brightness")
    choice = DrawnOperations(
        np.array([[0, 0], [invert, 0], [invert, bright]]), np.array([[1, 1], [1, 1], [1, -1]])
    )
    changed = rand_augment(pictures, choice, 30, reflect)
    assert torch.equal(changed[0], pictures[0])
    assert torch.equal(changed[1], 255 - pictures[1])
    expected = ((255 - pictures[2]) * (1 - 0.9)).floor()
    torch.testing.assert_close(changed[2], expected, rtol=0, atol=1)


def test_the_fill_gets_and_gives_bgr():
    pictures = bytes_of(2)
    color = torch.tensor([10.0, 100.0, 200.0]).view(1, 3, 1, 1)
    seen = []

    def fill(numbers):
        seen.append(numbers)
        return color

    number = NAMES.index("TranslateX")
    choice = DrawnOperations(np.full((2, 1), number), np.ones((2, 1), int))
    moved = rand_augment(pictures, choice, 30, fill)
    assert torch.equal(seen[0], pictures)
    torch.testing.assert_close(moved[..., :5], color.expand(2, 3, 24, 5))


def test_grey_pictures_keep_their_one_channel():
    pictures = bytes_of(len(NAMES), 1)
    numbers = np.arange(len(NAMES))[:, None]
    changed = rand_augment(pictures, DrawnOperations(numbers, np.ones_like(numbers)), 20, reflect)
    assert changed.shape == pictures.shape
    assert changed.min() >= 0
    assert changed.max() <= 255


def test_every_operation_is_as_likely():
    assert len(OPERATIONS) == len(NAMES)
    choice = draw_operations(AugmentParameter(rand_augment=2), 7000, np.random.default_rng(0))
    assert choice.operation.shape == choice.side.shape == (7000, 2)
    counts = np.bincount(choice.operation.ravel(), minlength=14)
    assert abs(counts - 1000).max() < 150
    assert abs(choice.side.mean()) < 0.05
