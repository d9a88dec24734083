from math import ceil, floor

import numpy as np
import pytest
import torch

from catdog.errors import LayerError
from tests.layers.single import build, numbers, run

f4 = np.float32


def away(x):
    return int(np.copysign(floor(abs(float(x)) + 0.5), x))


def drawn_regions(rng, count, images, height, width, scale):
    """Regions in and around the features, some turned round, some with whole or half corners."""
    low = rng.uniform(-0.3, 1, (count, 2))
    high = low + rng.uniform(-0.2, 0.9, (count, 2))
    corners = np.concatenate((low, high), 1) * np.array([width, height, width, height])
    some = rng.random((count, 4)) < 0.4
    corners = np.where(some, np.round(corners * 2) / 2, corners) / scale
    return np.concatenate((rng.integers(0, images, (count, 1)), corners), 1).astype(f4)


def pooled(x, regions, scale, sides):
    """The maxima of the bins, and the place that gets the gradient of each, by the rule."""
    top = np.zeros((len(regions), x.shape[1], *sides), f4)
    places = {}
    for r, (image, *corners) in enumerate(regions):
        x1, y1, x2, y2 = (away(f4(c) * f4(scale)) for c in corners)
        spans = []
        for first, last, limit, side in (
            (y1, y2, x.shape[2], sides[0]),
            (x1, x2, x.shape[3], sides[1]),
        ):
            size = f4(max(last - first + 1, 1)) / f4(side)
            bins = [
                (floor(f4(p) * size) + first, ceil(f4(p + 1) * size) + first) for p in range(side)
            ]
            spans.append([(min(max(a, 0), limit), min(max(b, 0), limit)) for a, b in bins])
        for c, i, j in np.ndindex(x.shape[1], *sides):
            (top_row, end_row), (left, end) = spans[0][i], spans[1][j]
            window = x[int(image), c, top_row:end_row, left:end]
            if window.size:
                row, column = np.unravel_index(window.argmax(), window.shape)
                top[r, c, i, j] = window[row, column]
                row, column = row + top_row, column + left
                if y1 <= row <= y2 and x1 <= column <= x2:
                    places[r, c, i, j] = (int(image), c, row, column)
    return top, places


@pytest.mark.parametrize("seed", range(12))
def test_roi_pooling_is_the_formula(seed):
    rng = np.random.default_rng(seed)
    images, channels = rng.integers(1, 4, 2)
    height, width = rng.integers(1, 14, 2)
    sides = tuple(int(side) for side in rng.integers(1, 8, 2))
    scale = [1.0, 0.0625, 0.125, 0.3][seed % 4]
    # few values: ties
    x = rng.integers(-3, 4, (images, channels, height, width)).astype(f4)
    regions = drawn_regions(rng, 9, images, height, width, scale)
    bottom = torch.from_numpy(x).requires_grad_()
    param = f"pooled_h: {sides[0]} pooled_w: {sides[1]} spatial_scale: {scale}"
    text = f'type: "ROIPooling" roi_pooling_param {{ {param} }}'
    top = run(text, bottom, torch.from_numpy(regions))
    expected, places = pooled(x, regions, scale, sides)
    np.testing.assert_array_equal(top.detach(), expected)
    slopes = rng.normal(size=expected.shape).astype(f4)
    top.backward(torch.from_numpy(slopes))
    gradient = np.zeros(x.shape)
    for at, place in places.items():
        gradient[place] += slopes[at]
    np.testing.assert_allclose(bottom.grad, gradient, rtol=1e-5, atol=1e-6)


def test_a_region_turned_round_gets_no_gradient():
    x = torch.arange(25.0).view(1, 1, 5, 5).requires_grad_()
    top = run(ROI, x, torch.tensor([[0.0, 3, 3, 1, 1]]))
    assert top.tolist() == [[[[18.0]]]]
    top.sum().backward()
    assert not x.grad.any()


def test_halves_are_rounded_away_from_zero():
    x = torch.arange(25.0).view(1, 1, 5, 5)
    assert run(ROI, x, torch.tensor([[0, 0, 0, 2.5, 0]])).item() == 3
    # the nearest number below a half, to which adding a half gives 1 in float32
    below = np.nextafter(f4(0.5), f4(0))
    assert run(ROI, x, torch.tensor([[0, 0, 0, below, 0]])).item() == 0


def test_no_regions_and_regions_outside():
    x = torch.ones(1, 2, 5, 5, requires_grad=True)
    assert run(ROI, x, torch.zeros(0, 5)).shape == (0, 2, 1, 1)
    outside = run(ROI, x, torch.tensor([[0.0, 9, 9, 12, 12], [0, -9, -9, -7, -7]]))
    assert not outside.any()
    outside.sum().backward()
    assert not x.grad.any()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions(dtype):
    x = torch.arange(25).view(1, 1, 5, 5).to(dtype).requires_grad_()
    top = run(ROI, x, torch.tensor([[0, 1, 1, 3, 3]]).to(dtype))
    assert top.dtype == dtype
    assert top.item() == 18
    top.sum().backward()
    assert x.grad.dtype == dtype


