"""What a training that guesses is told, and one whose data come in the order of their classes."""

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from catdog.layers import LAYERS
from catdog.layers.base import Layer
from catdog.proto.caffe_pb2 import TRAIN
from catdog.solver.divergence import SingleClassDetector
from catdog.solver.events import Warned
from catdog.solver.guessing import GuessingDetector, in_order
from tests.layers.single import build
from tests.runs import NET, Rows, Run, rows, small

SHARES = [0.6, 0.3, 0.1]


def unbalanced() -> Rows:
    feed = rows(80, 16)
    labels = np.random.default_rng(1).permutation(np.repeat([0, 1, 2], [48, 24, 8]))
    feed.arrays["label"] = torch.from_numpy(labels.astype(np.float32))
    return feed


def warnings(run: Run) -> list[str]:
    return [event.what for event in run.events if isinstance(event, Warned)]


def guesses(shares: list[float]) -> Run:
    """A training of a net that gives every example these shares, and goes on to."""
    made = Run(base_lr=1e-20, feed=unbalanced())
    weights, bias = made.solver.net.layer_blobs()["ip2"]
    weights.zero_()
    bias.copy_(torch.tensor(shares).log())
    return made


@pytest.mark.parametrize("shares", [SHARES, [1 / 3] * 3])
def test_guessing_is_told_whatever_the_balance_of_the_classes(shares: list[float]) -> None:
    made = guesses(shares)
    made.solver.step(1000)
    (told,) = warnings(made)
    assert told.startswith("iteration 499: for 500 iterations the loss has been ")
    loss = -sum(p * math.log(q) for p, q in zip(SHARES, shares, strict=True))
    assert float(told.split()[9].rstrip(",")) == pytest.approx(loss, rel=0.01)


def test_another_loss_between_both_is_no_guess() -> None:
    made = guesses([0.5, 0.3, 0.2])
    made.solver.step(500)
    assert not warnings(made)


def detector(tested: bool) -> tuple[GuessingDetector, dict[str, torch.Tensor]]:
    return GuessingDetector(small(TRAIN), tested=tested), unbalanced().next()


def block(watch: GuessingDetector, batch: dict[str, torch.Tensor], start: int, loss: float) -> str:
    told = []
    for iteration in range(start, start + 500):
        watch.see(iteration, batch)
        told.append(watch.train(iteration, loss))
    return next((text for text in told if text), "")


def test_where_tests_are_made_the_next_one_decides() -> None:
    watch, batch = detector(tested=True)
    assert not block(watch, batch, 0, math.log(3))
    assert not watch.test(True)
    assert not block(watch, batch, 500, math.log(3))
    assert "iteration 999" in watch.test(False)
    # told once
    assert not block(watch, batch, 1000, math.log(3))
    assert not watch.test(False)
    # and anew when it had been better
    assert not block(watch, batch, 1500, 0.5)
    assert not block(watch, batch, 2000, math.log(3))
    assert not watch.test(None)
    assert "iteration 2999" in block(watch, batch, 2500, math.log(3))


def test_a_test_says_whether_more_are_right_than_have_the_commonest_label() -> None:
    def learns(right: int) -> bool | None:
        watch = SingleClassDetector(small(1))
        labels = torch.tensor([0.0] * 60 + [1.0] * 40)
        scores = torch.zeros(100, 3)
        scores[:, 2] = 1
        scores[torch.arange(right), labels[:right].long()] = 2
        watch.add(dict(zip(watch.blobs, (scores, labels), strict=True)))
        watch.finish(1)
        return watch.learns

    assert [learns(right) for right in (0, 60, 69, 71, 100)] == [False, False, False, True, True]


def means(*batches: list[int]) -> torch.Tensor:
    return torch.stack([torch.eye(2)[batch].mean(0) for batch in batches])


def test_batches_of_one_class_each() -> None:
    cats, dogs, both = [0] * 8, [1] * 8, [0] * 4 + [1] * 4
    told = in_order(means(cats, cats, cats, both, dogs, dogs, dogs, both, cats, cats), 8)
    assert told.startswith("8 of the first 10 batches have one class each: are the data in the ord")
    assert in_order(means(*[cats] * 10), 8).startswith("all 80 examples of the first 10 batches")
    assert not in_order(means(*[cats] * 10), 4)
    assert not in_order(means(*[cats, both] * 4, both, both), 8)
    assert not in_order(means(*[cats] * 5, *[dogs] * 5), 1)


