"""Motions against torchvision's affine of the same numbers, windows against slices."""

import numpy as np
import pytest
import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional

from catdog.data.augment.geometry import (
    CropWindow,
    Motion,
    draw_crop_window,
    draw_motion,
    views,
    warp,
)
from catdog.proto.caffe_pb2 import AugmentParameter


def batch(count=4, channels=3, height=21, width=30, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, channels, height, width, generator=generator) * 255


def still(count):
    zeros = np.zeros(count)
    return Motion(zeros, np.zeros((count, 2)), np.ones(count), zeros)


def middle(height, width, mirrored=False):
    return CropWindow(width / 2, height / 2, width, height, mirrored)


def seen(pictures, motion, windows=None, size=None, fill=None):
    whole = tuple(pictures.shape[2:])
    windows = windows or [middle(*whole)] * len(pictures)
    matrices = torch.from_numpy(views(motion, windows, whole, size or whole))
    return warp(pictures, matrices, size or whole, fill)


@pytest.mark.parametrize("seed", range(6))
def test_a_motion_is_torchvisions_affine(seed):
    rng = np.random.default_rng(seed)
    param = AugmentParameter(rotate=40, shift=0.2, zoom=0.3, shear=0.4)
    pictures = batch(seed=seed)
    motion = draw_motion(param, 4, rng)
    ours = seen(pictures, motion, fill=torch.zeros(1))
    inner = seen(torch.ones_like(pictures), motion, fill=torch.zeros(1)) > 0.9999
    assert inner.float().mean() > 0.3
    for index, picture in enumerate(pictures):
        theirs = functional.affine(
            picture,
            angle=float(np.rad2deg(motion.angle[index])),
            translate=(motion.shift[index] * (30, 21)).tolist(),
            scale=float(motion.zoom[index]),
            shear=[float(np.rad2deg(np.arctan(-motion.shear[index]))), 0.0],
            interpolation=InterpolationMode.BILINEAR,
        )
        torch.testing.assert_close(
            ours[index][inner[index]], theirs[inner[index]], rtol=0, atol=0.02
        )


def test_no_motion_changes_nothing():
    pictures = batch()
    torch.testing.assert_close(seen(pictures, still(4)), pictures, rtol=0, atol=0.01)


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_window_of_the_size_of_the_result_is_a_slice(mirrored):
    pictures = batch(1)
    window = CropWindow(x=4 + 12 / 2, y=3 + 10 / 2, width=12, height=10, mirrored=mirrored)
    part = pictures[:, :, 3:13, 4:16]
    expected = part.flip(-1) if mirrored else part
    ours = seen(pictures, still(1), [window], (10, 12))
    torch.testing.assert_close(ours, expected, rtol=0, atol=0.01)


def test_a_part_is_stretched_to_the_whole():
    pictures = batch(1, height=20, width=30)
    ours = seen(pictures, still(1), [CropWindow(10, 8, 16, 12)], (24, 32))
    theirs = functional.resized_crop(pictures, 2, 2, 12, 16, [24, 32], antialias=False)
    inner = (slice(None), slice(None), slice(1, -1), slice(1, -1))  # it sees beyond the part
    torch.testing.assert_close(ours[inner], theirs[inner], rtol=0, atol=0.02)


def test_beyond_the_edge_is_the_fill_or_the_mirror_image():
    pictures = batch(1, height=8, width=8)
    half = still(1)._replace(shift=np.array([[0.5, 0]]))
    color = torch.tensor([10.0, 20.0, 30.0]).view(1, 3, 1, 1)
    filled, reflected = seen(pictures, half, fill=color), seen(pictures, half)
    for image in (filled, reflected):
        torch.testing.assert_close(image[..., 4:], pictures[..., :4], rtol=0, atol=0.01)
    torch.testing.assert_close(filled[..., :3], color.expand(1, 3, 8, 3), rtol=0, atol=0.01)
    torch.testing.assert_close(reflected[..., :4], pictures[..., :4].flip(-1), rtol=0, atol=0.01)


def test_motions_fill_their_bounds_and_keep_them():
    param = AugmentParameter(rotate=15, shift=0.1, zoom=0.2, shear=0.05)
    motion = draw_motion(param, 5000, np.random.default_rng(0))
    bounds = {
        "angle": (-np.deg2rad(15), np.deg2rad(15)),
        "shift": (-0.1, 0.1),
        "zoom": (0.8, 1.2),
        "shear": (-0.05, 0.05),
    }
    for field, (low, high) in bounds.items():
        values, room = getattr(motion, field), high - low
        assert low - 1e-6 <= values.min() < low + 0.01 * room
        assert high - 0.01 * room < values.max() <= high + 1e-6
        assert abs(values.mean() - (low + high) / 2) < 0.02 * room


@pytest.mark.parametrize(("height", "width"), [(64, 64), (50, 90)])
def test_windows_have_the_area_and_stay_inside(height, width):
    rng = np.random.default_rng(1)
    windows = [draw_crop_window(0.3, height, width, rng, mirrored=False) for _ in range(3000)]
    x, y, wide, high, _ = np.array(windows).T
    assert (x - wide / 2).min() > -1e-9
    assert (x + wide / 2).max() < width + 1e-9
    assert (y - high / 2).min() > -1e-9
    assert (y + high / 2).max() < height + 1e-9
    area, aspect = wide * high / (height * width), wide / high / (width / height)
    # clipping to the picture takes a little from the most stretched
    assert 0.3 * 0.86 < area.min() < 0.32
    assert 0.97 < area.max() <= 1
    assert 3 / 4 - 1e-9 < aspect.min() < 0.77
    assert 1.3 < aspect.max() < 4 / 3 + 1e-9
