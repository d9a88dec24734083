"""class_weight and pos_weight of a loss, against torch's own losses and finite differences."""

import pytest
import torch
from torch.nn import functional

from catdog.errors import LayerError
from tests.layers.single import build, numbers, run

SOFTMAX, SIGMOID = 'type: "SoftmaxWithLoss"', 'type: "SigmoidCrossEntropyLoss"'
WEIGHTS = [0.5, 2.0, 1.25]
FIELDS = " ".join(f"class_weight: {weight}" for weight in WEIGHTS)
#: The sums that they are means of, and over what torch takes a mean.
DIVISORS = {"FULL": 8, "BATCH_SIZE": 4, "NONE": 1}


def weights(scores):
    return torch.tensor(WEIGHTS, dtype=scores.dtype)


def same(loss, expected, scores):
    torch.testing.assert_close(loss, expected)
    ours, theirs = (torch.autograd.grad(each, scores)[0] for each in (loss, expected))
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("ignored", [None, 1, 255])
@pytest.mark.parametrize("smoothing", [0, 0.2])
def test_a_mean_of_labels_is_torchs(seed, ignored, smoothing):
    scores = numbers(8, 3, 2, seed=seed, grad=True)
    labels = torch.randint(0, 3, (8, 2), generator=torch.Generator().manual_seed(seed))
    labels[0] = 255 if ignored == 255 else labels[0]
    ignore = {} if ignored is None else {"ignore_index": ignored}
    text = f"{FIELDS} label_smoothing: {smoothing}"
    text += "" if ignored is None else f" ignore_label: {ignored}"
    loss = run(f"{SOFTMAX} loss_param {{ {text} }}", scores, labels, training=True)
    expected = functional.cross_entropy(
        scores, labels, weights(scores), label_smoothing=smoothing, **ignore
    )
    same(loss, expected, scores)


@pytest.mark.parametrize("mode", DIVISORS)
def test_other_divisors_stay_what_they_are(mode):
    scores, labels = numbers(4, 3, 2, grad=True), torch.tensor([[0, 1], [2, 2], [1, 1], [0, 2]])
    text = f"{SOFTMAX} loss_param {{ {FIELDS} normalization: {mode} }}"
    loss = run(text, scores, labels, training=True)
    whole = functional.cross_entropy(scores, labels, weights(scores), reduction="sum")
    same(loss, whole / DIVISORS[mode], scores)


@pytest.mark.parametrize("smoothing", [0, 0.2])
def test_probabilities_weigh_what_their_classes_do(smoothing):
    scores, shares = numbers(5, 3, grad=True), numbers(5, 3, seed=4).softmax(1)
    text = f"{SOFTMAX} loss_param {{ {FIELDS} label_smoothing: {smoothing} }}"
    loss = run(text, scores, shares, training=True)
    whole = functional.cross_entropy(
        scores, shares, weights(scores), reduction="sum", label_smoothing=smoothing
    )
    # torch's own mean divides by 5 here, and not for labels
    same(loss, whole / (shares @ weights(scores)).sum(), scores)


def test_sure_probabilities_are_labels():
    scores, labels = numbers(6, 3), torch.tensor([0, 2, 1, 2, 2, 0])
    text = f"{SOFTMAX} loss_param {{ {FIELDS} }}"
    hard = run(text, scores, labels, training=True)
    soft = run(text, scores, functional.one_hot(labels, 3), training=True)
    torch.testing.assert_close(soft, hard)


def test_another_axis_has_the_classes():
    scores, labels = numbers(4, 2, 3, grad=True), torch.tensor([[0, 1], [2, 2], [1, 1], [0, 2]])
    text = f"{SOFTMAX} softmax_param {{ axis: 2 }} loss_param {{ {FIELDS} }}"
    loss = run(text, scores, labels, training=True)
    same(loss, functional.cross_entropy(scores.movedim(2, 1), labels, weights(scores)), scores)


