import itertools

import numpy as np
import pytest
import torch

from catdog.errors import LayerError
from tests.layers.single import build, run


def sizes_of(least, most, ratios, flip):
    """The boxes of a place, by the rule."""
    listed = [1.0]
    for ratio in ratios:
        if min(abs(ratio - other) for other in listed) >= 1e-6:
            listed += [ratio, 1 / ratio] if flip else [ratio]
    for low, high in itertools.zip_longest(map(int, least), map(int, most)):
        yield low, low
        if high is not None:
            yield (low * high) ** 0.5, (low * high) ** 0.5
        for ratio in listed[1:]:
            yield low * ratio**0.5, low / ratio**0.5


def boxes_of(sizes, feature, image, step=None, offset=0.5, clip=False):
    height, width = image
    down, across = step or (height / feature[0], width / feature[1])
    rows = [
        (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
        for row, column in np.ndindex(feature)
        for x, y in [((column + offset) * across, (row + offset) * down)]
        for w, h in sizes
    ]
    boxes = np.array(rows) / [width, height, width, height]
    return (boxes.clip(0, 1) if clip else boxes).ravel()


@pytest.mark.parametrize("seed", range(12))
def test_prior_boxes_are_the_formula(seed):
    rng = np.random.default_rng(seed)
    feature, image = rng.integers(1, 7, 2), rng.integers(20, 90, 2)
    least = rng.uniform(2, 30, rng.integers(1, 4)).astype("f4").astype(float)
    most = least + 1.5 if seed % 2 else []
    ratios = [2.0, 3.0, 0.5, 1.0, 2.0][: rng.integers(0, 6)]
    flip, clip = bool(rng.integers(2)), bool(rng.integers(2))
    text = "".join(f"min_size: {n:.17g} " for n in least) + "".join(
        f"max_size: {n:.17g} " for n in most
    )
    text += "".join(f"aspect_ratio: {n} " for n in ratios)
    text += f"flip: {str(flip).lower()} clip: {str(clip).lower()} "
    how = {"clip": clip}
    if seed % 3 == 1:
        text += "step_h: 5 step_w: 7.5 img_h: 50 img_w: 40 offset: 0.25"
        how |= {"step": (5, 7.5), "offset": 0.25}
        size = (50, 40)
    elif seed % 3 == 2:
        text, how, size = text + "step: 8 img_size: 64", how | {"step": (8, 8)}, (64, 64)
    else:
        size = tuple(image)
    top = run(
        f'type: "PriorBox" prior_box_param {{ {text} }}',
        torch.zeros(2, 3, *feature),
        torch.zeros(2, 3, *image),
    )
    expected = boxes_of(list(sizes_of(least, most, ratios, flip)), tuple(feature), size, **how)
    np.testing.assert_allclose(top[0, 0], expected, rtol=1e-6, atol=1e-7)
    assert top.shape == (1, 2, len(expected)) and (top[0, 1] == torch.tensor(0.1)).all()


@pytest.mark.parametrize(
    ("given", "four"), [([], [0.1] * 4), ([0.3], [0.3] * 4), ([1, 2, 3, 4],) * 2]
)
def test_clustered_boxes_and_variances(given, four):
    text = "".join(f"variance: {n} " for n in given) + "width: 9.4 height: 15.5 width: 3 height: 2"
    text = f'type: "PriorBoxClustered" prior_box_param {{ {text} }}'
    top = run(text, torch.zeros(1, 1, 3, 2), torch.zeros(1, 1, 30, 40))
    expected = boxes_of([(9.4, 15.5), (3, 2)], (3, 2), (30, 40))
    np.testing.assert_allclose(top[0, 0], expected, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(top[0, 1].view(-1, 4), np.tile(four, (12, 1)), rtol=1e-6)


def test_another_size_another_precision_and_a_copy():
    layer = build('type: "PriorBox" prior_box_param { min_size: 8 }', (1, 1, 2, 2), (1, 1, 16, 16))
    first, image = (
        layer(torch.zeros(1, 1, 2, 2), torch.zeros(1, 1, 16, 16)),
        torch.zeros(1, 1, 16, 16),
    )
    again = layer(torch.zeros(1, 1, 2, 2), image)
    again.zero_()
    assert first.any() and torch.equal(layer(torch.zeros(1, 1, 2, 2), image), first)
    assert layer(torch.zeros(1, 1, 5, 3), image).shape == (1, 2, 60)
    half = layer.half()(torch.zeros(1, 1, 2, 2).half(), image.half())
    assert half.dtype == torch.float32 and torch.equal(half, first)
    assert layer(torch.zeros(1, 1, 2, 2).double(), image.double()).dtype == torch.float64


@pytest.mark.parametrize(
    ("kind", "text", "what"),
    [
        ("PriorBox", "", "no min_size"),
        ("PriorBox", "min_size: 0.5", "min_size 0.5"),
        ("PriorBox", "min_size: 4 max_size: 4", "max_size 4 for min_size 4"),
        ("PriorBox", "min_size: 4 min_size: 5 max_size: 9", "1 max_size for 2 min_size"),
        ("PriorBox", "min_size: 4 aspect_ratio: 0", "aspect_ratio 0"),
        ("PriorBox", "min_size: 4 variance: 1 variance: 2", "2 variances"),
        ("PriorBox", "min_size: 4 variance: 0", "variance 0"),
        ("PriorBox", "min_size: 4 step: 8 step_h: 8", "step and step_h"),
        ("PriorBox", "min_size: 4 step_w: 8", "step_w alone"),
        ("PriorBox", "min_size: 4 step: 0", "step 0"),
        ("PriorBox", "min_size: 4 img_size: 9 img_w: 9", "img_size and img_w"),
        ("PriorBox", "min_size: 4 img_h: 9", "img_h alone"),
        ("PriorBox", "min_size: 4 img_size: 0", "img_size 0"),
        ("PriorBox", "min_size: 4 width: 3", "takes no width"),
        ("PriorBoxClustered", "width: 3 height: 3 min_size: 4", "takes no min_size"),
        ("PriorBoxClustered", "width: 3", "1 width and 0 height"),
        ("PriorBoxClustered", "", "0 width and 0 height"),
        ("PriorBoxClustered", "width: 3 height: 0", "height 0"),
    ],
)
def test_refuses(kind, text, what):
    with pytest.raises(LayerError, match=what) as caught:
        build(f'type: "{kind}" prior_box_param {{ {text} }}', (1, 2, 3, 3), (1, 3, 9, 9))
    assert caught.value.field.startswith("prior_box_param.") and caught.value.remedy


def test_wants_pictures():
    with pytest.raises(LayerError, match="4 axes"):
        build('type: "PriorBox" prior_box_param { min_size: 4 }', (1, 2, 3), (1, 3, 9, 9))
