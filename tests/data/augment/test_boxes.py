"""Rectangles: their areas, their places, and the masks that they make."""

import numpy as np
import torch

from catdog.data.augment.boxes import draw_erased, draw_pasted, inside, share_of

SIZE = (40, 60)


def test_a_mask_is_true_in_the_box():
    boxes = np.array([[1, 2, 3, 5], [0, 0, 0, 0], [0, 0, 4, 6]])
    mask = inside(boxes, (4, 6), torch.device("cpu")).numpy()
    expected = np.zeros((3, 1, 4, 6), bool)
    expected[0, :, 1:3, 2:5] = True
    expected[2] = True
    np.testing.assert_array_equal(mask, expected)
    np.testing.assert_allclose(share_of(boxes, (4, 6)), mask.mean((1, 2, 3)))


def test_erased_boxes_lie_inside_and_have_their_area():
    boxes = draw_erased(1, 4000, SIZE, np.random.default_rng(0))
    assert boxes.min() >= 0
    assert (boxes[:, 2:] <= SIZE).all()
    share = share_of(boxes, SIZE)
    assert 0.015 < share.min() < 0.03
    assert 0.3 < share.max() < 0.35
    ratio = np.divide(*(boxes[:, 2:] - boxes[:, :2]).T)
    assert abs(np.log(ratio).mean()) < 0.05
    assert boxes[:, 0].max() + 2 >= SIZE[0] - 4


def test_the_chance_of_erasing():
    boxes = draw_erased(0.3, 4000, SIZE, np.random.default_rng(0))
    assert abs((share_of(boxes, SIZE) > 0).mean() - 0.3) < 0.03


def test_pasted_boxes_have_the_share_or_less_at_the_edge():
    rng = np.random.default_rng(0)
    share = rng.uniform(0, 1, 4000)
    boxes = draw_pasted(share, SIZE, rng)
    assert boxes.min() == 0
    assert (boxes[:, 2:] <= SIZE).all()
    covered = share_of(boxes, SIZE)
    assert (covered <= share + 0.04).all()
    uncut = (boxes[:, :2] > 0).all(1) & (boxes[:, 2:] < SIZE).all(1)
    assert uncut.sum() > 300
    np.testing.assert_allclose(covered[uncut], share[uncut], atol=0.04)
    assert (share_of(draw_pasted(np.zeros(9), SIZE, rng), SIZE) == 0).all()
