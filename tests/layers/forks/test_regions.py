import numpy as np
import pytest
import torch

from catdog.layers.forks.regions import round_away, suppress


def test_rounding_is_that_of_c():
    below = np.nextafter(np.float32(0.5), np.float32(0))
    given = [0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.4, -0.4, 7, below, 8388607.5, 2.0**30]
    expected = [1, 2, 3, -1, -2, -3, 0, 0, 7, 0, 8388608, 2.0**30]
    assert round_away(torch.tensor(given)).tolist() == expected


SQUARES = torch.tensor([[0.0, 0, 2, 2], [1, 0, 3, 2], [0, 0, 2, 2], [5, 5, 6, 6]])


@pytest.mark.parametrize(
    ("threshold", "alike", "kept"),
    [
        # the second covers a third of the first: 2 of 6
        (1 / 3, False, [0, 1, 3]),
        (1 / 3, True, [0, 3]),
        (0.3, False, [0, 3]),
        (0.9, True, [0, 1, 3]),
        (1.0, False, [0, 1, 2, 3]),
        (1.0, True, [0, 1, 3]),
        (0.0, True, [0]),
    ],
)
def test_what_is_covered_goes(threshold, alike, kept):
    assert suppress(SQUARES, threshold, alike).tolist() == kept


@pytest.mark.parametrize("most", [1, 3, 50, 200])
def test_the_first_of_many_are_those_of_all(most):
    corners = torch.rand(200, 2, generator=torch.Generator().manual_seed(most)) * 3
    boxes = torch.cat((corners, corners + 1), 1)
    assert torch.equal(suppress(boxes, 0.3, most=most), suppress(boxes, 0.3)[:most])


def test_boxes_without_an_area_stay():
    assert suppress(torch.zeros(3, 4), 0.5, alike=True).tolist() == [0, 1, 2]
    assert suppress(torch.zeros(0, 4), 0.5).tolist() == []
