import numpy as np
import pytest
import torch
from google.protobuf import text_format

from catdog.errors import LayerError
from catdog.net.unused_fields import unread
from catdog.proto.caffe_pb2 import NetParameter
from tests.layers.forks.test_boxes import drawn_boxes, overlap
from tests.layers.forks.test_detection import decoded
from tests.layers.single import build

f4 = np.float32


def offset_of(code, prior, v, box):
    """The inverse of `decoded`."""
    if code == "CORNER":
        return (box - prior) / v
    w, h = prior[2:] - prior[:2]
    if code == "CORNER_SIZE":
        return (box - prior) / [w, h, w, h] / v
    x, y = (box[:2] + box[2:] - prior[:2] - prior[2:]) / 2
    sides = (box[2:] - box[:2]) / [w, h]
    return np.array([x / w, y / h, *np.log(sides)]) / v


def matched(boxes, true, how):
    """The index of a true box for each of boxes, -1 without, -2 ignored; the largest overlaps."""
    shares = np.array([[overlap(a, b) for b in true] for a in boxes]).reshape(len(boxes), -1)
    shares[shares <= 1e-6] = 0
    which = np.full(len(boxes), -1)
    if how["inside_only"]:
        out = ((boxes < 0) | (boxes > 1)).any(1)
        which[out], shares[out] = -2, 0
    most = shares.max(1, initial=0)
    left = shares.copy()
    while left.size and left.max() > 0:
        a, b = np.unravel_index(left.argmax(), left.shape)
        which[a] = b
        left[a] = left[:, b] = 0
    for a in range(len(boxes)):
        if how["each"] and which[a] == -1 and most[a] > 0 and most[a] >= f4(how["threshold"]):
            which[a] = shares[a].argmax()
    return which, most


def confidence(scores, targets, how):
    """The loss of a prior: of a label, or of marks for all classes."""
    if how["softmax"]:
        e = np.exp(scores - scores.max())
        return -np.log(e / e.sum())[targets]
    marks = np.isin(np.arange(len(scores)), targets)
    return (np.logaddexp(0, scores) - marks * scores).sum()


def smooth(d, how):
    if how["l2"]:
        return d**2 / 2
    return np.where(np.abs(d) < 1, d**2 / 2, np.abs(d) - 0.5)


def slope(d, how):
    return d if how["l2"] else np.clip(d, -1, 1)


def probabilities(scores, how):
    e = np.exp(scores - scores.max())
    return e / e.sum() if how["softmax"] else 1 / (1 + np.exp(-scores))


def difference(case, image, prior, which, box, how):
    """What is wrong in an offset, and whether it gets a gradient."""
    loc, _, priors, v, _ = case
    v = v[prior]
    code, inside = how["code"], how["inside"]
    own = loc[image, prior, which]
    wanted = offset_of(code, priors[prior], 1 if inside else v, box)
    d = own - wanted
    if how["bp_inside"]:
        placed = priors[prior]
        if not how["by_prior"]:
            placed = decoded(code, placed, np.ones(4) if inside else v, own)
        d[(placed < 0) | (placed > 1)] = 0
    return d / v if inside else d


def mined(case, image, which, most, true, how):
    """The matches that stay and the background of an image."""
    loc, conf, priors, v, _ = case
    losses = np.zeros(len(priors))
    for p, k in enumerate(which):
        label = int(true[k, 1]) if k >= 0 else how["background"]
        losses[p] = confidence(conf[image, p], label, how)
        if how["mining"] == "HARD_EXAMPLE" and k >= 0:
            losses[p] += smooth(difference(case, image, p, 0, true[k, 3:7], how), how).sum()
    if how["mining"] == "HARD_EXAMPLE":
        eligible, number = np.arange(len(priors)), how["sample"]
    else:
        eligible = np.flatnonzero((which == -1) & (most < f4(how["neg_overlap"])))
        number = int(f4((which >= 0).sum()) * f4(how["ratio"]))
    order = eligible[np.argsort(-losses[eligible], kind="stable")]
    if how["nms"]:
        kept = []
        for p in order[: how["top_k"]]:
            box = priors[p]
            if not how["nms_by_prior"]:
                box = decoded(
                    how["code"], box, np.ones(4) if how["inside"] else v[p], loc[image, p, 0]
                )
            sides = box[2:] - box[:2]
            large = sides.min() > 0 and sides.prod() >= 1e-5
            if large and all(overlap(box, other) <= f4(how["nms"]) for _, other in kept):
                kept.append((p, box))
        order = np.array([p for p, _ in kept], int)
    chosen = np.isin(np.arange(len(priors)), order[:number])
    background = chosen & (which == -1)
    if how["mining"] == "HARD_EXAMPLE":
        which = np.where((which >= 0) & ~chosen, -1, which)
    return which, background


