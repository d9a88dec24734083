from math import ceil, floor

import numpy as np
import pytest
import torch

from catdog.errors import LayerError
from catdog.layers.forks.rcnn import SmoothL1Loss
from catdog.layers.forks.rfcn import SmoothL1LossOHEM
from tests.layers.forks.test_rcnn import away, drawn_regions, smooth
from tests.layers.single import build, numbers, run

f4 = np.float32


def bins_of(first, last, scale, side, limit):
    """Begin and end of each bin on an axis, in float32."""
    start, end = f4(away(first)) * f4(scale), f4(away(last) + 1) * f4(scale)
    size = max(f4(end - start), f4(0.1)) / f4(side)
    found = ((floor(f4(p) * size + start), ceil(f4(p + 1) * size + start)) for p in range(side))
    return [tuple(min(max(bound, 0), limit) for bound in each) for each in found]


def windows(x, regions, scale, outputs, side):
    for r, (image, x1, y1, x2, y2) in enumerate(regions):
        rows = bins_of(y1, y2, scale, side, x.shape[2])
        columns = bins_of(x1, x2, scale, side, x.shape[3])
        for c, i, j in np.ndindex(outputs, side, side):
            channel = (c * side + i) * side + j
            yield (r, c, i, j), (int(image), channel, slice(*rows[i]), slice(*columns[j]))


@pytest.mark.parametrize("seed", range(12))
def test_psroi_pooling_is_the_formula(seed):
    rng = np.random.default_rng(seed)
    images, outputs, side = (int(n) for n in rng.integers(1, 4, 3))
    height, width = rng.integers(1, 14, 2)
    scale = [1.0, 0.0625, 0.125, 0.3][seed % 4]
    x = rng.normal(size=(images, outputs * side**2, height, width)).astype(f4)
    regions = drawn_regions(rng, 9, images, height, width, scale)
    bottom = torch.from_numpy(x).requires_grad_()
    param = f"output_dim: {outputs} group_size: {side} spatial_scale: {scale}"
    top = run(
        f'type: "PSROIPooling" psroi_pooling_param {{ {param} }}',
        bottom,
        torch.from_numpy(regions),
    )
    expected, gradient = np.zeros(top.shape), np.zeros(x.shape)
    slopes = rng.normal(size=top.shape).astype(f4)
    for at, place in windows(x, regions, scale, outputs, side):
        window = x[place].astype(float)
        if window.size:
            expected[at] = window.mean()
            gradient[place] += slopes[at] / window.size
    np.testing.assert_allclose(top.detach(), expected, rtol=1e-6, atol=1e-7)
    top.backward(torch.from_numpy(slopes))
    np.testing.assert_allclose(bottom.grad, gradient, rtol=1e-5, atol=1e-6)


def test_no_regions_and_corners_that_are_no_numbers():
    x = torch.ones(1, 4, 5, 5)
    assert run(PSROI, x, torch.zeros(0, 5)).shape == (0, 1, 2, 2)
    nan, inf = float("nan"), float("inf")
    wild = torch.tensor([[0, nan, 0, 3, 3], [0, -inf, -inf, inf, inf], [0, 1e30, 0, 1e30, 2]])
    assert run(PSROI, x, wild).isfinite().all()


