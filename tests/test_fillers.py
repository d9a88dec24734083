import math
from pathlib import Path

import numpy as np
import pytest
import torch

from catdog.errors import CatdogError
from catdog.fillers import FILLERS, fill
from catdog.proto.caffe_pb2 import FillerParameter

GOLDENS = Path(__file__).parent / "goldens" / "layers"
MODES = {"FAN_IN": 20 * 9, "FAN_OUT": 60 * 9, "AVERAGE": 40 * 9}


def filled(*shape, seed=1, **fields):
    tensor = torch.full(shape, torch.nan)
    fill(tensor, FillerParameter(**fields), torch.Generator().manual_seed(seed))
    return tensor


def deviation_is(tensor, std):
    """Mean 0 and this deviation, within five standard errors."""
    error = 5 * std / math.sqrt(tensor.numel())
    return abs(tensor.mean().item()) < error and abs(tensor.std().item() - std) < error


def test_constant_is_zero_unless_told():
    assert filled(3).tolist() == [0, 0, 0]
    assert filled(2, type="constant", value=0.5).tolist() == [0.5, 0.5]


def test_uniform():
    tensor = filled(100, 100, type="uniform", min=-2, max=4)
    assert -2 <= tensor.min() < -1.99 and 3.99 < tensor.max() <= 4
    assert deviation_is(tensor - 1, 6 / math.sqrt(12))


def test_gaussian():
    tensor = filled(100, 100, type="gaussian", mean=3, std=0.1)
    assert deviation_is(tensor - 3, 0.1)
    inside = ((tensor - 3).abs() < 0.1).float().mean().item()
    assert inside == pytest.approx(math.erf(math.sqrt(0.5)), abs=0.03)


@pytest.mark.parametrize(("sparse", "share"), [(0, 0), (5, 0.05), (50, 0.5), (100, 1), (999, 1)])
def test_sparse_gaussian(sparse, share):
    tensor = filled(100, 200, type="gaussian", sparse=sparse)
    kept = (tensor != 0).float().mean().item()
    assert kept == pytest.approx(share, abs=5 * math.sqrt(share * (1 - share) / 2e4) + 1e-9)


def test_positive_unitball():
    tensor = filled(4, 3, 5, type="positive_unitball")
    assert (tensor > 0).all()
    np.testing.assert_allclose(tensor.sum((1, 2)), np.ones(4), rtol=1e-6)
    assert tensor.unique().numel() == 60


@pytest.mark.parametrize("mode", MODES)
def test_xavier(mode):
    tensor = filled(60, 20, 3, 3, type="xavier", variance_norm=mode)
    bound = math.sqrt(3 / MODES[mode])
    assert 0.99 * bound < tensor.abs().max() <= bound
    assert deviation_is(tensor, math.sqrt(1 / MODES[mode]))


@pytest.mark.parametrize("mode", MODES)
def test_msra(mode):
    tensor = filled(60, 20, 3, 3, type="msra", variance_norm=mode)
    assert deviation_is(tensor, math.sqrt(2 / MODES[mode]))
    assert tensor.abs().max() > 3 * math.sqrt(2 / MODES[mode])


def test_fan_of_a_bias():
    assert filled(5000, type="xavier").abs().max() == pytest.approx(math.sqrt(3), rel=0.01)
    fan_out = filled(5000, type="xavier", variance_norm="FAN_OUT")
    assert fan_out.abs().max() == pytest.approx(math.sqrt(3 / 5000), rel=0.01)


@pytest.mark.parametrize("kind", ["Convolution", "Deconvolution"])
def test_bilinear_is_that_of_caffe(kind):
    with np.load(GOLDENS / kind / "filler_bilinear.npz") as arrays:
        expected = arrays["param:0"]
    np.testing.assert_array_equal(filled(*expected.shape, type="bilinear"), expected)


@pytest.mark.parametrize(
    ("size", "line"),
    [
        (1, [1]),
        (2, [1 / 2, 1 / 2]),
        (3, [1 / 2, 1, 1 / 2]),
        (4, [1 / 4, 3 / 4, 3 / 4, 1 / 4]),
        (5, [1 / 3, 2 / 3, 1, 2 / 3, 1 / 3]),
        (6, [1 / 6, 3 / 6, 5 / 6, 5 / 6, 3 / 6, 1 / 6]),
        (7, [1 / 4, 2 / 4, 3 / 4, 1, 3 / 4, 2 / 4, 1 / 4]),
    ],
)
def test_bilinear_is_centred_for_every_size(size, line):
    tensor = filled(2, 3, size, size, type="bilinear").numpy()
    wanted = np.broadcast_to(np.outer(line, line), tensor.shape)
    np.testing.assert_allclose(tensor, wanted, rtol=1e-6)


@pytest.mark.parametrize("kind", FILLERS)
def test_same_generator_same_numbers_of_any_shape(kind):
    first, again = (filled(4, 2, 3, 3, type=kind) for _ in range(2))
    assert torch.equal(first, again) and first.isfinite().all()
    if kind not in ("constant", "bilinear"):
        assert not torch.equal(first, filled(4, 2, 3, 3, type=kind, seed=2))
        assert filled(type=kind).isfinite()


def test_no_global_randomness():
    state = torch.get_rng_state()
    filled(10, type="gaussian", sparse=1)
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize(
    ("fields", "shape", "message"),
    [
        ({"type": "guassian"}, (2,), 'did you mean "gaussian"'),
        ({"type": "qqq"}, (2,), "there are constant"),
        ({"type": "uniform", "sparse": 3}, (2,), "sparse"),
        ({"type": "gaussian", "sparse": -2}, (2,), "sparse -2"),
        ({"type": "gaussian", "std": -1}, (2,), "std -1"),
        ({"type": "uniform", "min": 2, "max": 1}, (2,), "min 2 above max 1"),
        ({"type": "bilinear"}, (2, 3), "four axes"),
        ({"type": "bilinear"}, (1, 1, 2, 3), "square"),
    ],
)
def test_faults(fields, shape, message):
    with pytest.raises(CatdogError, match=message) as caught:
        filled(*shape, **fields)
    assert caught.value.remedy