def test_a_batch_of_classes_that_do_not_count_has_no_loss():
    scores = numbers(2, 3, grad=True)
    text = f"{SOFTMAX} loss_param {{ class_weight: 0 class_weight: 1 class_weight: 1 }}"
    loss = run(text, scores, torch.tensor([0, 0]), training=True)
    assert loss == 0
    assert not torch.autograd.grad(loss, scores)[0].any()


@pytest.mark.parametrize("text", [f"{SOFTMAX} loss_param {{ {FIELDS} }}", SOFTMAX])
def test_tests_count_all_alike(text):
    scores, labels = numbers(4, 3), torch.tensor([0, 1, 2, 2])
    torch.testing.assert_close(run(text, scores, labels), functional.cross_entropy(scores, labels))


def test_weights_in_half_the_bits_and_compiled():
    scores, labels = numbers(4, 3).float(), torch.tensor([0, 1, 2, 2])
    layer = build(f"{SOFTMAX} loss_param {{ {FIELDS} }}", (4, 3), (4,), training=True)
    expected = layer(scores, labels)
    assert layer(scores.bfloat16(), labels).item() == pytest.approx(expected.item(), rel=0.01)
    compiled = torch.compile(layer, backend="eager")
    torch.testing.assert_close(compiled(scores, labels), expected)


@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 2), (4,)])
@pytest.mark.parametrize("given", [[2.5], [0.5, 2.0, 1.25]])
@pytest.mark.parametrize("training", [True, False])
def test_the_ones_of_a_sigmoid_weigh_as_in_torch(shape, given, training):
    if len(given) > 1 and len(shape) == 1:
        given = given[:1]
    scores, targets = numbers(*shape, grad=True), numbers(*shape, seed=3).sigmoid()
    fields = " ".join(f"pos_weight: {weight}" for weight in given)
    text = f"{SIGMOID} loss_param {{ {fields} normalization: FULL }}"
    along = torch.tensor(given, dtype=scores.dtype).view(-1, *(1,) * (len(shape) - 2))
    expected = functional.binary_cross_entropy_with_logits(
        scores, targets, pos_weight=along if training else None
    )
    same(run(text, scores, targets, training=training), expected, scores)


@pytest.mark.parametrize(
    ("text", "told", "field"),
    [
        (f"{SOFTMAX} loss_param {{ class_weight: 1 }}", "1 number.* for 3 classes", "class_weight"),
        (f"{SIGMOID} loss_param {{ {FIELDS} }}", "takes no class_weight", "class_weight"),
        (f"{SOFTMAX} loss_param {{ pos_weight: 1 }}", "takes no pos_weight", "pos_weight"),
        (
            f"{SIGMOID} loss_param {{ pos_weight: 1 pos_weight: 1 }}",
            "2 number.* for 3 outputs",
            "pos_weight",
        ),
        (
            f"{SOFTMAX} loss_param {{ class_weight: 1 class_weight: -1 class_weight: 0 }}",
            "class_weight 1, -1, 0",
            "class_weight",
        ),
        (
            f"{SOFTMAX} loss_param {{ class_weight: 0 class_weight: 0 class_weight: 0 }}",
            "not all of them 0|class_weight 0, 0, 0",
            "class_weight",
        ),
    ],
)
def test_weights_that_do_not_fit(text, told, field):
    labels = (4,) if SOFTMAX in text else (4, 3)
    with pytest.raises(LayerError, match=told) as caught:
        build(text, (4, 3), labels)
    assert caught.value.field == field


def test_infogain_loss_has_a_matrix_for_that():
    text = f'type: "InfogainLoss" loss_param {{ {FIELDS} }}'
    with pytest.raises(LayerError, match="takes no class_weight"):
        build(text, (4, 3), (4,), (3, 3))


@pytest.mark.parametrize("smoothing", [0, 0.2])
@pytest.mark.parametrize("mode", ["VALID", "FULL"])
def test_the_loss_of_guessing_is_the_least_of_one_answer(smoothing, mode):
    labels = torch.tensor([0] * 10 + [1] * 3 + [2] * 7)
    text = f"{FIELDS} label_smoothing: {smoothing} normalization: {mode}"
    layer = build(f"{SOFTMAX} loss_param {{ {text} }}", (20, 3), (20,), training=True)
    told = layer.guessing_loss(layer.mean_label(labels, (20, 3)))
    assert told == pytest.approx(least(layer, labels, 3), rel=1e-4)


