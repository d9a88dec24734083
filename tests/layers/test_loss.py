import math
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, log_softmax, softmax

from catdog.errors import LayerError
from catdog.layers import LAYERS
from catdog.layers.loss import Loss
from catdog.layers.metric import Accuracy
from catdog.proto.caffe_pb2 import BlobProto, BlobShape
from tests.layers.single import build, numbers, run

MODES = ["", "normalization: FULL", "normalization: VALID", "normalization: BATCH_SIZE"]
MODES += ["normalization: NONE", "normalize: true", "normalize: false"]
MODES += ["normalization: NONE normalize: true"]


def divisor(mode, outer, inner, valid, default):
    """The rule of the goldens' README, written again."""
    if not mode:
        mode = default
    if "normalization" in mode:
        mode = mode.split()[1]
    mode = {"normalize: true": "VALID", "normalize: false": "BATCH_SIZE"}.get(mode, mode)
    size = {"FULL": outer * inner, "VALID": valid, "BATCH_SIZE": outer, "NONE": 1}
    return max(size[mode], 1)


def labels_for(classes, *shape, seed=3):
    return np.random.default_rng(seed).integers(0, classes, shape)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("ignore", [None, 1, 255, -1])
@pytest.mark.parametrize("axis", [1, -1])
def test_softmax_with_loss(mode, ignore, axis):
    x = numbers(3, 4, 5, grad=True)
    classes = x.shape[axis]
    labels = labels_for(classes, 3, 20 // classes)
    if ignore in (255, -1):
        labels[0, :2] = ignore
    text = f"{mode} ignore_label: {ignore}" if ignore is not None else mode
    text = f'type: "SoftmaxWithLoss" loss_param {{ {text} }} softmax_param {{ axis: {axis} }}'
    layer = build(text, tuple(x.shape), labels.shape)
    given_labels = torch.tensor(labels, dtype=torch.float32)
    loss = layer(x, given_labels)
    valid = labels != ignore
    logs = np.moveaxis(log_softmax(x.detach().numpy(), axis=axis), axis, -1)
    each = np.take_along_axis(logs, np.where(valid, labels, 0)[..., None], -1)[..., 0]
    by = divisor(mode, *((3, 5) if axis == 1 else (12, 1)), valid.sum(), "VALID")
    assert loss.item() == pytest.approx(-(each * valid).sum() / by, rel=1e-12)
    assert torch.autograd.gradcheck(lambda scores: layer(scores, given_labels), x)


def test_softmax_loss_takes_labels_of_any_kind_and_shape():
    x = numbers(4, 3, 2, 2)
    labels = torch.tensor(labels_for(3, 4, 2, 2))
    losses = [
        run('type: "SoftmaxWithLoss"', x, given_labels)
        for given_labels in (labels, labels.float(), labels.int().reshape(4, 1, 2, 2))
    ]
    assert losses[0] == losses[1] == losses[2]
    last = run('type: "SoftmaxWithLoss"', x.to(memory_format=torch.channels_last), labels)
    torch.testing.assert_close(last, losses[0])


def test_all_labels_ignored_is_no_loss():
    x = numbers(2, 3, grad=True)
    loss = run('type: "SoftmaxWithLoss" loss_param { ignore_label: 7 }', x, torch.full((2,), 7.0))
    loss.backward()
    assert loss == 0
    assert not x.grad.any()


def test_softmax_loss_is_floored_and_its_gradient_is_not():
    x = torch.tensor([[0.0, 200.0], [-math.inf, 0.0]], requires_grad=True)
    loss = run('type: "SoftmaxWithLoss"', x, torch.zeros(2))
    loss.backward()
    assert loss.item() == pytest.approx(-math.log(np.finfo("f4").tiny))
    assert x.grad.tolist() == [[-0.5, 0.5], [-0.5, 0.5]]


def test_second_top_has_the_probabilities():
    x = numbers(3, 4)
    layer = build('type: "SoftmaxWithLoss"', (3, 4), (3,), tops=2)
    assert layer.top_shapes((3, 4), (3,)) == [(), (3, 4)]
    loss, probabilities = layer(x, torch.zeros(3))
    np.testing.assert_allclose(probabilities, softmax(x.numpy(), axis=1))
    assert loss.item() == pytest.approx(-probabilities[:, 0].log().mean().item())


@pytest.mark.parametrize(
    "text",
    [
        'type: "SoftmaxWithLoss"',
        'type: "MultinomialLogisticLoss"',
        'type: "HingeLoss"',
        'type: "SigmoidCrossEntropyLoss"',
        'type: "EuclideanLoss"',
    ],
)
def test_half_precision_is_summed_in_single(text):
    shape = (64, 2000) if "Sigmoid" in text or "Euclid" in text else (64,)
    scores = numbers(64, 2000).abs().half()
    loss = run(text, scores, torch.ones(shape, dtype=torch.float16))
    assert loss.dtype == torch.float32
    exact = run(text, scores.double(), torch.ones(shape))
    assert loss.item() == pytest.approx(exact.item(), rel=1e-5)


LABELLED = ["SoftmaxWithLoss", "MultinomialLogisticLoss", "HingeLoss", "InfogainLoss"]


@pytest.mark.parametrize("kind", LABELLED)
@pytest.mark.parametrize("label", [3, -1])
def test_label_out_of_range(kind, label):
    bottoms = [numbers(2, 3).abs(), torch.tensor([0.0, label])]
    bottoms += [torch.eye(3)] if kind == "InfogainLoss" else []
    with pytest.raises(LayerError, match=f"label {label}, but there are 3 classes"):
        run(f'type: "{kind}"', *bottoms)


@pytest.mark.parametrize("kind", [*LABELLED, "SigmoidCrossEntropyLoss"])
def test_labels_get_no_gradient(kind):
    layer = build(
        f'type: "{kind}"',
        (2, 3),
        (2, 3) if "Sigmoid" in kind else (2,),
        *([(3, 3)] if kind == "InfogainLoss" else []),
    )
    assert layer.is_loss
    assert 1 in layer.no_gradient


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("ignore", [None, 2])
@pytest.mark.parametrize("axis", [1, 2])
def test_infogain(mode, ignore, axis):
    x = numbers(3, 4, 4, grad=True)
    labels = labels_for(4, 3, 4)
    matrix = numbers(4, 4, seed=5).abs()
    text = f"{mode} ignore_label: {ignore}" if ignore is not None else mode
    text = f'type: "InfogainLoss" loss_param {{ {text} }} infogain_loss_param {{ axis: {axis} }}'
    layer = build(text, (3, 4, 4), (3, 4), (1, 1, 4, 4))
    others = torch.tensor(labels), matrix.reshape(1, 1, 4, 4)
    valid = labels != ignore
    logs = np.moveaxis(log_softmax(x.detach().numpy(), axis=axis), axis, -1)
    each = -(matrix.numpy()[labels] * logs).sum(-1)
    by = divisor(mode, *((3, 4) if axis == 1 else (12, 1)), valid.sum(), "VALID")
    assert layer(x, *others).item() == pytest.approx((each * valid).sum() / by, rel=1e-12)
    assert torch.autograd.gradcheck(lambda scores: layer(scores, *others), x)


class TestInfogainSource:
    TEXT = 'type: "InfogainLoss" infogain_loss_param {{ source: "{}" }}'

    @pytest.mark.parametrize("field", ["data", "double_data"])
    def test_equals_a_bottom(self, tmp_path, field):
        matrix = numbers(3, 3, seed=2).float()
        blob = BlobProto(shape=BlobShape(dim=[1, 1, 3, 3]))
        getattr(blob, field).extend(matrix.flatten().tolist())
        path = tmp_path / "h.binaryproto"
        path.write_bytes(blob.SerializeToString())
        x, labels = numbers(4, 3), torch.tensor([0, 1, 2, 1])
        assert run(self.TEXT.format(path), x, labels) == run(
            'type: "InfogainLoss"', x, labels, matrix
        )

    def test_stays_out_of_the_weights(self, tmp_path):
        path = tmp_path / "h.binaryproto"
        path.write_bytes(
            BlobProto(shape=BlobShape(dim=[2, 2]), data=[1, 0, 0, 1]).SerializeToString()
        )
        layer = build(self.TEXT.format(path), (3, 2), (3,))
        assert not layer.state_dict()
        assert layer.top_shapes((3, 2), (3,)) == [()]

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (None, "cannot read"),
            (b"\xff\xff no blob", "cannot read"),
            (BlobProto(data=[1, 2]).SerializeToString(), "cannot read"),
            (
                BlobProto(num=1, channels=1, height=1, width=2, data=[1, 2]).SerializeToString(),
                "2 numbers for 2",
            ),
        ],
    )
    def test_faults(self, tmp_path, content, message):
        path = tmp_path / "h.binaryproto"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(LayerError, match=message) as caught:
            build(self.TEXT.format(path), (3, 2), (3,))
        assert caught.value.field == "infogain_loss_param.source"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("ignore", [None, -1, 0])
