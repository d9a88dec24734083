import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from catdog.errors import LayerError
from tests.layers.single import build, numbers, run


def interpolated(x, size):
    """One number after the other: positions i * (in - 1) / (out - 1)."""
    top = np.zeros((*x.shape[:2], *size))
    for i, j in np.ndindex(*size):
        corners = []
        for at, n, out in zip((i, j), x.shape[2:], size, strict=True):
            place = at * (n - 1) / (out - 1) if out > 1 else 0.0
            low = min(int(place + 1e-9), n - 1)
            corners.append((low, min(low + 1, n - 1), place - low))
        (top_row, low_row, down), (left, right, across) = corners
        upper = x[:, :, top_row, left] * (1 - across) + x[:, :, top_row, right] * across
        lower = x[:, :, low_row, left] * (1 - across) + x[:, :, low_row, right] * across
        top[:, :, i, j] = upper * (1 - down) + lower * down
    return top


@pytest.mark.parametrize(
    ("fields", "shape", "size"),
    [
        ("height: 7 width: 9", (5, 4), (7, 9)),
        ("height: 1 width: 1", (5, 4), (1, 1)),
        ("height: 3 width: 2", (1, 1), (3, 2)),
        ("zoom_factor: 3", (4, 5), (10, 13)),
        ("shrink_factor: 3", (8, 7), (3, 3)),
        ("shrink_factor: 2 zoom_factor: 2", (8, 7), (7, 7)),
        ("zoom_factor: 2 height: 3 width: 3", (4, 5), (7, 9)),
        ("shrink_factor: 2 height: 3 width: 9", (4, 5), (2, 3)),
        ("shrink_factor: 2 zoom_factor: 2 height: 3 width: 4", (8, 7), (3, 4)),
        ("zoom_factor: 1", (4, 5), (4, 5)),
        ("pad_beg: -1 pad_end: -2 height: 6 width: 5", (7, 8), (6, 5)),
        ("pad_beg: -2 shrink_factor: 2", (7, 8), (3, 3)),
        ("pad_end: -1 zoom_factor: 2", (3, 4), (3, 5)),
        ("height: 4 zoom_factor: 2", (2, 2), (3, 3)),
        ("height: 4 shrink_factor: 1 zoom_factor: 2", (2, 2), (3, 3)),
    ],
)
def test_interp(fields, shape, size):
    x = numbers(2, 3, *shape)
    layer = build(f'type: "Interp" interp_param {{ {fields} }}', x.shape)
    numbers_of = layer.param.interp_param
    begin, end = -numbers_of.pad_beg, numbers_of.pad_end or None
    expected = interpolated(x.numpy()[:, :, begin:end, begin:end], size)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-6, atol=1e-6)
    assert layer.top_shapes(tuple(x.shape)) == [expected.shape]
    assert torch.autograd.gradcheck(layer, numbers(1, 1, *shape, grad=True))


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ("", "has no size"),
        ("height: 4", "has one of height and width"),
        ("height: 4 width: 0", "has width 0"),
        ("height: -4 width: 2", "has height -4"),
        ("zoom_factor: 0", "has zoom_factor 0"),
        ("shrink_factor: -2", "has shrink_factor -2"),
        ("pad_beg: 1 zoom_factor: 2", "has pad_beg 1"),
        ("pad_end: 2 zoom_factor: 2", "has pad_end 2"),
        ("pad_beg: -2 pad_end: -3 zoom_factor: 2", "crops all of its bottom"),
    ],
)
def test_sizes_that_cannot_be(fields, says):
    with pytest.raises(LayerError, match=says):
        build(f'type: "Interp" interp_param {{ {fields} }}', (1, 2, 5, 6))


def seg_scores(matrix):
    total, right = matrix.sum(), np.diag(matrix)
    of_class, found = matrix.sum(1), matrix.sum(0)
    occurs, union = of_class > 0, of_class + found - right
    recall = (right[occurs] / of_class[occurs]).mean() if occurs.any() else 0
    overlaps = [r / u if u else 1 for r, u in zip(right, union, strict=True)]
    return [right.sum() / total if total else 0, recall, np.mean(overlaps)]


def confusion(scores, labels, ignored):
    classes = scores.shape[1]
    matrix = np.zeros((classes, classes))
    for n, i, j in np.ndindex(labels.shape[0], *labels.shape[2:]):
        label = int(labels[n, 0, i, j])
        if label not in ignored:
            column = scores[n, :, i, j]
            matrix[label, max(np.flatnonzero(column == column.max()))] += 1
    return matrix


@given(
    classes=st.integers(1, 6),
    size=st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 5)),
    ignored=st.sampled_from([(), (255,), (255, 1), (0, 255)]),
    levels=st.sampled_from([2, 100]),
    seed=st.integers(0, 9),
)
def test_seg_accuracy(classes, size, ignored, levels, seed):
    generator = np.random.default_rng(seed)
    scores = generator.integers(levels, size=(size[0], classes, *size[1:])) / 7
    usual = [*range(classes), *ignored]
    labels = generator.choice(usual, size=(size[0], 1, *size[1:])).astype(float)
    fields = " ".join(f"ignore_label: {label}" for label in ignored)
    text = f'type: "SegAccuracy" seg_accuracy_param {{ {fields} metric: PixelIOU }}'
    top = run(text, torch.from_numpy(scores), torch.from_numpy(labels))
    assert top.shape == (1, 1, 1, 3)
    expected = seg_scores(confusion(scores, labels, ignored))
    np.testing.assert_allclose(top.flatten(), expected, rtol=1e-6)


def test_without_reset_all_batches_count():
    labels = [
        torch.randint(3, (2, 1, 4, 4), generator=torch.Generator().manual_seed(s)) for s in (1, 2)
    ]
    scores = [numbers(2, 3, 4, 4, seed=seed) for seed in (1, 2)]
    text = 'type: "SegAccuracy" seg_accuracy_param { reset: false }'
    layer = build(text, (2, 3, 4, 4), (2, 1, 4, 4))
    tops = [layer(*pair) for pair in zip(scores, labels, strict=True)]
    both = run('type: "SegAccuracy"', torch.cat(scores), torch.cat(labels))
    torch.testing.assert_close(tops[1], both)
    assert not torch.equal(tops[0], tops[1])


def test_labels_that_do_not_fit():
    with pytest.raises(LayerError, match=r"has labels \[2, 4, 4\]"):
        build('type: "SegAccuracy"', (2, 3, 4, 4), (2, 4, 4))
    with pytest.raises(LayerError, match="has label 3"):
        run('type: "SegAccuracy"', numbers(1, 3, 2, 2), torch.full((1, 1, 2, 2), 3.0))
