import numpy as np
import pytest
import torch
from google.protobuf import text_format

from catdog.errors import LayerError
from catdog.net.unused_fields import unread
from catdog.proto.caffe_pb2 import NetParameter
from tests.layers.forks.test_boxes import drawn_boxes, overlap, survivors
from tests.layers.single import build, run


def decoded(code, prior, v, offset):
    if code == "CORNER":
        return prior + v * offset
    w, h = prior[2:] - prior[:2]
    if code == "CORNER_SIZE":
        return prior + v * offset * [w, h, w, h]
    x, y = (prior[:2] + prior[2:]) / 2
    x, y = x + v[0] * offset[0] * w, y + v[1] * offset[1] * h
    w, h = w * np.exp(v[2] * offset[2]), h * np.exp(v[3] * offset[3])
    return np.array([x - w / 2, y - h / 2, x + w / 2, y + h / 2])


def detections(loc, conf, prior, how):
    """The rows, image by image and class by class. loc (N, P, L, 4), conf (N, P, C)."""
    rows = []
    for image in range(len(loc)):
        mine = []
        for label in range(conf.shape[2]):
            if label == how["background"]:
                continue
            scores = conf[image, :, label]
            order = [i for i in np.argsort(-scores, kind="stable") if scores[i] > how["least"]]
            order = order if how["top_k"] < 0 else order[: how["top_k"]]
            which = label if loc.shape[2] > 1 else 0
            boxes = [
                decoded(how["code"], prior[0, i], prior[1, i], loc[image, i, which]) for i in order
            ]
            for k in survivors(boxes, how["threshold"], how["eta"]):
                mine.append([image, label, scores[order[k]], *boxes[k]])
        if how["keep"] >= 0:
            best = np.argsort([-row[2] for row in mine], kind="stable")[: how["keep"]]
            mine = [mine[i] for i in sorted(best)]
        rows += mine
    return np.array(rows or [[i, *[-1] * 6] for i in range(len(loc))]).reshape(-1, 7)


def drawn(seed):
    """A message, its bottoms and what the rule needs."""
    rng = np.random.default_rng(seed)
    images, priors, classes = rng.integers(1, 4), rng.integers(1, 25), rng.integers(1, 5)
    shared, inside = bool(seed % 2), bool(rng.integers(2))
    how = {
        "code": ["CORNER", "CENTER_SIZE", "CORNER_SIZE"][seed % 3],
        "threshold": [0.3, 0.45, 0.8][rng.integers(3)],
        "eta": [1, 0.9][rng.integers(2)],
        "top_k": [-1, 0, 5][rng.integers(3) if seed % 4 == 0 else 2],
        "keep": [-1, 0, 4][rng.integers(3)],
        "least": [-np.inf, 0.4, 2][rng.integers(3) if seed % 5 == 0 else 1],
        "background": int(rng.integers(0, classes + 1)),
    }
    text = (
        f"num_classes: {classes} share_location: {str(shared).lower()} code_type: {how['code']} "
        f"background_label_id: {how['background']} keep_top_k: {how['keep']} "
        f"variance_encoded_in_target: {str(inside).lower()} "
        f"nms_param {{ nms_threshold: {how['threshold']} eta: {how['eta']} top_k: {how['top_k']} }}"
    )
    text += "" if np.isinf(how["least"]) else f" confidence_threshold: {how['least']}"
    loc = rng.normal(0, 0.5, (images, priors, 1 if shared else classes, 4))
    # some scores are equal
    conf = rng.integers(0, 12, (images, priors, classes)) / 12
    prior = np.stack([drawn_boxes(rng, priors), rng.uniform(0.1, 0.3, (priors, 4))])
    rule = np.stack([prior[0], np.ones_like(prior[1])]) if inside else prior
    bottoms = [loc.reshape(images, -1), conf.reshape(images, -1), prior.reshape(1, 2, -1)]
    return text, bottoms, detections(loc, conf, rule, how)


@pytest.mark.parametrize("seed", range(60))
def test_detections_are_the_rule(seed):
    text, bottoms, expected = drawn(seed)
    text = f'type: "DetectionOutput" detection_output_param {{ {text} }}'
    got = run(text, *map(torch.from_numpy, bottoms))[0, 0]
    # equal scores at the cut of keep_top_k are undefined; ours are the first
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-7)