def test_a_small_mean_beside_large_numbers():
    x = torch.full((1, 4, 40, 60), 1e4)
    x[:, :, 20:, 30:] = 1e-3
    top = run(PSROI, x, torch.tensor([[0.0, 40, 30, 50, 35]]))
    torch.testing.assert_close(top, torch.full((1, 1, 2, 2), 1e-3), rtol=1e-5, atol=0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions(dtype):
    x = torch.ones(1, 4, 5, 5).to(dtype).requires_grad_()
    top = run(PSROI, x, torch.tensor([[0, 1, 1, 3, 3]]).to(dtype))
    assert top.dtype == dtype
    assert (top == 1).all()
    top.sum().backward()
    assert x.grad.dtype == dtype


def test_a_region_of_no_image():
    with pytest.raises(LayerError, match="image 1 of a batch of 1"):
        run(PSROI, torch.ones(1, 4, 3, 3), torch.tensor([[1.0, 0, 0, 1, 1]]))


DIVISORS = {
    "": 24,
    "normalization: VALID": 24,
    "normalization: FULL": 24,
    "normalization: BATCH_SIZE": 2,
    "normalization: NONE": 1,
    "normalization: PRE_FIXED": 1,
    "normalization: PRE_FIXED pre_fixed_normalizer: 128": 128,
    # the fork divides by 1 at least
    "normalization: PRE_FIXED pre_fixed_normalizer: 0.25": 1,
    "normalize: true": 24,
    "normalize: false": 2,
}


@pytest.mark.parametrize("param", DIVISORS)
@pytest.mark.parametrize("weighted", [False, True])
def test_mined_smooth_l1_is_the_formula(param, weighted):
    bottoms = [numbers(2, 5, 3, 4, seed=seed, grad=True) for seed in range(2 + weighted)]
    text = f'type: "SmoothL1LossOHEM" loss_param {{ {param} }}'
    loss, each = run(text, *bottoms, tops=2)
    a, b, *weights = (bottom.detach().numpy() for bottom in bottoms)
    difference = (a - b) * (weights[0] if weights else 1)
    losses = smooth(difference, 1)
    assert loss.item() == pytest.approx(losses.sum() / DIVISORS[param])
    np.testing.assert_allclose(each, losses.sum(1, keepdims=True))
    assert not each.requires_grad
    loss.backward()
    slope = np.where(abs(difference) < 1, difference, np.sign(difference)) / DIVISORS[param]
    np.testing.assert_allclose(bottoms[0].grad, slope)
    np.testing.assert_allclose(bottoms[1].grad, -slope)
    assert not weighted or bottoms[2].grad is None


@pytest.mark.parametrize(
    ("shape", "each"),
    [
        ((3, 4), (3, 1, 1, 1)),
        ((3, 4, 2), (3, 1, 2, 1)),
        ((3,), (3, 1, 1, 1)),
        ((0, 4), (0, 1, 1, 1)),
    ],
)
def test_the_shape_of_the_loss_of_each(shape, each):
    layer = build('type: "SmoothL1LossOHEM"', shape, shape, tops=2)
    assert layer.top_shapes(shape, shape) == [(), each]
    assert layer(torch.ones(shape), torch.ones(shape))[1].shape == each


FOUR = (2, 4, 1, 1)


@pytest.mark.parametrize(
    ("given", "tops", "extra", "kind"),
    [
        (2, 1, "", SmoothL1Loss),
        (4, 1, "", SmoothL1Loss),
        (2, 1, "smooth_l1_loss_param { sigma: 3 }", SmoothL1Loss),
        (3, 1, "", SmoothL1LossOHEM),
        (2, 2, "", SmoothL1LossOHEM),
        (3, 2, "", SmoothL1LossOHEM),
        (2, 1, "loss_param { normalization: PRE_FIXED }", SmoothL1LossOHEM),
    ],
)
def test_which_smooth_l1_it_is(given, tops, extra, kind):
    assert type(build(f'type: "SmoothL1Loss" {extra}', *[FOUR] * given, tops=tops)) is kind


@pytest.mark.parametrize("mode", ["VALID", "FULL", "BATCH_SIZE", "NONE", "PRE_FIXED"])
@pytest.mark.parametrize("ignored", [None, 1])
def test_mined_softmax_is_the_plain_one_with_the_loss_of_each(mode, ignored):
    ignore = "" if ignored is None else f"ignore_label: {ignored}"
    param = f"loss_param {{ normalization: {mode} {ignore} }}"
    scores = numbers(2, 3, 2, 4, grad=True)
    labels = torch.arange(16).view(2, 1, 2, 4) % 3
    loss, shares, each = run(f'type: "SoftmaxWithLossOHEM" {param}', scores, labels, tops=3)
    plain, plain_shares = run(f'type: "SoftmaxWithLoss" {param}', scores, labels, tops=2)
    assert loss == plain
    assert torch.equal(shares, plain_shares)
    x = np.exp(scores.detach().numpy())
    likely = np.take_along_axis(x / x.sum(1, keepdims=True), labels.numpy(), 1)
    counts = np.ones(labels.shape) if ignored is None else labels.numpy() != ignored
    np.testing.assert_allclose(each, -np.log(likely) * counts)
    assert not shares.requires_grad
    assert not each.requires_grad
    count = {"BATCH_SIZE": 2, "NONE": 1, "PRE_FIXED": 1, "VALID": counts.sum()}.get(mode, 16)
    assert loss.item() == pytest.approx((-np.log(likely) * counts).sum() / count)


@pytest.mark.parametrize("labels", [(5,), (5, 1), (5, 1, 1, 1)])
def test_the_loss_of_each_has_the_shape_of_the_labels(labels):
    text = 'type: "SoftmaxWithLossOHEM"'
    layer = build(text, (5, 3), labels, tops=3)
    assert layer.top_shapes((5, 3), labels) == [(), (5, 3), labels]
    tops = layer(torch.zeros(5, 3), torch.zeros(labels))
    assert [tuple(top.shape) for top in tops] == [(), (5, 3), labels]


def annotated(images, losses, labels, weights, count, ignored):
    """One loss after the other, the largest first."""
    left = dict.fromkeys(images.tolist(), count)
    new_labels, new_weights = np.full_like(labels, ignored), np.zeros_like(weights)
    for i in np.argsort(-losses, kind="stable"):
        if left[images[i]]:
            left[images[i]] -= 1
            new_labels[i], new_weights[i] = labels[i], weights[i]
    return new_labels, new_weights


@pytest.mark.parametrize("seed", range(10))
def test_the_hardest_regions_of_each_image(seed):
    rng = np.random.default_rng(seed)
    number, images, count = (int(n) for n in rng.integers(1, (30, 4, 9)))
    number = 0 if seed == 9 else number
    regions = rng.normal(size=(number, 5)).astype(f4)
    regions[:, 0] = rng.integers(0, images, number)
    # rounded: ties
    losses = rng.uniform(0, 3, number).round(seed % 2).astype(f4)
    labels = rng.integers(0, 21, number).astype(f4)
    weights = rng.normal(size=(number, 8)).astype(f4)
    ignored = [-1, 255][seed % 2]
    field = "" if ignored == -1 else "ignore_label: 255"
    got = run(
        f"{ANNOTATOR[:-1]} roi_per_img: {count} {field} }}",
        *(torch.from_numpy(each) for each in (regions, losses, labels, weights)),
        tops=2,
    )
    assert [tuple(each.shape) for each in got] == [(number, 1, 1, 1), (number, 8, 1, 1)]
    expected = annotated(regions[:, 0], losses, labels, weights, count, ignored)
    for mine, theirs in zip(got, expected, strict=True):
        np.testing.assert_array_equal(mine.numpy().reshape(theirs.shape), theirs)


def test_places_of_a_map_are_regions_too():
    regions = torch.zeros(1, 5, 2, 3)
    losses = torch.tensor([[1.0, 5, 2], [6, 0, 3]]).view(1, 1, 2, 3)
    labels, weights = torch.ones(1, 1, 2, 3), torch.ones(1, 4, 2, 3)
    text = f"{ANNOTATOR[:-1]} roi_per_img: 2 }}"
    new_labels, new_weights = run(text, regions, losses, labels, weights, tops=2)
    assert new_labels.flatten().tolist() == [-1, 1, -1, 1, -1, -1]
    assert new_weights[0, 3].flatten().tolist() == [0, 1, 0, 1, 0, 0]


PSROI = 'type: "PSROIPooling" psroi_pooling_param { output_dim: 1 group_size: 2 spatial_scale: 1 }'
ANNOTATOR = 'type: "BoxAnnotatorOHEM" box_annotator_ohem_param { }'
BOXES = [(3, 5, 1, 1), (3, 1, 1, 1), (3,), (3, 8)]
MINED = 'type: "SmoothL1LossOHEM" '


@pytest.mark.parametrize(
    ("text", "given", "tops", "message", "field"),
    [
        (PSROI, [(1, 4), (3, 5)], 1, "4 axes", "bottom"),
        (PSROI, [(1, 4, 3, 3), (3, 6)], 1, "5 numbers", "bottom"),
        (PSROI, [(1, 5, 3, 3), (3, 5)], 1, "needs 4 channels", "bottom"),
        (PSROI.replace("size: 2", "size: 0"), [(1, 4, 3, 3), (3, 5)], 1, "size 0", "group_size"),
        (PSROI.replace("dim: 1", "dim: -1"), [(1, 4, 3, 3), (3, 5)], 1, "dim -1", "output_dim"),
        (PSROI.replace("e: 1", "e: 0"), [(1, 4, 3, 3), (3, 5)], 1, "scale 0", "spatial_scale"),
        ('type: "PSROIPooling"', [(1, 4, 3, 3), (3, 5)], 1, "scale 0", "spatial_scale"),
        (MINED, [FOUR, (2, 5, 1, 1)], 1, "different sizes", "bottom"),
        (MINED, [FOUR, FOUR, (2, 5, 1, 1)], 1, "different sizes", "bottom"),
        (MINED, [(1, 2, 3, 4, 5)] * 2, 1, "4 axes at most", "bottom"),
        (MINED + "loss_param { ignore_label: 1 }", [FOUR] * 2, 1, "ignore_label", "ignore_label"),
        (
            MINED + "loss_param { pre_fixed_normalizer: 4 }",
            [FOUR] * 2,
            1,
            "without normalization: PRE_FIXED",
            "pre_fixed_normalizer",
        ),
        (
            MINED + "loss_param { normalization: PRE_FIXED pre_fixed_normalizer: 0 }",
            [FOUR] * 2,
            1,
            "pre_fixed_normalizer 0",
            "pre_fixed_normalizer",
        ),
        (
            'type: "SoftmaxWithLossOHEM" loss_param { label_smoothing: 0.1 }',
            [(4, 3), (4,)],
            3,
            "no label_smoothing",
            "label_smoothing",
        ),
        ('type: "SoftmaxWithLossOHEM"', [(4, 3), (4, 3)], 3, "12 labels", "bottom"),
        (ANNOTATOR, BOXES, 2, "roi_per_img 0", "roi_per_img"),
        (f"{ANNOTATOR[:-1]} roi_per_img: 1 }}", [(3, 4), *BOXES[1:]], 2, "5 numbers", "bottom"),
        (
            f"{ANNOTATOR[:-1]} roi_per_img: 1 }}",
            [BOXES[0], (2,), *BOXES[2:]],
            2,
            "a loss for each region",
            "bottom",
        ),
        (f"{ANNOTATOR[:-1]} roi_per_img: 1 }}", [*BOXES[:3], (2, 8)], 2, "weights for", "bottom"),
    ],
)
def test_faults(text, given, tops, message, field):
    with pytest.raises(LayerError, match=message) as caught:
        build(text, *given, tops=tops)
    assert caught.value.field == field
    assert caught.value.remedy
