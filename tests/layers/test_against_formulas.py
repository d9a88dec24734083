"""Layers of drawn parameters and shapes against formulas in float64 NumPy, which know no torch.

The gradients are held against differences of the formulas, so that nothing of a layer is used
twice.
"""

import numpy as np
import pytest
import torch

from tests.layers import drawn_losses, drawn_plain, drawn_windows  # noqa: F401 - enter their cases
from tests.layers.drawn import CASES
from tests.layers.single import build

SEEDS = range(8)
STEP = 1e-5


def tops_of(given):
    return list(given) if isinstance(given, (list, tuple)) else [given]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("seed", SEEDS)
def test_tops_and_gradients(name, seed):
    rng = np.random.default_rng([seed, *name.encode()])
    drawn = CASES[name](rng)
    shapes = [np.shape(bottom) for bottom in drawn.bottoms]
    layer = build(drawn.text, *shapes, tops=drawn.tops, training=True).double()
    blobs = [blob.detach().numpy().copy() for blob in layer.blobs]
    inputs = [np.array(each, np.float64) for each in (*drawn.bottoms, *blobs)]
    bottoms = [
        torch.tensor(bottom, requires_grad=i in drawn.smooth)
        for i, bottom in enumerate(inputs[: len(shapes)])
    ]
    tops = tops_of(layer(*bottoms))
    expected = tops_of(drawn.formula(*inputs))
    assert [top.shape for top in tops] == [np.shape(each) for each in expected]
    for top, wanted in zip(tops, expected, strict=True):
        np.testing.assert_allclose(top.detach(), wanted, rtol=1e-6, atol=1e-6)
    weights = [rng.normal(size=np.shape(each)) for each in expected]
    torch.autograd.backward(tops, [torch.tensor(weight) for weight in weights])

    def total():
        found = tops_of(drawn.formula(*inputs))
        return sum((top * weight).sum() for top, weight in zip(found, weights, strict=True))

    leaves = [*bottoms, *(layer.blobs.parameter(i) for i in range(len(blobs)))]
    for at, leaf in enumerate(leaves):
        if at in drawn.smooth or (leaf.requires_grad and layer.learns):
            check_some(leaf.grad, inputs[at], total, rng)


def check_some(gradient, numbers, total, rng):
    """Hold some numbers of a gradient against central differences."""
    flat = numbers.reshape(-1)
    for i in rng.choice(flat.size, min(flat.size, 5), replace=False):
        kept = flat[i]
        flat[i] = kept + STEP
        above = total()
        flat[i] = kept - STEP
        slope = (above - total()) / (2 * STEP)
        flat[i] = kept
        assert gradient.reshape(-1)[i].item() == pytest.approx(slope, rel=1e-4, abs=1e-5)