@pytest.mark.parametrize(("size", "share"), [(2, 0.5), (4, 0.7), (8, 0.9), (32, 0.95)])
def test_shuffled_batches_are_not_told(size: int, share: float) -> None:
    rng = np.random.default_rng(5)
    for _ in range(20):
        labels: NDArray[np.int64] = (rng.random((10, size)) > share).astype(np.int64)
        assert not in_order(means(*labels.tolist()), size)


def test_a_training_tells_of_its_order_once() -> None:
    feed = rows(80, 8)
    feed.arrays["label"] = feed.arrays["label"].sort().values
    made = Run(feed=feed)
    made.solver.step(30)
    (told,) = warnings(made)
    assert told.startswith("8 of the first 10 batches have one class each")


LOSSES = {
    "SoftmaxWithLoss": ("", (40,)),
    "SoftmaxWithLoss ": ("loss_param { label_smoothing: 0.2 }", (40,)),
    "SoftmaxWithLoss  ": ("loss_param { ignore_label: 1 }", (40,)),
    "SoftmaxWithLoss   ": ("", (40, 3)),
    "SigmoidCrossEntropyLoss": ("", (40, 3)),
    "SigmoidCrossEntropyLoss ": ("loss_param { normalization: FULL }", (40, 3)),
    "MultinomialLogisticLoss": ("", (40,)),
}


@pytest.mark.parametrize("name", LOSSES)
def test_no_single_answer_has_a_smaller_loss_than_guessing(name: str) -> None:
    fields, shape = LOSSES[name]
    text = f'type: "{name.strip()}" {fields}'
    rng = np.random.default_rng(3)
    given = rng.integers(0, 3, shape) if len(shape) == 1 else rng.dirichlet([1, 1, 1], 40)
    labels = torch.from_numpy(given.astype(np.float32))
    layer = build(text, (40, 3), shape, training=True)
    mean = layer.mean_label(labels, (40, 3))
    assert mean is not None
    guess = layer.guessing_loss(mean)
    answer = best_answer(layer, labels)
    assert guess == pytest.approx(layer(answer, labels).item(), rel=1e-4)


def best_answer(layer: Layer, labels: torch.Tensor) -> torch.Tensor:
    """One row of scores for all examples, found by descent."""
    row = torch.zeros(1, 3, requires_grad=True)
    steps = torch.optim.LBFGS([row], max_iter=100, line_search_fn="strong_wolfe")
    given = layer.takes_probabilities

    def answer() -> torch.Tensor:
        return (row.softmax(1) if given else row).expand(40, 3)

    def loss() -> torch.Tensor:
        steps.zero_grad()
        value: torch.Tensor = layer(answer(), labels)
        value.backward()
        return value

    steps.step(loss)
    return answer().detach()


def test_labels_that_are_compared_with_nothing_are_not_kept() -> None:
    made = Run(text=NET.replace('"SoftmaxWithLoss"', '"HingeLoss"'), base_lr=1e-4)
    made.solver.step(30)
    assert not made.solver._divergence.guessing._labels._kept


def test_a_loss_that_takes_probabilities_is_not_given_scores() -> None:
    text = NET.replace('"SoftmaxWithLoss"', '"MultinomialLogisticLoss"')
    wrong = Run(text=text)
    wrong.solver.step(2)
    (told,) = warnings(wrong)
    assert told.startswith('layer "loss" (MultinomialLogisticLoss) takes probabilities and gets')
    soft = 'layer { name: "soft" type: "Softmax" bottom: "ip2" top: "soft" } layer { name: "loss"'
    right = Run(
        text=text.replace('layer { name: "loss"', soft).replace(
            'bottom: "ip2" bottom: "label" top: "loss"',
            'bottom: "soft" bottom: "label" top: "loss"',
        )
    )
    right.solver.step(2)
    assert not warnings(right)


def test_every_loss_that_scores_classes_knows_their_shares() -> None:
    for name, kind in LAYERS.items():
        if kind.is_loss and kind.scores_classes and name != "InfogainLoss":
            layer = build(f'type: "{name}"', (4, 3), (4,))
            shares = layer.mean_label(torch.tensor([0.0, 2, 2, 2]), (4, 3))
            assert shares is not None
            assert shares.tolist() == [0.25, 0, 0.75]
