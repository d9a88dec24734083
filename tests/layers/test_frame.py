import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from catdog.errors import LayerError
from catdog.layers.frame import Frame, average_pool, check_images, max_pool, stochastic_pool
from tests.layers.single import build

NUMBERS = st.integers(1, 6)


@given(n=st.integers(1, 30), kernel=NUMBERS, stride=NUMBERS, share=st.integers(0, 5))
def test_outputs(n, kernel, stride, share):
    pad = share % kernel
    room = (n + 2 * pad - kernel) / stride
    up = math.ceil(room) + 1
    if pad and (up - 1) * stride >= n + pad:
        up -= 1
    for frame, expected in (
        (Frame((kernel, 1), (stride, 1), (pad, 0)), up),
        (Frame((kernel, 1), (stride, 1), (pad, 0), rounds_up=False), math.floor(room) + 1),
    ):
        assert frame.outputs((n, 7)) == (expected, 7)


def test_padding_on_one_axis_drops_the_last_window_of_the_other():
    assert Frame((1, 1), (3, 3)).outputs((2, 2)) == (2, 2)
    assert Frame((1, 2), (3, 3), (0, 1)).outputs((2, 2)) == (1, 1)


@pytest.mark.parametrize(
    ("frame", "size", "fits"),
    [
        (Frame((3, 3), (2, 2)), (6, 7), True),
        (Frame((3, 3), (2, 2), (1, 1)), (7, 7), True),
        (Frame((3, 3), (2, 2), (2, 0)), (7, 7), False),
        (Frame((1, 1), (3, 3)), (2, 2), False),
    ],
)
def test_what_torch_can_do(frame, size, fits):
    assert frame.fits_torch(size) is fits


def test_empty_windows():
    x = torch.ones(1, 1, 4, 2)
    frame = Frame((1, 1), (2, 3))
    top, places = max_pool(x, frame, with_indices=True)
    lowest = -np.finfo("f4").max
    assert top[0, 0].tolist() == [[1, lowest], [1, lowest], [lowest, lowest]]
    assert places[0, 0].tolist() == [[0, -1], [4, -1], [-1, -1]]
    # areas 1, 0 on the one axis and 1, -1 on the other: 0 / 0 and 0 / -1
    average = average_pool(x, frame)[0, 0]
    np.testing.assert_array_equal(average, [[1, 0], [1, 0], [math.nan, math.nan]])


def test_areas():
    frame = Frame((3, 2), (2, 2), (1, 0))
    assert frame.areas((4, 3)).tolist() == [[6, 3], [6, 3], [4, 2]]


def test_stochastic_of_zeros_takes_a_zero():
    x = torch.zeros(1, 1, 2, 2)
    for chance in (None, torch.Generator()):
        assert stochastic_pool(x, Frame((2, 2), (2, 2)), chance).tolist() == [[[[0.0]]]]


def test_check_images():
    layer = build('type: "ReLU"', (1,))
    check_images(layer, (1, 2, 3, 4))
    with pytest.raises(LayerError, match="4 axes"):
        check_images(layer, (1, 2, 3))