def test_sigmoid_cross_entropy(mode, ignore):
    x = numbers(3, 4, 2, grad=True)
    targets = labels_for(2, 3, 4, 2).astype("f8")
    targets[0, 0] = [0.25, -1 if ignore == -1 else 0.5]
    text = f"{mode} ignore_label: {ignore}" if ignore is not None else mode
    layer = build(f'type: "SigmoidCrossEntropyLoss" loss_param {{ {text} }}', (3, 4, 2), (3, 4, 2))
    given_targets = torch.tensor(targets)
    # Caffe compares the target as an int: 0.25 is ignored with 0
    valid = np.trunc(targets) != ignore if ignore is not None else np.ones_like(targets, bool)
    p = expit(x.detach().numpy())
    each = -(targets * np.log(p) + (1 - targets) * np.log(1 - p))
    by = divisor(mode, 3, 8, valid.sum(), "BATCH_SIZE")
    loss = layer(x, given_targets)
    assert loss.item() == pytest.approx((each * valid).sum() / by, rel=1e-12)
    assert torch.autograd.gradcheck(lambda scores: layer(scores, given_targets), x)


def test_sigmoid_cross_entropy_of_large_scores():
    x = torch.tensor([[1000.0, -1000.0]], requires_grad=True)
    loss = run('type: "SigmoidCrossEntropyLoss"', x, torch.tensor([[0.0, 1.0]]))
    loss.backward()
    assert loss == 2000
    assert x.grad.tolist() == [[1, -1]]


