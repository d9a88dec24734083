import numpy as np
import pytest
import torch

from catdog.errors import LayerError
from tests.layers.single import build, numbers, run


def reversed_reorg(x, stride):
    """The rule of one example, a number after the other."""
    channels, height, width = x.shape
    fewer = channels // stride**2
    out = np.zeros((fewer, height * stride, width * stride))
    for k, h, w in np.ndindex(*x.shape):
        row, column = divmod(k // fewer, stride)
        out[k % fewer, h * stride + row, w * stride + column] = x[k, h, w]
    return out


def reorg(x, stride):
    """What the reversed rule takes to the memory of x."""
    channels, height, width = x.shape
    places = reversed_reorg(np.arange(x.size).reshape(x.shape), stride).astype(int)
    out = np.zeros(x.size)
    out[places.ravel()] = x.ravel()
    return out.reshape(channels * stride**2, height // stride, width // stride)


@pytest.mark.parametrize("shape", [(2, 8, 4, 6), (1, 36, 6, 12), (3, 4, 2, 2)])
@pytest.mark.parametrize("stride", [1, 2, 3, 6])
@pytest.mark.parametrize("reverse", [False, True])
def test_reorg_is_the_rule(shape, stride, reverse):
    if any(
        size % factor for size, factor in zip(shape[1:], (stride**2, stride, stride), strict=True)
    ):
        stride = 2
    text = f'type: "Reorg" reorg_param {{ stride: {stride} reverse: {str(reverse).lower()} }}'
    x = numbers(*shape, grad=True)
    top = run(text, x)
    rule = reversed_reorg if reverse else reorg
    np.testing.assert_array_equal(top.detach(), [rule(each.detach().numpy(), stride) for each in x])
    slopes = numbers(*top.shape, seed=1)
    top.backward(slopes)
    # what moves numbers about is undone by its gradient
    assert torch.equal(run(text, x.grad), slopes)
    layer = build(text, shape)
    assert layer.top_shapes(shape) == [tuple(top.shape)]


def test_what_reverse_undoes():
    x = numbers(2, 4, 6, 6)
    there = run(REORG + "stride: 2 reverse: true }", x)
    assert there.shape == (2, 1, 12, 12)
    memory = run(REORG + "stride: 2 }", there.view(2, 4, 6, 6))
    assert torch.equal(memory.reshape(x.shape), x)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def overlap(a, b):
    wide = min(a[2], b[2]) - max(a[0], b[0])
    tall = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(wide, 0) * max(tall, 0)
    return shared / (sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)) - shared)


def grid(x, biases, reach):
    """Corners of the box, the object's score and the scores of classes, cell by cell."""
    number, boxes = len(x), len(biases)
    height, width = x.shape[2:]
    cells = x.reshape(number, boxes, -1, height, width)
    for n, row, column, k in np.ndindex(number, height, width, boxes):
        each = cells[n, k, :, row, column]
        cx, cy = (column + sigmoid(each[0])) / width, (row + sigmoid(each[1])) / height
        w, h = np.exp(each[2:4]) * biases[k] / (width * reach, height * reach)
        yield (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2), sigmoid(each[4]), each[5:]


def kept(found, threshold):
    """Rows of what no better box covers."""
    rows = []
    for score, kind, box in sorted(found, key=lambda each: -each[0]):
        if all(overlap(box, row[3:]) < threshold for row in rows):
            rows.append([0, kind + 1, score, *box])
    return rows