def test_the_promised_shape_and_half_precision():
    text, bottoms, expected = drawn(1)
    text = f'type: "DetectionOutput" detection_output_param {{ {text} }}'
    layer = build(text, *(bottom.shape for bottom in bottoms))
    assert layer.top_shapes(*(bottom.shape for bottom in bottoms)) == [(1, 1, 1, 7)]
    half = [torch.from_numpy(bottom).half() for bottom in bottoms]
    assert layer(*half).dtype == torch.float32 and layer(*half).shape[3] == 7 == expected.shape[1]


SHAPES = [(2, 24), (2, 18), (1, 2, 24)]


@pytest.mark.parametrize(
    ("text", "shapes", "what"),
    [
        ("", SHAPES, "no num_classes"),
        ("num_classes: 3 background_label_id: -1", SHAPES, "background_label_id -1"),
        ("num_classes: 3 nms_param { nms_threshold: -0.1 }", SHAPES, "nms_threshold -0.1"),
        ("num_classes: 3 nms_param { eta: 0 }", SHAPES, "eta 0"),
        ("num_classes: 3 nms_param { eta: 1.5 }", SHAPES, "eta 1.5"),
        ("num_classes: 4", SHAPES, r"scores \[2, 18\] in bottom 1 for 6 priors"),
        ("num_classes: 3 share_location: false", SHAPES, r"offsets \[2, 24\] in bottom 0"),
        ("num_classes: 3", [(2, 24), (1, 18), (1, 2, 24)], r"scores \[1, 18\]"),
        ("num_classes: 3", [(2, 24), (2, 18), (1, 2, 23)], "needs priors"),
        ("num_classes: 3", [(2, 24), (2, 18), (2, 24)], "needs priors"),
        ("num_classes: 3", [(2, 24), (2, 18), (1, 1, 24)], "the priors' variances"),
    ],
)
def test_detection_output_refuses(text, shapes, what):
    with pytest.raises(LayerError, match=what) as caught:
        build(f'type: "DetectionOutput" detection_output_param {{ {text} }}', *shapes)
    assert caught.value.field and caught.value.remedy


@pytest.mark.parametrize(("images", "priors"), [(0, 4), (2, 0)])
def test_of_nothing_nothing_is_found(images, priors):
    text = 'type: "DetectionOutput" detection_output_param { num_classes: 3 }'
    shapes = ((images, 4 * priors), (images, 3 * priors), (1, 2, 4 * priors))
    rows = run(text, *map(torch.zeros, shapes)).view(-1, 7)
    assert rows.tolist() == [[image, *[-1] * 6] for image in range(images)]


def test_one_channel_of_priors_will_do_without_variances():
    text = 'type: "DetectionOutput" detection_output_param { num_classes: 3 '
    text += "variance_encoded_in_target: true }"
    bottoms = torch.zeros(2, 24), torch.rand(2, 18), torch.rand(1, 1, 24)
    both = torch.cat([bottoms[2], torch.rand(1, 1, 24)], 1)
    torch.testing.assert_close(run(text, *bottoms), run(text, *bottoms[:2], both))


def test_what_is_not_written_is_told():
    net = text_format.Parse(
        """
        layer { name: "a" type: "DetectionOutput" detection_output_param {
          save_output_param { output_directory: "" label_map_file: "" } } }
        layer { name: "b" type: "DetectionOutput" detection_output_param {
          visualize: true save_output_param { output_directory: "results" } } }
        layer { name: "c" type: "DetectionEvaluate" detection_evaluate_param {
          name_size_file: "sizes.txt" } }
        layer { name: "d" type: "DetectionEvaluate" }
        """,
        NetParameter(),
    )
    written, sizes = unread(net)
    assert written.startswith('layer "b" (DetectionOutput)')
    assert "visualize, save_output_param" in written
    assert 'layer "c"' in sizes and "name_size_file" in sizes


