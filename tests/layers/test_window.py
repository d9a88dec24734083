import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from catdog.layers.window import SlidingWindow, patches, read_window
from tests.layers.single import build

NUMBERS = st.integers(1, 6)


def window_of(fields, axes):
    layer = build('type: "ReLU"', (1,))
    layer.param.convolution_param.MergeFrom(type(layer.param.convolution_param)(**fields))
    return read_window(layer, axes)


@given(n=st.integers(1, 30), kernel=NUMBERS, stride=NUMBERS, pad=st.integers(0, 6), gap=NUMBERS)
def test_sizes(n, kernel, stride, pad, gap):
    window = SlidingWindow((kernel,), (stride,), (pad,), (gap,))
    (reach,) = window.reach
    assert reach == len(range(0, kernel * gap, gap)) + (gap - 1) * (kernel - 1)
    fitting = [at for at in range(-pad, n + pad, stride) if at + reach <= n + pad]
    if fitting:
        assert window.convolved((n,)) == (len(fitting),)
        assert window.lacking((n,)) == (0,)
    else:
        # C++ cuts the quotient off towards 0
        beyond = reach - n - 2 * pad
        assert window.lacking((n,)) == (beyond,)
        assert (window.convolved((n,)) == (1,)) == (beyond < stride)
    assert window.convolved(window.deconvolved((n,))) == (n,)


def test_defaults_and_lists():
    plain = window_of({"kernel_size": [3]}, 3)
    assert plain == ((3, 3, 3), (1, 1, 1), (0, 0, 0), (1, 1, 1))
    fields = {"kernel_size": [3, 2], "stride": [2], "pad": [0, 1], "dilation": [1, 3]}
    assert window_of(fields, 2) == ((3, 2), (2, 2), (0, 1), (1, 3))
    pairs = {"kernel_h": 2, "kernel_w": 4, "stride_h": 1, "stride_w": 3, "pad_w": 2}
    assert window_of(pairs, 2) == ((2, 4), (1, 3), (0, 2), (1, 1))
    assert window_of({}, 0) == ((), (), (), ())


def test_patches():
    x = torch.arange(6.0).reshape(1, 1, 2, 3)
    columns = patches(x, SlidingWindow((1, 2), (1, 1), (0, 1), (1, 1)))
    expected = [[[0, 0, 1, 2], [0, 3, 4, 5]], [[0, 1, 2, 0], [3, 4, 5, 0]]]
    np.testing.assert_array_equal(columns[0], expected)
