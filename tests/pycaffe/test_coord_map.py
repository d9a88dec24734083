"""Where pixels of one blob lie in another."""

import numpy as np
import pytest

import catdog.pycaffe as caffe
from catdog.pycaffe import layers as L
from catdog.pycaffe.coord_map import (
    AxisMismatchException,
    UndefinedMapException,
    compose,
    coord_map,
    coord_map_from_to,
    crop,
    inverse,
)


def spec(kernel=3, stride=1, pad=0, pool=2, up=2, up_pad=0):
    n = caffe.NetSpec()
    n.data = L.Input(shape={"dim": [2, 1, 100, 100]})
    n.conv = L.Convolution(n.data, num_output=10, kernel_size=kernel, stride=stride, pad=pad)
    n.pool = L.Pooling(n.conv, kernel_size=pool, stride=pool)
    n.up = L.Deconvolution(n.pool, num_output=10, kernel_size=2 * up, stride=up, pad=up_pad)
    return n


def mapped(top, to):
    axis, a, b = coord_map_from_to(top, to)
    return axis, *np.atleast_1d(a).tolist(), *np.atleast_1d(b).tolist()


@pytest.mark.parametrize(
    ("n", "wanted"),
    [
        (spec(), (1, 1, 0)),
        (spec(pool=4, up=4), (1, 1, -1)),
        (spec(pad=3), (1, 1, -3)),
        (spec(up_pad=3), (1, 1, 3)),
        (spec(pad=3, up_pad=3), (1, 1, 0)),
        (spec(pool=3, up=2), (1, 1.5, -0.25)),
    ],
)
def test_through_convolution_pooling_and_deconvolution(n, wanted):
    assert mapped(n.up, n.data) == pytest.approx(wanted)


def test_pixels_see_what_the_kernels_cover():
    n = spec(kernel=5, stride=2, pad=1)
    axis, a, b = coord_map(n.conv.fn)
    # x of the input is (x + pad - (k - 1) / 2) / stride of the output
    assert (axis, a.item(), b.item()) == (1, 0.5, (1 - 2) / 2)


def test_layers_that_pass_pixels_through():
    n = spec()
    n.relu = L.ReLU(n.up)
    n.one = L.Convolution(n.relu, num_output=10, kernel_size=1)
    assert mapped(n.relu, n.data) == mapped(n.one, n.data) == mapped(n.up, n.data)


def test_all_bottoms_of_a_layer_are_mapped():
    n = spec()
    n.aux = L.Input(shape={"dim": [2, 1, 20, 20]})
    n.a, n.b = L.Convolution(n.data, n.aux, ntop=2, num_output=10, kernel_size=5, stride=2)
    assert mapped(n.a, n.data) == mapped(n.b, n.aux)


def test_sides_are_mapped_each_by_itself():
    one, other, both = spec(3, 1, 0), spec(5, 2, 10), spec([3, 5], [1, 2], [0, 10])
    axis, a, b = coord_map_from_to(both.up, both.data)
    assert (axis, a[0], b[0]) == mapped(one.up, one.data)
    assert (axis, a[1], b[1]) == mapped(other.up, other.data)


def test_a_crop_moves_by_its_offset():
    n = spec()
    n.cut = L.Crop(n.up, n.data, axis=2, offset=4)
    axis, a, b = mapped(n.up, n.data)
    assert mapped(n.cut, n.data) == (axis, a, b + 4)
    # the second bottom says how large, not where
    n.other = L.Crop(n.data, n.up)
    with pytest.raises(RuntimeError, match="not connected"):
        coord_map_from_to(n.other, L.Input(shape={"dim": [1]}))


def test_crop_makes_a_layer_that_fits(write):
    n = spec(pad=7)
    n.cut = crop(n.up, n.data)
    param = n.cut.fn.params["crop_param"]
    assert param == {"axis": 2, "offset": [7]}
    net = caffe.Net(write(str(n.to_proto())), caffe.TEST)
    assert net.blobs["cut"].shape[2:] == (100, 100)


@pytest.mark.parametrize(
    ("n", "message"),
    [
        (spec(pool=3, up=2), "scales differ"),
        (spec(up_pad=10), "offset is negative"),
        (spec(kernel=2), "no whole number"),
    ],
)
def test_crops_that_cannot_be(n, message):
    with pytest.raises(AssertionError, match=message):
        crop(n.up, n.data)


def test_tops_that_no_pixels_connect():
    n = spec()
    n.ip = L.InnerProduct(n.up, num_output=10)
    with pytest.raises(RuntimeError, match="not connected"):
        coord_map_from_to(n.ip, n.data)
    with pytest.raises(UndefinedMapException, match="InnerProduct"):
        coord_map(n.ip.fn)


def test_maps_compose_and_turn_around():
    first, then = (1, 2, 3), (1, 5, 7)
    assert compose(first, then) == (1, 10, 17)
    assert compose(first, inverse(first)) == (1, 1, 0)
    assert compose((None, 1, 0), then) == then
    with pytest.raises(AxisMismatchException, match="axis 1 and of axis 2"):
        compose(first, (2, 1, 0))


def test_separate_sides_are_not_known():
    n = spec()
    n.bad = L.Convolution(n.data, num_output=1, kernel_h=3, kernel_w=3, kernel_size=3)
    with pytest.raises(AssertionError, match="write lists"):
        coord_map(n.bad.fn)