def expected(case, how):
    """The loss and the gradients of offsets and scores, prior by prior."""
    loc, conf, priors, v, rows = case
    d_loc, d_conf = np.zeros_like(loc), np.zeros_like(conf)
    total_loc = total_conf = matches = 0
    for image in range(len(loc)):
        true = rows[(rows[:, 0] == image) & ((rows[:, 7] == 0) | how["difficult"])]
        labels = [[] for _ in priors]
        background = np.full(len(priors), how["mining"] == "NONE")
        sets = [None] if how["shared"] else range(conf.shape[2])
        for label in sets if len(true) else []:
            if label == how["background"]:
                continue
            mine = true if label is None else true[true[:, 1] == label]
            boxes = priors
            if not how["by_prior"]:
                boxes = np.array(
                    [
                        decoded(how["code"], q, np.ones(4) if how["inside"] else w, o)
                        for q, w, o in zip(priors, v, loc[image, :, label or 0], strict=True)
                    ]
                )
                which, most = matched(boxes, mine[:, 3:7], how)
            else:
                which, most = matched(boxes, true[:, 3:7], how)
                if label is not None:
                    which[(which >= 0) & (true[which.clip(0), 1] != label)] = -1
                mine = true
            if how["mining"] != "NONE":
                which, background = mined(case, image, which, most, mine, how)
            for p in np.flatnonzero(which >= 0):
                matches += 1
                labels[p].append(int(mine[which[p], 1]))
                d = difference(case, image, p, label or 0, mine[which[p], 3:7], how)
                total_loc += smooth(d, how).sum()
                d_loc[image, p, label or 0] += how["weight"] * slope(d, how)
        for p in range(len(priors)):
            if not labels[p] and not background[p]:
                continue
            none = [how["background"]] if how["softmax"] or how["mining"] != "NONE" else []
            of_prior = labels[p] or none
            of_prior = of_prior[-1] if how["softmax"] else of_prior
            total_conf += confidence(conf[image, p], of_prior, how)
            d_conf[image, p] = probabilities(conf[image, p], how) - np.isin(
                np.arange(conf.shape[2]), of_prior
            )
    divisor = {"VALID": matches, "FULL": loc.shape[0] * loc.shape[1], "BATCH_SIZE": len(loc)}
    divisor = max(divisor.get(how["normalization"], 1), 1)
    return (how["weight"] * total_loc + total_conf) / divisor, d_loc / divisor, d_conf / divisor


def drawn(seed):
    rng = np.random.default_rng(seed)
    images, priors, classes = rng.integers(1, 4), rng.integers(4, 30), rng.integers(2, 5)

    def one_of(*values):
        return values[rng.integers(len(values))]

    how = {
        "mining": ["NONE", "MAX_NEGATIVE", "HARD_EXAMPLE"][seed % 3],
        "code": one_of("CORNER", "CENTER_SIZE", "CORNER_SIZE"),
        "each": one_of(True, True, False),
        "threshold": one_of(0.3, 0.5),
        "softmax": one_of(True, True, False),
        "l2": one_of(True, False),
        "inside": one_of(True, False),
        "difficult": one_of(True, False),
        "inside_only": one_of(True, False, False),
        "bp_inside": one_of(True, False, False),
        "by_prior": one_of(True, True, False),
        "background": int(rng.integers(0, classes)),
        "weight": one_of(1.0, 2.5),
        "ratio": one_of(3.0, 0.7),
        "neg_overlap": one_of(0.5, 0.2),
        "sample": one_of(3, 64),
        "nms": one_of(0, 0.45),
        "nms_by_prior": one_of(True, False),
        "top_k": one_of(4, 20),
        "normalization": one_of("VALID", "FULL", "BATCH_SIZE", "NONE"),
    }
    how["shared"] = how["mining"] != "NONE" or one_of(True, False)
    labels = [label for label in range(classes) if label != how["background"]]
    count = int(rng.integers(0, 7))
    boxes = drawn_boxes(rng, priors)
    rows = np.concatenate(
        [
            np.stack([rng.integers(0, images, count), rng.choice(labels, count)], 1),
            np.zeros((count, 1)),
            # near a prior, so that something is matched
            boxes[rng.integers(0, priors, count)] + rng.uniform(-0.03, 0.03, (count, 4)),
            rng.integers(0, 2, (count, 1)),
        ],
        1,
    )
    rows = np.concatenate([rows, np.full((1, 8), -1.0)])
    loc = rng.normal(0, 0.7, (images, priors, 1 if how["shared"] else classes, 4))
    conf = rng.normal(0, 2, (images, priors, classes))
    return (loc, conf, boxes, rng.uniform(0.1, 0.3, (priors, 4)), rows), how