@pytest.mark.parametrize("seed", range(8))
def test_yolo_v2_is_the_formula(seed):
    rng = np.random.default_rng(seed)
    number, boxes, classes = (int(n) for n in rng.integers(1, (3, 5, 5)))
    sizes = rng.integers(1, 7, (1 + seed % 2, 2))
    biases = rng.uniform(0.5, 4, (boxes, 2)).astype(np.float32)
    bottoms = [rng.normal(size=(number, boxes * (5 + classes), *size)) for size in sizes]
    listed = " ".join(f"biases: {each}" for each in biases.ravel())
    top = run(
        f'type: "YoloDetectionOutput" yolo_detection_output_param {{ num_classes: {classes} '
        f"num_box: {boxes} confidence_threshold: 0.25 nms_threshold: 0.375 {listed} }}",
        *(torch.from_numpy(each) for each in bottoms),
    )
    found = []
    for x in bottoms:
        for box, sure, scores in grid(x, biases, 1):
            shares = np.exp(scores) / np.exp(scores).sum()
            if sure * shares.max() >= 0.25:
                found.append((sure * shares.max(), shares.argmax(), box))
    expected = kept(found, 0.375) or [[n, *[-1] * 6] for n in range(number)]
    np.testing.assert_allclose(top[0, 0], expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_yolo_v3_is_the_formula(seed):
    rng = np.random.default_rng(seed)
    number, boxes, classes, grids = (int(n) for n in rng.integers(1, (3, 4, 5, 4)))
    biases = rng.uniform(10, 90, (grids * boxes + 2, 2)).astype(np.float32)
    masks = rng.permutation(len(biases))[: grids * boxes]
    scales = [int(each) for each in rng.choice([4, 8, 16, 32], grids)]
    bottoms = [
        rng.normal(size=(number, boxes * (5 + classes), *rng.integers(1, 6, 2)))
        for _ in range(grids)
    ]
    listed = " ".join(f"biases: {each}" for each in biases.ravel())
    listed += " ".join(f" mask: {each}" for each in masks)
    listed += " ".join(f" anchors_scale: {each}" for each in scales)
    top = run(
        f'type: "Yolov3DetectionOutput" yolov3_detection_output_param {{ num_classes: {classes} '
        f"num_box: {boxes} mask_group_num: {grids} confidence_threshold: 0.375 "
        f"nms_threshold: 0.625 {listed} }}",
        *(torch.from_numpy(each) for each in bottoms),
    )
    found = [
        (sure * sigmoid(score), kind, box)
        for i, x in enumerate(bottoms)
        for box, sure, scores in grid(x, biases[masks[i * boxes :][:boxes]], scales[i])
        for kind, score in enumerate(scores)
        if sure * sigmoid(score) > 0.375
    ]
    expected = kept(found, 0.625) or [[n, *[-1] * 6] for n in range(number)]
    np.testing.assert_allclose(top[0, 0], expected, rtol=1e-9, atol=1e-12)


def test_a_score_at_the_threshold_counts_in_v2_alone():
    # sigmoid(0) = 0.5
    x = torch.zeros(1, 6, 1, 1)
    assert run(V2 + "confidence_threshold: 0.5 }", x).tolist() == [[[[0, 1, 0.5, 0, 0, 1, 1]]]]
    assert run(V3 + "confidence_threshold: 0.25 }", x)[0, 0, 0, 1] == -1
    assert run(V3 + "confidence_threshold: 0.2 }", x).tolist() == [[[[0, 1, 0.25, 0, 0, 1, 1]]]]


@pytest.mark.parametrize("kind", ["V2", "V3"])
def test_the_thresholds_are_low_unless_given(kind):
    text = {"V2": V2, "V3": V3}[kind]
    x = torch.randn(2, 6, 8, 8, generator=torch.Generator().manual_seed(1))
    full = text + "confidence_threshold: 0.01 nms_threshold: 0.45 }"
    assert torch.equal(run(text + "}", x), run(full, x))


def test_one_suppression_for_all_pictures_and_classes():
    x = torch.zeros(3, 6, 1, 1)
    assert run(V2 + "}", x).shape == (1, 1, 1, 7)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype):
    top = run(V2 + "}", torch.zeros(1, 6, 1, 1, dtype=dtype))
    assert top.tolist() == [[[[0, 1, 0.5, 0, 0, 1, 1]]]]


def test_an_empty_batch():
    assert run(REORG + "stride: 2 }", torch.zeros(0, 4, 4, 6)).shape == (0, 16, 2, 3)
    assert run(V2 + "}", torch.zeros(0, 6, 3, 3)).shape == (1, 1, 0, 7)
    assert run(V3 + "}", torch.zeros(0, 6, 3, 3)).shape == (1, 1, 0, 7)


