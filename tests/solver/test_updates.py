"""Update rules against their formulas in float64 NumPy, written anew here."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from catdog.errors import WeightsError
from catdog.net.parameters import Learnable
from catdog.proto.caffe_pb2 import SolverParameter
from catdog.solver.updates import UPDATES, Update, faults

A = NDArray[np.float64]
STEPS, RATE = 6, 0.05


def sgd(s: SolverParameter, h: list[A], g: A, r: float, _: int) -> A:
    h[0] = s.momentum * h[0] + r * g
    return h[0]


def nesterov(s: SolverParameter, h: list[A], g: A, r: float, _: int) -> A:
    old = h[0]
    h[0] = s.momentum * old + r * g
    return (1 + s.momentum) * h[0] - s.momentum * old


def adagrad(s: SolverParameter, h: list[A], g: A, r: float, _: int) -> A:
    h[0] = h[0] + g * g
    return r * g / (np.sqrt(h[0]) + s.delta)


def rmsprop(s: SolverParameter, h: list[A], g: A, r: float, _: int) -> A:
    h[0] = s.rms_decay * h[0] + (1 - s.rms_decay) * g * g
    return r * g / (np.sqrt(h[0]) + s.delta)


def adadelta(s: SolverParameter, h: list[A], g: A, r: float, _: int) -> A:
    m = s.momentum
    h[0] = m * h[0] + (1 - m) * g * g
    step = g * np.sqrt((h[1] + s.delta) / (h[0] + s.delta))
    h[1] = m * h[1] + (1 - m) * step * step
    return r * step


def adam(s: SolverParameter, h: list[A], g: A, r: float, t: int) -> A:
    b1, b2 = s.momentum, s.momentum2
    h[0] = b1 * h[0] + (1 - b1) * g
    h[1] = b2 * h[1] + (1 - b2) * g * g
    correction = np.sqrt(1 - b2 ** (t + 1)) / (1 - b1 ** (t + 1))
    return r * correction * h[0] / (np.sqrt(h[1]) + s.delta)


Rule = Callable[[SolverParameter, list[A], A, float, int], A]
RULES: dict[str, tuple[Rule, dict[str, float]]] = {
    "SGD": (sgd, {"momentum": 0.9}),
    "Nesterov": (nesterov, {"momentum": 0.8}),
    "AdaGrad": (adagrad, {"delta": 1e-4}),
    "RMSProp": (rmsprop, {"rms_decay": 0.9, "delta": 1e-4}),
    "AdaDelta": (adadelta, {"momentum": 0.9, "delta": 1e-4}),
    "Adam": (adam, {"momentum": 0.9, "momentum2": 0.99, "delta": 1e-4}),
}
COMMON = [
    {},
    {"weight_decay": 0.1},
    {"weight_decay": 0.1, "regularization_type": "L1"},
    {"clip_gradients": 0.5, "iter_size": 3, "weight_decay": 0.02},
    {"clip_gradients": 1e6, "iter_size": 2},
]
# shape, lr_mult, decay_mult
BLOBS = [
    ((3, 4), 1.0, 1.0),
    ((4,), 2.0, 0.0),
    ((2, 2, 2), 0.3, 2.5),
    ((5,), 0.0, 1.0),
    ((), 1.0, 1.0),
]


def start(solver: SolverParameter, rng: np.random.Generator) -> tuple[list[Learnable], Update]:
    learnable = [
        Learnable(
            nn.Parameter(torch.tensor(rng.normal(size=shape), dtype=torch.float32), rate != 0),
            f"layer:{i}",
            rate,
            decay,
        )
        for i, (shape, rate, decay) in enumerate(BLOBS)
    ]
    return learnable, UPDATES[solver.type](learnable, solver)


@pytest.mark.parametrize("block", [5, 1 << 20])
@pytest.mark.parametrize("common", COMMON)
@pytest.mark.parametrize("kind", RULES)
def test_a_rule_is_its_formula(
    kind: str, common: dict[str, object], block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catdog.solver.updates.BLOCK", block)
    rule, fields = RULES[kind]
    solver = SolverParameter(type=kind, **fields, **common)
    rng = np.random.default_rng(0)
    learnable, update = start(solver, rng)
    want = [item.parameter.detach().double().numpy() for item in learnable]
    history: list[list[A]] = [[np.zeros(w.shape)] * update.depth for w in want]
    for t in range(STEPS):
        rate = RATE / (1 + t)
        gradients = [rng.normal(size=shape) * (lr_mult != 0) for shape, lr_mult, _ in BLOBS]
        for item, gradient in zip(learnable, gradients, strict=True):
            item.parameter.grad = (
                torch.tensor(gradient, dtype=torch.float32) if item.lr_mult else None
            )
        update.apply(rate, t)
        norm = np.sqrt(sum((g**2).sum() for g in gradients))
        clip = solver.clip_gradients
        scale = clip / norm if 0 <= clip < norm else 1.0
        for i, item in enumerate(learnable):
            g = gradients[i] * scale / solver.iter_size
            decay = solver.weight_decay * item.decay_mult
            g = g + decay * (np.sign(want[i]) if solver.regularization_type == "L1" else want[i])
            want[i] = want[i] - rule(solver, history[i], g, rate * item.lr_mult, t)
    for i, item in enumerate(learnable):
        np.testing.assert_allclose(item.parameter.detach().numpy(), want[i], rtol=2e-5, atol=2e-6)
    flat = [history[i][d] for d in range(update.depth) for i in range(len(learnable))]
    for mine, theirs in zip(update.history(), flat, strict=True):
        np.testing.assert_allclose(mine.numpy(), theirs, rtol=2e-5, atol=2e-6)


def test_every_rule_is_tried_here() -> None:
    assert set(RULES) == set(UPDATES)


@pytest.mark.parametrize("kind", UPDATES)
def test_a_history_put_back_goes_on_alike(kind: str) -> None:
    solver = SolverParameter(type=kind, **RULES[kind][1])

    def run(update: Update, learnable: list[Learnable], first: int, last: int) -> None:
        for t in range(first, last):
            rng = np.random.default_rng(t)
            for item in learnable:
                shape = item.parameter.shape
                item.parameter.grad = torch.tensor(rng.normal(size=shape), dtype=torch.float32)
            update.apply(RATE, t)

    straight, update = start(solver, np.random.default_rng(1))
    run(update, straight, 0, 5)
    first, before = start(solver, np.random.default_rng(1))
    run(before, first, 0, 2)
    after = UPDATES[kind](first, solver)
    after.load_history([blob.clone() for blob in before.history()])
    run(after, first, 2, 5)
    for one, other in zip(straight, first, strict=True):
        assert torch.equal(one.parameter, other.parameter)


def test_a_history_of_another_net_is_refused_whole() -> None:
    solver = SolverParameter(type="Adam")
    _, update = start(solver, np.random.default_rng(0))
    with pytest.raises(
        WeightsError,
        match=r"5 history blobs, Adam on this net needs 10; .*net and the solver type that",
    ):
        update.load_history(update.history()[:5])
    wrong = [torch.ones(blob.shape) for blob in update.history()]
    wrong[6] = torch.ones(7)
    with pytest.raises(
        WeightsError,
        match=r"layer:1 has shape \[7\], the net needs \[4\]; resume with the net that wrote",
    ):
        update.load_history(wrong)
    assert not any(blob.any() for blob in update.history())


def test_snapshot_diff_leaves_the_updates_as_diffs() -> None:
    solver = SolverParameter(momentum=0.9, weight_decay=0.1, snapshot_diff=True)
    learnable, update = start(solver, np.random.default_rng(0))
    item = learnable[0]
    before = item.parameter.detach().clone()
    item.parameter.grad = torch.ones_like(item.parameter)
    update.apply(RATE, 0)
    assert item.parameter.grad is not None
    torch.testing.assert_close(before - item.parameter.detach(), item.parameter.grad)


def test_gradients_that_are_no_numbers_are_not_clipped_away() -> None:
    learnable, update = start(SolverParameter(clip_gradients=1.0), np.random.default_rng(0))
    learnable[0].parameter.grad = torch.full((3, 4), torch.nan)
    update.apply(RATE, 0)
    assert learnable[0].parameter.isnan().all()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"type": "Adamm"}, 'did you mean "Adam"?'),
        ({"type": "LBFGS"}, "one of SGD, Nesterov"),
        ({"type": "AdaGrad", "momentum": 0.9}, "AdaGrad takes no momentum; leave momentum out"),
        ({"type": "RMSProp", "momentum": 0.9}, "RMSProp takes no momentum"),
        ({"type": "RMSProp", "rms_decay": 1.0}, "rms_decay must be at least 0 and below 1"),
        ({"type": "Adam", "momentum2": -0.1}, "momentum2 must be"),
        ({"type": "Adam", "momentum": 1.0}, "momentum must be"),
        ({"regularization_type": "L3"}, "write L2 or L1"),
        ({"iter_size": 0}, "iter_size must be 1 or more"),
    ],
)
def test_what_cannot_work_is_refused(fields: dict[str, object], words: str) -> None:
    """The field that is at fault is the last one."""
    (fault,) = faults(SolverParameter(**fields))
    assert words in str(fault)
    assert fault.field == list(fields)[-1]


@pytest.mark.parametrize("kind", RULES)
def test_sound_fields_are_taken(kind: str) -> None:
    assert not list(faults(SolverParameter(type=kind, **RULES[kind][1])))
    zeros = dict.fromkeys(UPDATES[kind].fractions, 0.0)
    assert not list(faults(SolverParameter(type=kind, regularization_type="L1", **zeros)))


def test_rates_are_multiplied_by_layer() -> None:
    solver = SolverParameter(momentum=0.0)
    learnable, update = start(solver, np.random.default_rng(0))
    learnable = [replace(item, name=f"{'ab'[i % 2]}:{i}") for i, item in enumerate(learnable)]
    update = UPDATES["SGD"](learnable, solver)
    update.multiply_rates({"b"}, 0.25)
    assert [item.lr_mult for item in update.learnable] == [1.0, 0.5, 0.3, 0.0, 1.0]
    before = [item.parameter.detach().clone() for item in learnable]
    for item in learnable:
        item.parameter.grad = torch.ones_like(item.parameter)
    update.apply(RATE, 0)
    for item, old in zip(update.learnable, before, strict=True):
        torch.testing.assert_close(old - item.parameter.detach(), RATE * item.lr_mult * old**0)


def test_parameters_learn_as_those_of_another_net() -> None:
    """They stay in their place, with their history; the factors and what is frozen are new."""
    solver = SolverParameter(momentum=0.0)
    learnable, update = start(solver, np.random.default_rng(0))
    other, _ = start(solver, np.random.default_rng(1))
    other[0] = replace(other[0], frozen=True)
    other[1] = replace(other[1], lr_mult=3.0)
    update.learn_as(other)
    before = [item.parameter.detach().clone() for item in learnable]
    for item in learnable:
        item.parameter.grad = torch.ones_like(item.parameter)
    update.apply(RATE, 0)
    for item, old, mult in zip(learnable, before, (0.0, 3.0, 0.3, 0.0, 1.0), strict=True):
        step = (old - item.parameter.detach()) / RATE
        torch.testing.assert_close(step, torch.full_like(step, mult), rtol=1e-4, atol=1e-4)
    with pytest.raises(ValueError, match="shorter"):
        update.learn_as(other[:-1])


def test_frozen_parameters_stay_whatever_their_history_and_decay() -> None:
    solver = SolverParameter(momentum=0.9, weight_decay=0.1)
    learnable, _ = start(solver, np.random.default_rng(0))
    update = UPDATES["SGD"]([replace(learnable[0], frozen=True), *learnable[1:]], solver)
    update.load_history([torch.ones_like(blob) for blob in update.history()])
    before = learnable[0].parameter.detach().clone()
    update.apply(RATE, 0)
    assert torch.equal(learnable[0].parameter, before)
    assert torch.equal(update.history()[0], torch.ones_like(before))


def test_a_closure_is_refused() -> None:
    _, update = start(SolverParameter(), np.random.default_rng(0))
    with pytest.raises(ValueError, match="need no closure"):
        update.step(lambda: 0.0)


def test_gradients_of_just_the_norm_allowed_stay() -> None:
    learnable, _ = start(SolverParameter(), np.random.default_rng(0))
    update = UPDATES["SGD"](learnable[:1], SolverParameter(clip_gradients=0.0))
    before = learnable[0].parameter.detach().clone()
    learnable[0].parameter.grad = torch.ones(3, 4)
    update.apply(RATE, 0)
    assert torch.equal(learnable[0].parameter, before)