def text_of(how, classes):
    flags = {
        "share_location": how["shared"],
        "use_difficult_gt": how["difficult"],
        "encode_variance_in_target": how["inside"],
        "ignore_cross_boundary_bbox": how["inside_only"],
        "bp_inside": how["bp_inside"],
        "use_prior_for_matching": how["by_prior"],
        "use_prior_for_nms": how["nms_by_prior"],
    }
    text = " ".join(f"{name}: {str(value).lower()}" for name, value in flags.items())
    text += (
        f" num_classes: {classes} mining_type: {how['mining']} code_type: {how['code']}"
        f" match_type: {'PER_PREDICTION' if how['each'] else 'BIPARTITE'}"
        f" overlap_threshold: {how['threshold']} loc_weight: {how['weight']}"
        f" loc_loss_type: {'L2' if how['l2'] else 'SMOOTH_L1'}"
        f" conf_loss_type: {'SOFTMAX' if how['softmax'] else 'LOGISTIC'}"
        f" background_label_id: {how['background']} neg_pos_ratio: {how['ratio']}"
        f" neg_overlap: {how['neg_overlap']} sample_size: {how['sample']}"
    )
    if how["nms"]:
        text += f" nms_param {{ nms_threshold: {how['nms']} top_k: {how['top_k']} }}"
    return (
        f'type: "MultiBoxLoss" multibox_loss_param {{ {text} }} '
        f"loss_param {{ normalization: {how['normalization']} }}"
    )


def bottoms_of(case):
    loc, conf, priors, v, rows = case
    arrays = [
        loc.reshape(len(loc), -1),
        conf.reshape(len(conf), -1),
        np.stack([priors, v]).reshape(1, 2, -1),
        rows.reshape(1, 1, -1, 8),
    ]
    return [torch.from_numpy(array).requires_grad_(i < 2) for i, array in enumerate(arrays)]