def test_multinomial_logistic():
    p = torch.tensor([[0.5, 0.25], [0.0, 1.0]], requires_grad=True)
    loss = run('type: "MultinomialLogisticLoss"', p, torch.tensor([1.0, 0.0]))
    loss.backward()
    assert loss.item() == pytest.approx(-(math.log(0.25) + math.log(1e-20)) / 2)
    np.testing.assert_allclose(p.grad, [[0, -2], [-0.5e20, 0]], rtol=1e-6)


@given(st.integers(1, 4), st.integers(1, 5), st.sampled_from(["L1", "L2"]), st.integers(0, 99))
def test_hinge(batch, classes, norm, seed):
    x = numbers(batch, classes, seed=seed, grad=True)
    labels = labels_for(classes, batch, seed=seed)
    layer = build(
        f'type: "HingeLoss" hinge_loss_param {{ norm: {norm} }}', (batch, classes), (batch,)
    )
    signs = np.where(np.arange(classes) == labels[:, None], -1, 1)
    terms = np.maximum(0, 1 + signs * x.detach().numpy()) ** (1 if norm == "L1" else 2)
    given_labels = torch.tensor(labels)
    assert layer(x, given_labels).item() == pytest.approx(terms.sum() / batch)
    assert torch.autograd.gradcheck(lambda scores: layer(scores, given_labels), x)


def test_hinge_has_no_slope_on_its_margin():
    x = torch.tensor([[1.0, -1.0]], requires_grad=True)
    run('type: "HingeLoss"', x, torch.tensor([0])).backward()
    assert x.grad.tolist() == [[0, 0]]


