from math import exp, sqrt

import numpy as np
import pytest
import torch

from catdog.errors import LayerError
from tests.layers.single import build, run


def anchors_of(ratios, scales, base):
    found = []
    for ratio in ratios:
        width = int(sqrt(base**2 / ratio) + 0.5)
        height = int(width * ratio + 0.5)
        found += [(width * scale, height * scale) for scale in scales]
    return found


def overlap(a, b):
    """Intersection over union of boxes of whole pixels."""
    wide = min(a[2], b[2]) - max(a[0], b[0]) + 1
    tall = min(a[3], b[3]) - max(a[1], b[1]) + 1
    shared = max(wide, 0) * max(tall, 0)
    areas = [(box[2] - box[0] + 1) * (box[3] - box[1] + 1) for box in (a, b)]
    return shared / (sum(areas) - shared)


def candidates(scores, corrections, picture, ratios, scales, stride, base, least):
    """Score and box of every anchor at every place, one after the other."""
    height, width, scale_h, scale_w = picture
    anchors = anchors_of(ratios, scales, base)
    for row, column in np.ndindex(*scores.shape[2:]):
        for k, (wide, tall) in enumerate(anchors):
            dx, dy, dw, dh = (float(corrections[0, 4 * k + i, row, column]) for i in range(4))
            # the middle of the anchor's pixels, half a pixel before which its first edge is
            x = column * stride + (base - 1) / 2 + 0.5 + dx * wide
            y = row * stride + (base - 1) / 2 + 0.5 + dy * tall
            w, h = wide * exp(dw), tall * exp(dh)
            edges = (x - w / 2, width), (y - h / 2, height), (x + w / 2, width), (y + h / 2, height)
            box = [min(max(edge, 0), limit - 1) for edge, limit in edges]
            large = (
                box[3] - box[1] + 1 >= least * scale_h and box[2] - box[0] + 1 >= least * scale_w
            )
            yield float(scores[0, len(anchors) + k, row, column]) * large, box


def proposed(found, before, after, threshold):
    kept = []
    for score, box in sorted(found, key=lambda each: -each[0])[:before]:
        if all(overlap(box, other) <= threshold for _, other in kept):
            kept.append((score, box))
    return kept[:after]


@pytest.mark.parametrize("seed", range(10))
def test_proposals_are_the_formula(seed):
    rng = np.random.default_rng(seed)
    ratios = [[0.5, 1, 2], [1], [0.3, 1.7]][seed % 3]
    scales = [[2, 4], [1, 3, 5], [8]][seed // 3 % 3]
    stride, base, least = (int(n) for n in rng.integers((4, 8, 0), (20, 20, 30)))
    before, after = (int(n) for n in rng.integers((5, 1), (80, 40)))
    threshold = round(float(rng.uniform(0.2, 0.8)), 2)
    height, width = (int(n) for n in rng.integers(1, 9, 2))
    number = len(ratios) * len(scales)
    # every score another one, none of them 0
    scores = rng.permutation(np.linspace(0.1, 0.9, 2 * number * height * width))
    scores = scores.reshape(1, -1, height, width)
    corrections = rng.normal(size=(1, 4 * number, height, width)) * 0.3
    picture = [height * stride + 3.0, width * stride - 1.0, 0.6, 1.4]
    fields = (
        " ".join(f"ratio: {each}" for each in ratios)
        + " ".join(f" scale: {each}" for each in scales)
        + f" feat_stride: {stride} base_size: {base} min_size: {least} pre_nms_topn: {before}"
        + f" post_nms_topn: {after} nms_thresh: {threshold}"
    )
    bottoms = [torch.tensor(np.asarray(each)) for each in (scores, corrections, [picture])]
    rois, best = run(f'type: "Proposal" proposal_param {{ {fields} }}', *bottoms, tops=2)
    found = list(candidates(scores, corrections, picture, ratios, scales, stride, base, least))
    # boxes of score 0 have no order
    large = [each for each in found if each[0]]
    expected = proposed(large, before, after, threshold)
    count = int((best > 0).sum())
    assert count == len(expected)
    assert not rois[:, 0].any()
    np.testing.assert_allclose(best[:count], [score for score, _ in expected], rtol=1e-12)
    boxes = np.reshape([box for _, box in expected], (-1, 4))
    np.testing.assert_allclose(rois[:count, 1:], boxes, atol=1e-9)


def test_a_small_box_stays_with_score_0():
    rois, scores = run(ONE + "min_size: 18 }", *SMALL, tops=2)
    assert rois.tolist() == [[0, 0, 0, 16, 16]]
    assert scores.tolist() == [0]
    assert run(ONE + "min_size: 17 }", *SMALL, tops=2)[1].tolist() == [0.75]


def test_the_least_size_is_by_the_scale_of_each_side():
    for scales, score in (((1, 1.5), 0), ((1.5, 1), 0), ((1, 1), 0.75)):
        picture = torch.tensor([[40.0, 40, *scales]])
        assert run(ONE + "min_size: 16 }", *SMALL[:2], picture, tops=2)[1].item() == score


def test_the_defaults():
    given = "feat_stride: 16 base_size: 16 min_size: 16 pre_nms_topn: 6000 post_nms_topn: 300"
    generator = torch.Generator().manual_seed(0)
    bottoms = [torch.rand(1, 4, 30, 30, generator=generator), torch.zeros(1, 8, 30, 30)]
    bottoms.append(torch.tensor([480.0, 480, 1, 1]))
    two = ONE + "scale: 2 "
    plain, full = (run(two + more, *bottoms) for more in ("}", given + " nms_thresh: 0.7 }"))
    assert torch.equal(plain, full)
    assert len(plain) == 300


def test_what_a_net_can_expect():
    shapes = (1, 2, 3, 4), (1, 4, 3, 4), (1, 4)
    assert build(ONE + "}", *shapes, tops=2).top_shapes(*shapes) == [(12, 5), (12,)]
    assert build(ONE + "post_nms_topn: 5 }", *shapes).top_shapes(*shapes) == [(5, 5)]
    assert build(ONE + "pre_nms_topn: 6 }", *shapes).top_shapes(*shapes) == [(6, 5)]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype):
    rois, scores = run(ONE + "}", *(each.to(dtype) for each in SMALL), tops=2)
    assert (rois.tolist(), scores.tolist()) == ([[0, 0, 0, 16, 16]], [0.75])