@pytest.mark.parametrize("seed", range(90))
def test_the_loss_is_the_rule(seed):
    case, how = drawn(seed)
    bottoms = bottoms_of(case)
    layer = build(text_of(how, case[1].shape[2]), *(bottom.shape for bottom in bottoms))
    loss = layer(*bottoms)
    loss.backward()
    value, d_loc, d_conf = expected(case, how)
    np.testing.assert_allclose(loss.item(), value, rtol=1e-6)
    np.testing.assert_allclose(bottoms[0].grad, d_loc.reshape(len(d_loc), -1), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(
        bottoms[1].grad, d_conf.reshape(len(d_conf), -1), rtol=1e-6, atol=1e-9
    )


def test_the_cases_reach_all_that_there_is():
    seen = [expected(*drawn(seed))[0] > 0 for seed in range(12)]
    assert sum(seen) > 6
    hows = [drawn(seed)[1] for seed in range(90)]
    assert {how["shared"] for how in hows if not how["by_prior"]} == {True, False}
    assert any(how["nms"] and how["mining"] == "HARD_EXAMPLE" for how in hows)


BOTTOMS = [(2, 24), (2, 18), (1, 2, 24), (1, 1, 3, 8)]


def loss_of(fields, *bottoms, **how):
    text = f'type: "MultiBoxLoss" multibox_loss_param {{ num_classes: 3 {fields} }}'
    shapes = [tuple(bottom.shape) for bottom in bottoms] or BOTTOMS
    layer = build(text, *shapes, **how)
    return layer(*bottoms) if bottoms else layer


def plain():
    rng = np.random.default_rng(5)
    boxes = drawn_boxes(rng, 6)
    row = np.concatenate([[0, 1, 0], boxes[2], [0]])
    case = rng.normal(size=(2, 6, 1, 4)), rng.normal(size=(2, 6, 3)), boxes, np.full((6, 4), 0.2)
    return bottoms_of((*case, np.stack([row, row + 0.001 * (np.arange(8) > 2)])))


@pytest.mark.parametrize(
    ("older", "newer"), [("true", "MAX_NEGATIVE"), ("false", "NONE"), ("true", "HARD_EXAMPLE")]
)
def test_the_older_field_of_mining(older, newer):
    bottoms, wanted = plain(), f"mining_type: {newer}"
    both = "" if newer != "HARD_EXAMPLE" else wanted
    assert loss_of(f"do_neg_mining: {older} {both}", *bottoms) == loss_of(wanted, *bottoms)
    assert loss_of("mining_type: NONE", *bottoms) != loss_of("", *bottoms)


def test_what_is_not_propagated_does_not_count():
    bottoms = plain()
    parts = []
    for flags in ("true", "true"), ("true", "false"), ("false", "true"):
        words = " ".join(f"propagate_down: {flag}" for flag in (*flags, "false", "false"))
        text = f'{words} type: "MultiBoxLoss" multibox_loss_param {{ num_classes: 3 }}'
        layer = build(text, *(bottom.shape for bottom in bottoms))
        assert layer.passes_gradient() is (flags == ("true", "true"))
        parts.append(layer(*bottoms).item())
    assert parts[0] == pytest.approx(parts[1] + parts[2]) and min(parts) > 0


def test_one_class_of_objects():
    bottoms = plain()
    bottoms[3][..., 1] = 9
    bottoms[1] = bottoms[1].detach().view(2, 6, 3)[..., :2].reshape(2, 12)
    text = 'type: "MultiBoxLoss" multibox_loss_param { num_classes: 2 %s }'
    shapes = [bottom.shape for bottom in bottoms]
    agnostic = build(text % "map_object_to_agnostic: true", *shapes)(*bottoms)
    bottoms[3][..., 1] = 1
    assert agnostic == build(text % "", *shapes)(*bottoms)


def test_without_true_boxes_there_is_a_gradient_of_zeros():
    bottoms = plain()
    bottoms[3].fill_(-1)
    loss = loss_of("", *bottoms)
    loss.backward()
    assert loss == 0 and not bottoms[0].grad.any() and not bottoms[1].grad.any()
    assert loss_of("mining_type: NONE", *bottoms) > 0


def test_half_precision_is_summed_in_single():
    loss = loss_of("", *(bottom.detach().half() for bottom in plain()))
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, loss_of("", *plain()).float(), rtol=0.02, atol=0.02)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("background_label_id: 3", "background_label_id 3 for 3 classes"),
        ("share_location: false", "mines examples without share_location"),
        ("neg_pos_ratio: -1", "neg_pos_ratio -1"),
        ("mining_type: HARD_EXAMPLE sample_size: 0", "sample_size 0"),
        ("map_object_to_agnostic: true", "3 classes, background 0"),
        ("mining_type: NONE do_neg_mining: true", "mining_type NONE and another do_neg_mining"),
        ("mining_type: NONE share_location: false", r"offsets \[2, 24\]"),
    ],
)
def test_refuses(text, what):
    with pytest.raises(LayerError, match=what) as caught:
        loss_of(text)
    assert caught.value.field and caught.value.remedy


@pytest.mark.parametrize(
    ("text", "what"),
    [("normalization: PRE_FIXED", "PRE_FIXED"), ("ignore_label: 1", "takes no ignore_label")],
)
def test_refuses_fields_of_other_losses(text, what):
    text = f'type: "MultiBoxLoss" multibox_loss_param {{ num_classes: 3 }} loss_param {{ {text} }}'
    with pytest.raises(LayerError, match=what):
        build(text, *BOTTOMS)


def test_wants_a_number_of_classes():
    with pytest.raises(LayerError, match="no num_classes"):
        build('type: "MultiBoxLoss" multibox_loss_param { share_location: true }', *BOTTOMS)


def test_wants_rows_of_8():
    with pytest.raises(LayerError, match="true boxes 1 x 1 x number x 8"):
        build('type: "MultiBoxLoss" multibox_loss_param { num_classes: 3 }', *BOTTOMS[:3], (1, 5))


@pytest.mark.parametrize("label", [0, 3, -2])
def test_refuses_labels_that_are_no_objects(label):
    bottoms = plain()
    bottoms[3][..., 1] = label
    with pytest.raises(LayerError, match=f"true box of label {label}, with 3 classes"):
        loss_of("", *bottoms)


def test_what_mines_nothing_is_told():
    net = text_format.Parse(
        """
        layer { name: "a" type: "MultiBoxLoss" multibox_loss_param { nms_param { } } }
        layer { name: "b" type: "MultiBoxLoss" multibox_loss_param { nms_param { top_k: 9 } } }
        """,
        NetParameter(),
    )
    (line,) = unread(net)
    assert line.startswith('layer "a" (MultiBoxLoss) mines nothing') and "top_k" in line
    assert loss_of("nms_param { }", *plain()) < loss_of("nms_param { top_k: 9 }", *plain())