@pytest.mark.parametrize("given", [[3.0], [3.0, 0.25]])
def test_so_it_is_of_a_sigmoid(given):
    targets = torch.tensor([[1, 0], [0, 0], [0, 1], [1, 1], [1, 0]])
    fields = " ".join(f"pos_weight: {weight}" for weight in given)
    layer = build(f"{SIGMOID} loss_param {{ {fields} }}", (5, 2), (5, 2), training=True)
    told = layer.guessing_loss(layer.mean_label(targets, (5, 2)))
    assert told == pytest.approx(least(layer, targets, 2), rel=1e-4)


def least(layer, labels, outputs):
    """The loss of the best answer that is the same for all, as an optimiser finds it."""
    answer = torch.zeros(outputs, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([answer], max_iter=100, line_search_fn="strong_wolfe")

    def loss():
        optimizer.zero_grad()
        found = layer(answer.expand(len(labels), outputs), labels)
        found.backward()
        return found

    optimizer.step(loss)
    return loss().item()


SEGNET = "weight_by_label_freqs: true " + " ".join(f"class_weighting: {w}" for w in WEIGHTS)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(
    ("fields", "ignored", "divisor"),
    [
        ("", None, 16),
        ("", 1, "valid"),
        ("normalize: false", 1, 8),
        ("normalize: true", 1, "valid"),
        ("normalization: FULL", 1, 16),
        ("normalization: NONE", None, 1),
    ],
)
def test_weights_of_segnet(training, fields, ignored, divisor):
    scores = numbers(8, 3, 2, grad=True)
    labels = torch.randint(0, 3, (8, 2), generator=torch.Generator().manual_seed(0))
    counted = torch.ones_like(labels, dtype=torch.bool) if ignored is None else labels != ignored
    text = f"{SEGNET} {fields}" + ("" if ignored is None else f" ignore_label: {ignored}")
    loss = run(f"{SOFTMAX} loss_param {{ {text} }}", scores, labels, training=training)
    each = functional.cross_entropy(scores, labels, reduction="none") * weights(scores)[labels]
    total = counted.sum() if divisor == "valid" else divisor
    same(loss, each.where(counted, 0).sum() / total, scores)


def test_what_guessing_costs_with_weights_of_segnet():
    layer = build(f"{SOFTMAX} loss_param {{ {SEGNET} }}", (4, 3), (4,))
    shares = torch.tensor([0.5, 0.25, 0.25])
    terms = shares * torch.tensor(WEIGHTS)
    best = (terms / terms.sum()).log()
    assert layer.guessing_loss(shares) == pytest.approx(-(terms * best).sum().item(), rel=1e-6)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ("class_weighting: 1", "class_weighting without weight_by_label_freqs"),
        ("weight_by_label_freqs: true", "weight_by_label_freqs without class_weighting"),
        ("weight_by_label_freqs: true class_weighting: 1", r"has 1 number\(s\) in class_weighting"),
        (f"{SEGNET} {FIELDS}", "takes no class_weight"),
        (f"{SEGNET} label_smoothing: 0.1", "takes no label_smoothing"),
    ],
)
def test_weights_of_segnet_that_cannot_be(fields, says):
    with pytest.raises(LayerError, match=says):
        build(f"{SOFTMAX} loss_param {{ {fields} }}", (4, 3), (4,))


def test_weights_of_segnet_may_be_switched_off():
    off = "weight_by_label_freqs: false class_weighting: 1 class_weighting: 5"
    scores, labels = numbers(4, 3), torch.tensor([0, 1, 2, 1])
    loss = run(f"{SOFTMAX} loss_param {{ {off} }}", scores, labels)
    assert torch.equal(loss, run(SOFTMAX, scores, labels))
    with pytest.raises(LayerError, match="takes no class_weighting"):
        build(f"{SIGMOID} loss_param {{ class_weighting: 1 }}", (4, 3), (4, 3))