ONE = 'type: "Proposal" proposal_param { ratio: 1 scale: 1 '
SMALL = (
    torch.tensor([0.25, 0.75]).view(1, 2, 1, 1),
    torch.zeros(1, 4, 1, 1),
    torch.tensor([[40.0, 40, 1, 1]]),
)
SHAPES = [(1, 2, 3, 4), (1, 4, 3, 4), (1, 4)]


@pytest.mark.parametrize(
    ("text", "given", "message", "field"),
    [
        (ONE.replace("ratio: 1 ", "") + "}", SHAPES, "no ratio", "ratio"),
        (ONE.replace("scale: 1 ", "") + "}", SHAPES, "no scale", "scale"),
        (ONE + "ratio: 0 }", SHAPES, "ratio 1, 0", "ratio"),
        (ONE + "ratio: inf }", SHAPES, "ratio 1, inf", "ratio"),
        (ONE + "scale: nan }", SHAPES, "scale 1, nan", "scale"),
        (ONE + "scale: -2 }", SHAPES, "scale 1, -2", "scale"),
        (ONE + "feat_stride: 0 }", SHAPES, "feat_stride 0", "feat_stride"),
        (ONE + "base_size: 0 }", SHAPES, "base_size 0", "base_size"),
        (ONE + "pre_nms_topn: 0 }", SHAPES, "pre_nms_topn 0", "pre_nms_topn"),
        (ONE + "post_nms_topn: 0 }", SHAPES, "post_nms_topn 0", "post_nms_topn"),
        (ONE + "nms_thresh: -1 }", SHAPES, "nms_thresh -1", "nms_thresh"),
        (ONE + "}", [(1, 3, 3, 4), *SHAPES[1:]], "2 channels in bottom 0", "bottom"),
        (ONE + "}", [SHAPES[0], (1, 8, 3, 4), SHAPES[2]], "4 channels in bottom 1", "bottom"),
        (ONE + "}", [SHAPES[0], (1, 4, 4, 3), SHAPES[2]], "one height and width", "bottom"),
        (ONE + "}", [(1, 2), (1, 4), (1, 4)], "2 channels in bottom 0", "bottom"),
        (ONE + "}", [(2, 2, 3, 4), (2, 4, 3, 4), (2, 4)], "batch is of 2", "bottom"),
        (ONE + "}", [*SHAPES[:2], (1, 3)], "scale_h and scale_w", "bottom"),
        (ONE + "}", [*SHAPES[:2], (2, 4)], "scale_h and scale_w", "bottom"),
        (ONE + "}", [*SHAPES[:2], ()], "scale_h and scale_w", "bottom"),
    ],
)
def test_faults(text, given, message, field):
    with pytest.raises(LayerError, match=message) as caught:
        build(text, *given)
    assert caught.value.field == field
    assert caught.value.remedy
