"""Pooling, reductions and resizing of torch, and the layers that they become."""

import pytest
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from catdog.errors import SpecError
from catdog.export.from_torch.module_net import module_net
from tests.export.from_torch.modules import Of, check, drawn, types


@st.composite
def _frames(draw):
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    return {
        "kernel_size": kernel,
        "stride": draw(st.tuples(st.integers(1, 3), st.integers(1, 3))),
        "padding": tuple(draw(st.integers(0, k // 2)) for k in kernel),
        "ceil_mode": draw(st.booleans()),
    }


_SIZE = st.tuples(st.integers(4, 9), st.integers(4, 9))


@settings(max_examples=3, deadline=None)
@given(st.lists(_frames(), min_size=8, max_size=8), _SIZE)
def test_the_largest_of_drawn_windows(frames, size):
    _check([nn.MaxPool2d(**frame) for frame in frames], size)


@settings(max_examples=3, deadline=None)
@given(st.lists(st.tuples(_frames(), st.booleans(), st.sampled_from([None, 3])), min_size=8), _SIZE)
def test_the_mean_of_drawn_windows(frames, size):
    _check(
        [
            nn.AvgPool2d(**frame, count_include_pad=with_padding, divisor_override=divisor)
            for frame, with_padding, divisor in frames
        ],
        size,
    )


def _check(modules, size):
    """Against torch, of the windows that Caffe has: torch alone leaves out one that begins beyond a
    picture without any padding."""
    there = [each for each in modules if _is_caffes(each, size)]
    assume(there)
    made = check(lambda x: [each(x) for each in there], drawn(2, 3, *size))
    assert types(made).count("Pooling") == len(there)


def _is_caffes(module, size):
    if any(k > n + 2 * p for k, n, p in zip(module.kernel_size, size, module.padding, strict=True)):
        return False
    skips = any(s > k for s, k in zip(module.stride, module.kernel_size, strict=True))
    return not (module.ceil_mode and skips)


def test_windows_that_caffe_has_not_are_refused():
    module = nn.MaxPool2d(2, 4, ceil_mode=True)
    with pytest.raises(SpecError, match=r"no windows that make \[2, 3\] of \[8, 9\]"):
        module_net(module, [drawn(1, 2, 8, 9)], "net", "net.py:Model")


def test_rounding_is_said_only_where_it_is_not_caffes():
    made = check(nn.MaxPool2d(3, 2, padding=1), drawn(1, 2, 8, 8))
    assert made.weights.net.layer[-1].pooling_param.round_mode == 1
    made = check(nn.MaxPool2d(2), drawn(1, 2, 8, 8))
    assert not made.weights.net.layer[-1].pooling_param.HasField("round_mode")


def test_holes_are_refused():
    with pytest.raises(SpecError, match="it has a dilation"):
        module_net(nn.MaxPool2d(2, dilation=2), [drawn(1, 2, 8, 8)], "net", "net.py:Model")


@pytest.mark.parametrize("kind", [nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d])
def test_a_size_that_is_wanted(kind):
    sizes = [1, (1, 1), (2, 4), (6, 8), (3, None)]
    check(lambda x: [kind(size)(x) * 1 for size in sizes], drawn(2, 3, 6, 8))


def test_windows_that_are_not_alike_are_refused():
    with pytest.raises(SpecError, match=r"windows for \[4, 4\] of \[6, 6\] would not be alike"):
        module_net(nn.AdaptiveAvgPool2d(4), [drawn(1, 2, 6, 6)], "net", "net.py:Model")


_REDUCTIONS = {
    "mean of pictures": lambda x: x.mean((2, 3)),
    "mean of pictures, kept": lambda x: x.mean((-1, -2), keepdim=True),
    "sum of pictures": lambda x: x.sum((2, 3)),
    "sum of pictures, kept": lambda x: x.sum((2, 3), keepdim=True),
    "largest of pictures": lambda x: x.amax((2, 3)),
    "mean of channels": lambda x: x.mean(1),
    "sum of channels, kept": lambda x: x.sum(1, keepdim=True),
    "largest of channels": lambda x: x.amax(1, keepdim=True),
    "largest of channels, by max": lambda x: x.max(1)[0],
    "mean of columns": lambda x: x.mean(3),
    "sum of all": lambda x: x.sum((1, 2, 3)),
    "sum of columns, kept": lambda x: x.sum(-1, keepdim=True),
}


def test_reductions():
    check(lambda x: [each(x) for each in _REDUCTIONS.values()], drawn(2, 3, 4, 5))


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda x: x.mean((0, 1)), "it goes over axes"),
        (lambda x: x.mean(), "not over the last ones"),
        (lambda x: x.max(1)[1] * 1.0, "where the largest are"),
        (lambda x: x.amin(1), "Caffe has no layer"),
    ],
)
def test_other_reductions_are_refused(function, words):
    with pytest.raises(SpecError, match=words):
        module_net(Of(function), [drawn(2, 3, 4, 5)], "net", "net.py:Model")


def test_nearest_neighbours():
    scales = [nn.Upsample(scale_factor=scale) for scale in (2, 3, (1, 2), (3, 2), 1)]
    check(lambda x: [each(x) for each in scales], drawn(2, 3, 4, 5))


def test_bilinear_with_aligned_corners():
    sizes = [nn.UpsamplingBilinear2d(size) for size in ((8, 9), (4, 5), (3, 11), (1, 1))]
    check(lambda x: [each(x) for each in sizes], drawn(2, 3, 4, 5), tolerance=1e-5)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": (7, 7)}, "no multiple"),
        ({"scale_factor": 2, "mode": "bilinear"}, "only align_corners=True"),
        ({"scale_factor": 2, "mode": "bicubic"}, "upsample_bicubic2d"),
    ],
)
def test_other_ways_to_resize_are_refused(options, words):
    module = Of(lambda x: F.interpolate(x, **options))
    with pytest.raises(SpecError, match=words):
        module_net(module, [drawn(1, 2, 4, 4)], "net", "net.py:Model")


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_pixels_that_are_shuffled(factor):
    check(nn.PixelShuffle(factor), drawn(2, 2 * factor**2, 3, 4))
    check(nn.PixelUnshuffle(factor), drawn(2, 2, 3 * factor, 4 * factor))


@pytest.mark.parametrize("size", [1, 3, 5])
def test_normalisation_by_neighbours_is_one_layer(size):
    made = check(nn.LocalResponseNorm(size, alpha=0.3, beta=0.6, k=1.5), drawn(2, 7, 4, 4))
    assert types(made) == ["LRN"]
    module = nn.Sequential(nn.Conv2d(3, 7, 1), nn.ReLU(), nn.LocalResponseNorm(size))
    assert types(check(module, drawn(2, 3, 4, 4))) == ["Convolution", "ReLU", "LRN"]


def test_an_even_number_of_neighbours_is_refused():
    with pytest.raises(SpecError, match="an even number"):
        module_net(nn.LocalResponseNorm(4), [drawn(2, 7, 4, 4)], "net", "net.py:Model")
