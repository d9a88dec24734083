import numpy as np
import pytest
import torch

from catdog.layers.forks.boxes import decode, encode, overlaps, suppress
from catdog.proto.caffe_pb2 import PriorBoxParameter

CODES = PriorBoxParameter.CodeType.values()


def drawn_boxes(rng, count, turned=0.0):
    """Boxes in and around a picture; a share of them turned round, so that they have no area."""
    low = rng.uniform(-0.2, 0.8, (count, 2))
    boxes = np.concatenate([low, low + rng.uniform(0.05, 0.6, (count, 2))], 1)
    some = rng.random(count) < turned
    boxes[some] = boxes[some][:, [2, 1, 0, 3]]
    return boxes


def overlap(a, b):
    """Intersection over union of two boxes."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    sizes = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return width * height / (sum(sizes) - width * height)


def survivors(boxes, threshold, eta):
    """The boxes that are kept, one by one."""
    kept = []
    for index, box in enumerate(boxes):
        if all(overlap(box, boxes[other]) <= threshold for other in kept):
            kept.append(index)
            threshold *= eta if threshold > 0.5 else 1
    return kept


@pytest.mark.parametrize("seed", range(5))
def test_overlaps_are_the_formula(seed):
    rng = np.random.default_rng(seed)
    first, second = (drawn_boxes(rng, int(n), turned=0.2) for n in rng.integers(0, 12, 2))
    expected = np.array([[overlap(a, b) for b in second] for a in first])
    got = overlaps(torch.from_numpy(first), torch.from_numpy(second))
    np.testing.assert_allclose(got, expected.reshape(got.shape), rtol=1e-12)


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("given", [True, False])
def test_what_is_encoded_is_decoded(code, given):
    rng = np.random.default_rng(0)
    boxes, priors = (torch.from_numpy(drawn_boxes(rng, 30)) for _ in range(2))
    variances = torch.from_numpy(rng.uniform(0.1, 0.3, (30, 4))) if given else None
    offsets = encode(code, priors, variances, boxes)
    torch.testing.assert_close(decode(code, priors, variances, offsets), boxes)
    assert not torch.allclose(offsets, encode(code, priors, 2 * torch.ones(30, 4), boxes))


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(("threshold", "eta"), [(0.3, 1), (0.0, 1), (0.9, 0.8), (0.6, 0.5)])
def test_suppression_is_box_by_box(seed, threshold, eta):
    boxes = drawn_boxes(np.random.default_rng(seed), 4 * seed, turned=0.1)
    got = suppress(torch.from_numpy(boxes), threshold, eta).tolist()
    assert got == survivors(boxes, threshold, eta)
    assert seed < 3 or len(got) < len(boxes)


def test_equal_boxes_leave_the_first_and_boxes_without_area_stay():
    same = torch.tensor([[0.1, 0.1, 0.5, 0.5]]).repeat(3, 1)
    assert suppress(same, 0.45).tolist() == suppress(same, 0.9, 0.5).tolist() == [0]
    flat = torch.tensor([[0.1, 0.1, 0.1, 0.5]]).repeat(3, 1)
    assert suppress(flat, 0.45).tolist() == suppress(flat, 0.9, 0.5).tolist() == [0, 1, 2]