@pytest.mark.parametrize(
    ("text", "given", "message", "field"),
    [
        ('type: "SoftmaxWithLoss"', [(4, 3), (5,)], "5 labels", "bottom"),
        ('type: "SoftmaxWithLoss"', [(4, 3, 2), (4,)], "for 8 predictions", "bottom"),
        (
            'type: "SoftmaxWithLoss" softmax_param { axis: 2 }',
            [(4, 3), (4,)],
            "axis 2",
            "softmax_param.axis",
        ),
        (
            'type: "InfogainLoss" infogain_loss_param { axis: 3 }',
            [(4, 3), (4,)],
            "axis 3",
            "infogain_loss_param.axis",
        ),
        ('type: "InfogainLoss"', [(4, 3), (4,)], "no infogain", "infogain_loss_param.source"),
        ('type: "InfogainLoss"', [(4, 3), (4,), (3, 2)], "of 6 numbers for 3", "bottom"),
        (
            'type: "InfogainLoss" softmax_param { axis: 1 }',
            [(4, 3), (4,), (3, 3)],
            "axis from infogain",
            "softmax_param.axis",
        ),
        ('type: "SigmoidCrossEntropyLoss"', [(4, 3), (4, 2)], "different sizes", "bottom"),
        ('type: "SigmoidCrossEntropyLoss"', [(4, 3), (3, 4)], "different sizes", "bottom"),
        ('type: "HingeLoss"', [(4, 3), (4, 3)], "12 labels", "bottom"),
        ('type: "MultinomialLogisticLoss"', [(4, 3), (4, 2)], "8 labels", "bottom"),
        (
            'type: "HingeLoss" loss_param { ignore_label: 1 }',
            [(4, 3), (4,)],
            "no loss_param",
            "loss_param",
        ),
    ],
)
def test_faults(text, given, message, field):
    with pytest.raises(LayerError, match=message) as caught:
        build(text, *given)
    assert caught.value.field == field
    assert caught.value.remedy


SOFTMAX = 'type: "SoftmaxWithLoss"'
SMOOTH = f"{SOFTMAX} loss_param {{ label_smoothing: 0.2 }}"


def shares(*shape, axis=1):
    return numbers(*shape, seed=5).softmax(axis)


@pytest.mark.parametrize(("shape", "axis"), [((4, 3), 1), ((4, 3, 2, 2), 1), ((4, 2, 5), 2)])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_labels_that_are_probabilities(shape, axis, smoothing):
    scores, labels = numbers(*shape, grad=True), shares(*shape, axis=axis)
    text = f"{SOFTMAX} softmax_param {{ axis: {axis} }}"
    loss = run(
        f"{text} loss_param {{ label_smoothing: {smoothing} }}", scores, labels, training=True
    )
    expected = torch.nn.functional.cross_entropy(
        scores.movedim(axis, 1), labels.movedim(axis, 1), label_smoothing=smoothing
    )
    torch.testing.assert_close(loss, expected)
    ours, theirs = (torch.autograd.grad(each, scores)[0] for each in (loss, expected))
    torch.testing.assert_close(ours, theirs)


def test_sure_probabilities_are_labels():
    scores, labels = numbers(6, 4), torch.tensor([0, 3, 1, 2, 2, 0])
    hard = run(SOFTMAX, scores, labels)
    soft = run(SOFTMAX, scores, torch.nn.functional.one_hot(labels, 4))
    torch.testing.assert_close(soft, hard)


@pytest.mark.parametrize("ignored", [None, 2])
def test_label_smoothing_is_for_training(ignored):
    scores, labels = numbers(6, 4), torch.tensor([0, 3, 1, 2, 2, 0])
    ignore = {} if ignored is None else {"ignore_index": ignored}
    text = SMOOTH if ignored is None else SMOOTH.replace("{", f"{{ ignore_label: {ignored} ")
    for training, smoothing in ((True, 0.2), (False, 0.0)):
        expected = torch.nn.functional.cross_entropy(
            scores, labels, label_smoothing=smoothing, **ignore
        )
        torch.testing.assert_close(run(text, scores, labels, training=training), expected)


def test_the_divisor_of_probabilities():
    scores, labels = numbers(4, 3, 2), shares(4, 3, 2)
    found = {
        mode: run(f"{SOFTMAX} loss_param {{ normalization: {mode} }}", scores, labels)
        for mode in ("FULL", "VALID", "BATCH_SIZE", "NONE")
    }
    whole = found["NONE"]
    for mode, divisor in {"FULL": 8, "VALID": 8, "BATCH_SIZE": 4}.items():
        torch.testing.assert_close(found[mode] * divisor, whole)


