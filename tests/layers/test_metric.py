import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from catdog.errors import LayerError
from tests.layers.single import build, numbers, run

CLASSES = 4
rows = st.lists(
    st.tuples(
        st.lists(st.integers(0, 3), min_size=CLASSES, max_size=CLASSES),
        st.integers(0, CLASSES - 1),
    ),
    min_size=1,
    max_size=8,
)


def shares(examples, top_k, ignore):
    """Accuracy and accuracy per class, example by example."""
    right, count = [0] * CLASSES, [0] * CLASSES
    for scores, label in examples:
        if label != ignore:
            others = sum(s >= scores[label] for i, s in enumerate(scores) if i != label)
            count[label] += 1
            right[label] += others < top_k
    each = [r / c if c else 0 for r, c in zip(right, count, strict=True)]
    return sum(right) / max(sum(count), 1), each


@given(rows, st.integers(1, CLASSES), st.sampled_from([None, 0, 2]))
def test_accuracy(examples, top_k, ignore):
    scores = torch.tensor([scores for scores, _ in examples], dtype=torch.float32)
    labels = torch.tensor([label for _, label in examples])
    text = f'type: "Accuracy" accuracy_param {{ top_k: {top_k} '
    text += "}" if ignore is None else f"ignore_label: {ignore} }}"
    accuracy, per_class = run(text, scores, labels.float(), tops=2)
    total, each = shares(examples, top_k, ignore)
    assert accuracy.item() == pytest.approx(total)
    assert per_class.tolist() == pytest.approx(each)
    assert run(text, scores, labels) == accuracy


def test_classes_on_another_axis():
    scores = numbers(2, 3, 5)
    labels = scores.argmax(1)
    assert run('type: "Accuracy"', scores, labels) == 1
    text = 'type: "Accuracy" accuracy_param { axis: -1 }'
    assert run(text, scores, scores.argmax(2).reshape(6)) == 1
    assert run(text, scores, scores.argmin(2)) == 0


def test_ignored_labels_need_not_be_classes():
    text = 'type: "Accuracy" accuracy_param { ignore_label: 255 }'
    assert run(text, torch.eye(3), torch.tensor([0, 255, 1])) == 0.5
    assert run(text, torch.eye(3), torch.full((3,), 255)) == 0


def test_not_a_number_is_not_right():
    assert run('type: "Accuracy"', torch.full((4, 3), math.nan), torch.zeros(4)) == 0


def test_shapes_and_gradient():
    layer = build('type: "Accuracy"', (2, 7, 3), (2, 1, 3), tops=2)
    assert layer.top_shapes((2, 7, 3), (2, 1, 3)) == [(), (7,)]
    assert not layer.is_loss
    x = numbers(2, 7, 3, grad=True)
    assert not any(top.requires_grad for top in layer(x, torch.zeros(2, 3)))


def test_label_out_of_range():
    with pytest.raises(LayerError, match="label 3, but there are 3 classes"):
        run('type: "Accuracy"', torch.eye(3), torch.tensor([0, 1, 3]))


@pytest.mark.parametrize(
    ("text", "given", "message", "field"),
    [
        ('type: "Accuracy"', [(4, 3), (5,)], "5 labels", "bottom"),
        (
            'type: "Accuracy" accuracy_param { top_k: 4 }',
            [(4, 3), (4,)],
            "top_k 4 for 3",
            "accuracy_param.top_k",
        ),
        (
            'type: "Accuracy" accuracy_param { top_k: 0 }',
            [(4, 3), (4,)],
            "top_k 0",
            "accuracy_param.top_k",
        ),
        (
            'type: "Accuracy" accuracy_param { axis: 2 }',
            [(4, 3), (4,)],
            "axis 2",
            "accuracy_param.axis",
        ),
    ],
)
def test_faults(text, given, message, field):
    with pytest.raises(LayerError, match=message) as caught:
        build(text, *given)
    assert caught.value.field == field
    assert caught.value.remedy


def test_the_likeliest_class_of_probabilities_counts():
    scores = torch.tensor([[0.1, 0.9, 0.0], [0.5, 0.1, 0.4], [0.2, 0.3, 0.5]])
    labels = torch.tensor([[0.2, 0.7, 0.1], [0.1, 0.6, 0.3], [0.1, 0.2, 0.7]])
    accuracy, each = run('type: "Accuracy"', scores, labels, tops=2)
    assert accuracy == pytest.approx(2 / 3)
    assert each.tolist() == pytest.approx([0, 0.5, 1])


@given(
    st.lists(st.tuples(st.floats(-2, 2), st.sampled_from([0.0, 1.0, 255.0])), min_size=1),
    st.sampled_from([0.0, 0.5]),
    st.sampled_from([None, 255]),
)
def test_yes_or_no_for_every_score(pairs, threshold, ignore):
    scores = torch.tensor([score for score, _ in pairs], dtype=torch.float64)
    labels = torch.tensor([label for _, label in pairs])
    text = f'type: "Accuracy" accuracy_param {{ threshold: {threshold} '
    text += "}" if ignore is None else f"ignore_label: {ignore} }}"
    counted = [(s, label) for s, label in pairs if label != ignore]
    right = sum((s > threshold) == (label > 0.5) for s, label in counted)
    wanted = right / max(len(counted), 1)
    for shape in ((-1,), (-1, 1)):
        assert run(text, scores.reshape(shape), labels).item() == pytest.approx(wanted)


def test_several_labels_of_an_example():
    text = 'type: "Accuracy" accuracy_param { threshold: 0 }'
    scores = torch.tensor([[1.0, -1, 2], [1, 1, -2]])
    labels = torch.tensor([[1.0, 0, 0], [1, 0, 0]])
    accuracy, each = run(text, scores, labels, tops=2)
    assert accuracy == pytest.approx(4 / 6)
    assert each.tolist() == [1, 0.5, 0.5]


@pytest.mark.parametrize(
    ("param", "labels", "words"),
    [("threshold: 0 top_k: 2", (2, 3), "top_k"), ("threshold: 0", (2, 2), "labels")],
)
def test_questions_that_cannot_be(param, labels, words):
    with pytest.raises(LayerError, match=words):
        build(f'type: "Accuracy" accuracy_param {{ {param} }}', (2, 3), labels)