def test_what_a_net_can_expect():
    shape = (2, 6, 3, 3)
    assert build(V2 + "}", shape).top_shapes(shape) == [(1, 1, 1, 7)]
    assert build(V3 + "}", shape).top_shapes(shape) == [(1, 1, 1, 7)]


REORG = 'type: "Reorg" reorg_param { '
V2 = 'type: "YoloDetectionOutput" yolo_detection_output_param { num_classes: 1 num_box: 1 '
V2 += "biases: [1, 1] "
V3 = 'type: "Yolov3DetectionOutput" yolov3_detection_output_param { num_classes: 1 num_box: 1 '
V3 += "biases: [4, 4] mask: 0 anchors_scale: 4 mask_group_num: 1 "
GRID = (1, 6, 3, 3)


@pytest.mark.parametrize(
    ("text", "given", "message", "field"),
    [
        ('type: "Reorg"', [GRID], "no stride", "stride"),
        (REORG + "stride: 0 }", [GRID], "no stride", "stride"),
        (REORG + "stride: 2 }", [(1, 4, 6)], "4 axes", "bottom"),
        (REORG + "stride: 2 }", [(1, 6, 4, 4)], "6 channels", "stride"),
        (REORG + "stride: 2 }", [(1, 4, 3, 4)], "multiple of stride 2", "stride"),
        (REORG + "stride: 2 }", [(1, 4, 4, 3)], "multiple of stride 2", "stride"),
        (V2 + "coords: 5 }", [GRID], "coords 5", "coords"),
        (V2 + 'label_map_file: "x" }', [GRID], "label_map_file", "label_map_file"),
        (V2 + "}", [(1, 6)], "4 axes", "bottom"),
        (V2 + "}", [(1, 7, 3, 3)], "needs 6 channels", "bottom"),
        (V2 + "}", [GRID, (1, 7, 3, 3)], "needs 6 channels", "bottom"),
        (V2.replace("num_box: 1", "num_box: 2") + "}", [GRID], "2 biases for 2", "biases"),
        (V2.replace("classes: 1", "classes: 0") + "}", [GRID], "num_classes 0", "num_classes"),
        (V3.replace("classes: 1", "classes: 0") + "}", [GRID], "num_classes 0", "num_classes"),
        (V2.replace("num_box: 1", "num_box: 0") + "}", [GRID], "num_box 0", "num_box"),
        (V2.replace("[1, 1]", "[1, -1]") + "}", [GRID], "a bias of -1", "biases"),
        (V3.replace("[4, 4]", "[-1, 4]") + "}", [GRID], "a bias of -1", "biases"),
        (V2 + "nms_threshold: -1 }", [GRID], "nms_threshold -1", "nms_threshold"),
        (V3 + "nms_threshold: -1 }", [GRID], "nms_threshold -1", "nms_threshold"),
        (V3 + "gaussian_box: true }", [GRID], "gaussian_box", "gaussian_box"),
        (V3 + "}", [GRID, GRID], "1 and 2 bottom", "mask_group_num"),
        (V3 + "mask: 0 }", [GRID], "2 numbers in mask", "mask"),
        (V3.replace("mask: 0", "mask: 1") + "}", [GRID], "2 biases for 2", "biases"),
        (V3.replace("anchors_scale: 4", "") + "}", [GRID], r"anchors_scale \[\]", "anchors_scale"),
        (V3.replace("scale: 4", "scale: 0") + "}", [GRID], r"scale \[0\]", "anchors_scale"),
        (V3 + "}", [(1, 7, 3, 3)], "needs 6 channels", "bottom"),
        (
            V3.replace("num_box: 1", "num_box: 0").replace("mask: 0 ", "") + "}",
            [GRID],
            "num_box 0",
            "num_box",
        ),
    ],
)
def test_faults(text, given, message, field):
    with pytest.raises(LayerError, match=message) as caught:
        build(text, *given)
    assert caught.value.field == field
    assert caught.value.remedy