@pytest.mark.parametrize(
    ("text", "labels", "message", "field"),
    [
        (f"{SOFTMAX} loss_param {{ ignore_label: 1 }}", (4, 3), "no ignore", "ignore_label"),
        (f"{SOFTMAX} loss_param {{ label_smoothing: 1 }}", (4,), "smoothing 1", "label_smoothing"),
        (f"{SOFTMAX} loss_param {{ label_smoothing: -1 }}", (4,), "-1", "label_smoothing"),
        (
            SMOOTH.replace("SoftmaxWith", "SigmoidCrossEntropy"),
            (4, 3),
            "no label",
            "label_smoothing",
        ),
    ],
)
def test_what_softer_labels_do_not_go_with(text, labels, message, field):
    with pytest.raises(LayerError, match=message) as caught:
        build(text, (4, 3), labels)
    assert caught.value.field == field


def test_infogain_loss_takes_neither():
    with pytest.raises(LayerError, match="takes no label_smoothing"):
        build(SMOOTH.replace("SoftmaxWith", "Infogain"), (4, 3), (4,), (3, 3))
    with pytest.raises(LayerError, match="has 12 labels"):
        build('type: "InfogainLoss"', (4, 3), (4, 3), (3, 3))


@pytest.mark.parametrize("bottoms", [[(4,), (4,)], [(4,), (4, 2)], [(), (4,)]])
@pytest.mark.parametrize(
    "name",
    ["SoftmaxWithLoss", "InfogainLoss", "MultinomialLogisticLoss", "HingeLoss", "Accuracy"],
)
def test_labels_in_place_of_the_scores_are_one_line(name, bottoms):
    with pytest.raises(LayerError, match="needs a score for each class, but bottom 0 is") as caught:
        build(f'type: "{name}"', *bottoms)
    assert caught.value.remedy == "name the scores first, then the labels"
    assert caught.value.field == "bottom"


def test_an_axis_that_is_given_and_not_there_is_told_as_such():
    with pytest.raises(LayerError, match=r"has no axis 2: its bottom has 2 axes \[4, 3\]"):
        build('type: "SoftmaxWithLoss" softmax_param { axis: 2 }', (4, 3), (4,))


SHAPES = [(1,), (4,), (4, 3), (4, 1), (4, 3, 2, 2), (4, 1, 1, 1), (4, 3, 1, 1), (3, 4)]
#: MultiBoxLoss needs num_classes and bottoms that fit it: tests/layers/forks/test_multibox.py.
MEASURES = [
    name
    for name, kind in LAYERS.items()
    if issubclass(kind, Loss | Accuracy) and name != "MultiBoxLoss"
]


@pytest.mark.parametrize("name", MEASURES)
def test_what_is_built_for_some_shapes_can_compute_with_them(name):
    built = 0
    for shapes in product(SHAPES, repeat=LAYERS[name].bottoms.most):
        try:
            layer = build(f'type: "{name}"', *shapes)
        except LayerError:
            continue
        bottoms = [torch.zeros(shape) for shape in shapes]
        measured = layer(bottoms[0].requires_grad_(), *bottoms[1:])
        if measured.requires_grad:
            measured.backward()
        built += 1
    assert built


def test_a_fixed_divisor():
    scores, targets = numbers(2, 3), numbers(2, 3, seed=1).sigmoid()
    kind = 'type: "SigmoidCrossEntropyLoss" loss_param { normalization: '
    total = run(f"{kind} NONE }}", scores, targets)
    fixed = f"{kind} PRE_FIXED pre_fixed_normalizer: "
    assert run(f"{fixed} 8 }}", scores, targets).item() == pytest.approx(total.item() / 8)
    # by 1 at least, as R-FCN's Caffe
    assert run(f"{fixed} 0.5 }}", scores, targets) == total
    layer = build(f"{fixed} 8 }}", (2, 3), (2, 3))
    assert layer.guessing_loss(torch.full((3,), 0.5)) is None


def test_a_fixed_divisor_without_its_mode():
    text = 'type: "SoftmaxWithLoss" loss_param { pre_fixed_normalizer: 8 }'
    with pytest.raises(LayerError, match="without normalization: PRE_FIXED"):
        build(text, (4, 3), (4,))