def test_regions_may_have_four_axes():
    x, regions = numbers(1, 2, 5, 5).float(), torch.tensor([[0.0, 1, 1, 3, 3]])
    assert torch.equal(run(ROI, x, regions), run(ROI, x, regions.view(1, 5, 1, 1)))


@pytest.mark.parametrize("image", [-1.0, 2.0])
def test_a_region_of_no_image(image):
    with pytest.raises(LayerError, match=f"image {image:.0f} of a batch of 2"):
        run(ROI, torch.ones(2, 1, 3, 3), torch.tensor([[image, 0, 0, 1, 1]]))


def smooth(d, sigma):
    d = np.abs(d)
    return np.where(d < 1 / sigma**2, 0.5 * (sigma * d) ** 2, d - 0.5 / sigma**2)


@pytest.mark.parametrize("sigma", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("shape", [(3, 8), (1, 8, 4, 5), (2, 3, 7), (5,)])
@pytest.mark.parametrize("weighted", [False, True])
def test_smooth_l1_is_the_formula(sigma, shape, weighted):
    count = 4 if weighted else 2
    bottoms = [numbers(*shape, seed=seed, grad=seed < 2) for seed in range(count)]
    text = f'type: "SmoothL1Loss" smooth_l1_loss_param {{ sigma: {sigma} }}'
    loss = run(text, *bottoms)
    a, b, *weights = (each.detach().numpy() for each in bottoms)
    inside, outside = weights or (1, 1)
    expected = (outside * smooth(inside * (a - b), sigma)).sum() / len(a)
    assert loss.item() == pytest.approx(expected, rel=1e-12)
    layer = build(text, *[shape] * count)
    assert torch.autograd.gradcheck(lambda a, b: layer(a, b, *bottoms[2:]), bottoms[:2])


def test_sigma_is_1_unless_given():
    a, b = numbers(3, 4), numbers(3, 4, seed=1)
    assert run('type: "SmoothL1Loss"', a, b) == run(SMOOTH + "sigma: 1 }", a, b)


def test_the_weights_get_no_gradient():
    bottoms = [numbers(3, 4, seed=seed, grad=True) for seed in range(4)]
    run('type: "SmoothL1Loss"', *bottoms).backward()
    assert [each.grad is not None for each in bottoms] == [True, True, False, False]


@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 4, 5), (6,)])
def test_l1_is_the_formula(shape):
    a, b = numbers(*shape, grad=True), numbers(*shape, seed=1, grad=True)
    loss = run('type: "L1Loss"', a, b)
    loss.backward()
    difference = (a - b).detach().numpy()
    assert loss.item() == pytest.approx(np.abs(difference).sum() / len(a))
    np.testing.assert_allclose(a.grad, np.sign(difference) / len(a))
    np.testing.assert_allclose(b.grad, -np.sign(difference) / len(a))


ROI = 'type: "ROIPooling" roi_pooling_param { pooled_h: 1 pooled_w: 1 }'
SMOOTH = 'type: "SmoothL1Loss" smooth_l1_loss_param { '
DATA, REGIONS = (1, 2, 5, 5), (3, 5)


@pytest.mark.parametrize(
    ("text", "given", "tops", "message", "field"),
    [
        (ROI, [(2, 5), REGIONS], 1, "4 axes", "bottom"),
        (ROI, [DATA, (3, 4)], 1, "5 numbers", "bottom"),
        (ROI, [DATA, (5,)], 1, "5 numbers", "bottom"),
        ('type: "ROIPooling"', [DATA, REGIONS], 1, "no pooled_h", "pooled_h"),
        (ROI.replace("pooled_w: 1", ""), [DATA, REGIONS], 1, "no pooled_w", "pooled_w"),
        (ROI[:-1] + "spatial_scale: 0 }", [DATA, REGIONS], 1, "scale 0", "spatial_scale"),
        (ROI[:-1] + "spatial_scale: -1 }", [DATA, REGIONS], 1, "scale -1", "spatial_scale"),
        (ROI[:-1] + "spatial_scale: nan }", [DATA, REGIONS], 1, "scale nan", "spatial_scale"),
        (SMOOTH + "sigma: 0 }", [(2, 3)] * 2, 1, "sigma 0", "sigma"),
        (SMOOTH + "sigma: -3 }", [(2, 3)] * 4, 1, "sigma -3", "sigma"),
        (SMOOTH + "}", [(2, 3), (2, 4)], 1, "different sizes", "bottom"),
        (SMOOTH + "}", [(2, 3), (2, 3), (2, 3), (2, 4)], 1, "different sizes", "bottom"),
        (SMOOTH + "}", [(2, 3), (3, 2)], 1, "different sizes", "bottom"),
        (SMOOTH + "} loss_param { }", [(2, 3)] * 4, 1, "has 4 bottoms", "bottom"),
        (SMOOTH + "}", [(2, 3)] * 4, 2, "has 4 bottoms", "bottom"),
        ('type: "L1Loss"', [(2, 3), (2, 4)], 1, "different sizes", "bottom"),
        ('type: "L1Loss" loss_param { }', [(2, 3), (2, 3)], 1, "no loss_param", "loss_param"),
    ],
)
def test_faults(text, given, tops, message, field):
    with pytest.raises(LayerError, match=message) as caught:
        build(text, *given, tops=tops)
    assert caught.value.field == field
    assert caught.value.remedy
