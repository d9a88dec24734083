"""Mixed pictures and labels against the sums written out."""

import numpy as np
import pytest
import torch

from catdog.data.augment.mixing import Mix, draw_mix, mix_labels, mix_pictures
from catdog.errors import DataError
from catdog.proto.caffe_pb2 import AugmentParameter

SIZE = (4, 6)
MIX = Mix(
    partner=np.array([1, 2, 0]),
    share=np.array([0.25, 1.0, 1.0]),
    boxes=np.array([[0, 0, 0, 0], [1, 2, 3, 5], [0, 0, 4, 6]]),
)
#: What each keeps of its own: 1/4; all but a box of 2 x 3; nothing.
KEPT = [0.25, 1 - 6 / 24, 0.0]


def pictures():
    return torch.from_numpy(np.random.default_rng(0).uniform(0, 255, (3, 2, *SIZE))).float()


def test_pictures():
    given = pictures()
    mixed = mix_pictures(given, MIX)
    torch.testing.assert_close(mixed[0], given[0] * 0.25 + given[1] * 0.75)
    expected = given[1].clone()
    expected[:, 1:3, 2:5] = given[2][:, 1:3, 2:5]
    assert torch.equal(mixed[1], expected)
    assert torch.equal(mixed[2], given[0])


def test_labels_of_classes():
    labels = [2, 0, 1]
    mixed = mix_labels(labels, MIX, SIZE, 4)
    assert mixed.shape == (3, 4)
    expected = np.zeros((3, 4))
    for row, (label, partner, kept) in enumerate(zip(labels, MIX.partner, KEPT, strict=True)):
        expected[row, label] += kept
        expected[row, labels[partner]] += 1 - kept
    np.testing.assert_allclose(mixed, expected, atol=1e-7)


def test_labels_of_one_sigmoid():
    mixed = mix_labels([1, 0, 1], MIX, SIZE, 1)
    np.testing.assert_allclose(mixed, [0.25, 0.25, 1], atol=1e-7)


@pytest.mark.parametrize(("label", "classes"), [(3, 3), (-1, 3), (2, 1)])
def test_a_label_that_is_no_class(label, classes):
    with pytest.raises(DataError, match=f"has label {label}.*num_classes {classes}"):
        mix_labels([0, label, 1], MIX, SIZE, classes)


@pytest.mark.parametrize(
    ("fields", "cut_share"),
    [({"mixup": 0.4}, 0), ({"cutmix": 1}, 1), ({"mixup": 2, "cutmix": 1}, 0.5)],
)
def test_draws(fields, cut_share):
    param = AugmentParameter(**fields)
    mix = draw_mix(param, 4000, (32, 32), np.random.default_rng(0))
    assert sorted(mix.partner) == list(range(4000))
    is_cut = mix.share == 1
    assert abs(is_cut.mean() - cut_share) < 0.03
    assert not mix.boxes[~is_cut].any()
    if param.mixup:
        # the variance of Beta(a, a) is 1 / (4 (2a + 1))
        share = mix.share[~is_cut]
        assert abs(share.mean() - 0.5) < 0.02
        assert abs(share.var() - 1 / (4 * (2 * param.mixup + 1))) < 0.01