def judged(found, true, labels, threshold, difficult):
    """The rows of DetectionEvaluate, one by one."""
    counts = [bool(difficult or not row[7]) for row in true]
    rows = [
        [-1, c, sum(k for k, row in zip(counts, true, strict=True) if row[1] == c), -1, -1]
        for c in labels
    ]
    for image, label in sorted({(row[0], row[1]) for row in found if row[1] >= 0}):
        mine = [row for row in found if (row[0], row[1]) == (image, label)]
        theirs = [
            (k, row)
            for k, row in zip(counts, true, strict=True)
            if (row[0], row[1]) == (image, label)
        ]
        if theirs:
            mine.sort(key=lambda row: -row[2])
        hit = set()
        for row in mine:
            shares = [overlap(row[3:], other[3:7]) for _, other in theirs]
            best = int(np.argmax(shares)) if shares else -1
            if not shares or shares[best] < threshold:
                mark = 0, 1
            elif not theirs[best][0]:
                mark = 0, 0
            else:
                mark = (0, 1) if best in hit else (1, 0)
                hit.add(best)
            rows.append([image, label, row[2], *mark])
    return np.array(rows)


@pytest.mark.parametrize("seed", range(20))
def test_evaluation_is_the_rule(seed):
    rng = np.random.default_rng(seed)
    background = int(rng.integers(0, 4))
    labels = [label for label in range(4) if label != background]

    def rows(count):
        head = np.stack([rng.integers(0, 3, count), rng.choice(labels, count)], 1)
        return head, drawn_boxes(rng, count)

    head, boxes = rows(int(rng.integers(0, 9)))
    true = np.concatenate([head, 0 * head[:, :1], boxes, rng.integers(0, 2, (len(head), 1))], 1)
    head, boxes = rows(int(rng.integers(0, 16)))
    if len(true):
        near = rng.integers(0, len(true), len(head))
        close = rng.random(len(head)) < 0.7
        head[close], boxes[close] = true[near[close], :2], true[near[close], 3:7] + 0.02
    found = np.concatenate([head, rng.random((len(head), 1)), boxes], 1)
    if seed % 4 == 3:
        found = np.array([[i, *[-1] * 6] for i in range(3)])
    difficult = bool(seed % 2)
    text = (
        f"num_classes: 4 background_label_id: {background} overlap_threshold: 0.4 "
        f"evaluate_difficult_gt: {str(difficult).lower()}"
    )
    padded = np.concatenate([true, np.full((1, 8), -1)])
    got = run(
        f'type: "DetectionEvaluate" detection_evaluate_param {{ {text} }}',
        torch.from_numpy(found.astype(float)).view(1, 1, -1, 7),
        torch.from_numpy(padded.astype(float)).view(1, 1, -1, 8),
    )
    expected = judged(found.tolist(), true.tolist(), labels, np.float32(0.4), difficult)
    np.testing.assert_allclose(got[0, 0], expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("text", "shapes", "what"),
    [
        ("", [(1, 1, 3, 7), (1, 1, 2, 8)], "no num_classes"),
        ("num_classes: 3 overlap_threshold: 0", [(1, 1, 3, 7), (1, 1, 2, 8)], "threshold 0"),
        ("num_classes: 3", [(1, 1, 3, 6), (1, 1, 2, 8)], "number x 7 in bottom 0"),
        ("num_classes: 3", [(1, 1, 3, 7), (1, 1, 2, 7)], "number x 8 in bottom 1"),
    ],
)
def test_evaluation_refuses(text, shapes, what):
    with pytest.raises(LayerError, match=what) as caught:
        build(f'type: "DetectionEvaluate" detection_evaluate_param {{ {text} }}', *shapes)
    assert caught.value.field and caught.value.remedy


@pytest.mark.parametrize("which", [0, 1])
def test_evaluation_refuses_the_background(which):
    rows = [torch.ones(1, 1, 2, 7), torch.ones(1, 1, 2, 8)]
    rows[which][..., 1] = 0
    with pytest.raises(LayerError, match="of the background, label 0"):
        run('type: "DetectionEvaluate" detection_evaluate_param { num_classes: 3 }', *rows)


@pytest.mark.parametrize("label", [3, -1])
def test_evaluation_refuses_boxes_of_no_class(label):
    found, true = torch.ones(1, 1, 2, 7), torch.ones(1, 1, 2, 8)
    true[0, 0, 1, 1] = label
    with pytest.raises(LayerError, match=f"a true box of label {label}, with 3 classes"):
        run('type: "DetectionEvaluate" detection_evaluate_param { num_classes: 3 }', found, true)
