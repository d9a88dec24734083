"""Rates and updates of the forks' solvers against recorded ones, and formulas in float64."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from catdog.net.parameters import Learnable
from catdog.proto.caffe_pb2 import SolverParameter
from catdog.solver.events import Noted
from catdog.solver.loss_plateau import NO_LOSS, LossPlateau
from catdog.solver.lr_policy import faults, idle_fields, learning_rate
from catdog.solver.solverstate import TrainingState, read_state, write_state
from catdog.solver.updates import SGD, Nesterov
from catdog.solver.warmup import momentum
from tests.runs import Run

RECORDED = json.loads(
    (Path(__file__).parents[1] / "goldens_forks" / "solvers" / "rates.json").read_text()
)
FORMS = [SolverParameter.BINARYPROTO, SolverParameter.HDF5]


def solver(**fields: object) -> SolverParameter:
    return SolverParameter(**{"base_lr": 0.1, "lr_policy": "fixed", **fields})


@pytest.mark.parametrize("case", RECORDED["rates"], ids=lambda case: "-".join(case["forks"]))
def test_rates_are_the_recorded_ones(case: dict) -> None:
    param = SolverParameter(**case["fields"])
    assert not list(faults(param))
    assert not idle_fields(param)
    losses = case.get("smoothed_loss", [0.0] * len(case["iteration"]))
    plateau, rates = LossPlateau(param, lambda _: None), []
    for iteration, loss in zip(case["iteration"], losses, strict=True):
        plateau.look(iteration, lambda loss=loss: loss)
        rates.append(learning_rate(param, iteration, plateau.drops))
    np.testing.assert_allclose(rates, case["rate"], rtol=1e-6)


@pytest.mark.parametrize("case", RECORDED["updates"], ids=lambda case: "-".join(case["forks"]))
def test_updates_are_the_recorded_ones(case: dict) -> None:
    param = SolverParameter(**case["fields"], engine="MKLDNN")
    assert not list(faults(param))
    weight = nn.Parameter(torch.tensor([case["start_weight"]]))
    update = SGD([Learnable(weight, "w:0", 1.0, 1.0)], param)
    for row in case["steps"]:
        t = row["iter"]
        rate = learning_rate(param, t)
        assert rate == pytest.approx(row["rate"], rel=1e-6)
        assert momentum(param, t) == pytest.approx(row["momentum"], rel=1e-6)
        gradient = math.cos(1.3 * t) + 0.3 * weight.item()
        assert gradient == pytest.approx(row["gradient"], rel=1e-5, abs=1e-6)
        weight.grad = torch.tensor([gradient])
        update.apply(rate, t)
        assert update.history()[0].item() == pytest.approx(row["history"], rel=1e-5)
        assert weight.item() == pytest.approx(row["weight"], rel=1e-5, abs=1e-6)


def test_without_an_engine_the_momentum_stays() -> None:
    fields = {"momentum": 0.9, "warmup_iter": 6, "warmup_start_lr": 0.02}
    assert momentum(solver(**fields), 1) == pytest.approx(0.9)
    assert momentum(solver(**fields, engine="MKL2017"), 1) == pytest.approx(1.5)
    assert momentum(solver(**fields, engine="MKL2017", type="Nesterov"), 1) == pytest.approx(0.9)
    assert Nesterov.depth == 1


@given(st.integers(1, 30), st.floats(0, 0.2), st.integers(0, 40))
def test_intels_warm_up_is_a_straight_line_of_rates(length: int, start: float, at: int) -> None:
    param = solver(
        lr_policy="step", gamma=0.5, stepsize=3, warmup_iter=length, warmup_start_lr=start
    )
    want = 0.1 * 0.5 ** (at // 3)
    if at < length:
        want = (at * 0.1 + (length - at) * start) / length
    assert learning_rate(param, at) == pytest.approx(want, rel=1e-5, abs=1e-9)


@given(st.integers(1, 30), st.floats(0, 0.2), st.floats(0, 0.2), st.integers(0, 40))
def test_nvidias_ramp_is_a_square_above_min_lr(
    length: int, start: float, least: float, at: int
) -> None:
    param = solver(
        lr_policy="poly",
        power=1.5,
        max_iter=35,
        min_lr=least,
        rampup_interval=length,
        rampup_lr=start,
    )
    want = least + (0.1 - least) * max(0.0, 1 - at / 35) ** 1.5
    if at < length:
        want = start + (0.1 - start) * (at / length) ** 2
    assert learning_rate(param, at) == pytest.approx(max(want, least), rel=1e-4, abs=1e-8)


@pytest.mark.parametrize("name", ["fixed", "step", "exp", "cosine"])
def test_no_rate_is_below_min_lr(name: str) -> None:
    fields = {"gamma": 0.5, "stepsize": 2, "max_iter": 10}
    rates = [learning_rate(solver(lr_policy=name, min_lr=0.02, **fields), i) for i in range(20)]
    plain = [learning_rate(solver(lr_policy=name, **fields), i) for i in range(20)]
    np.testing.assert_allclose(rates, np.maximum(plain, 0.02), rtol=1e-6)


def test_multifixed_needs_no_base_lr() -> None:
    param = SolverParameter(lr_policy="multifixed", stagelr=[0.5], stageiter=[3])
    assert not list(faults(param))
    assert [learning_rate(param, i) for i in (0, 3, 4, 99)] == [0.5] * 4


def test_a_drop_is_told_once_and_the_last_rate_stays() -> None:
    said: list[object] = []
    param = solver(lr_policy="plateau", gamma=0.1, plateau_winsize=[2])
    plateau = LossPlateau(param, said.append)
    for iteration in range(9):
        plateau.look(iteration, lambda: 1.0)
    assert plateau.drops == 1
    assert said == [
        Noted("Iteration 2: the smoothed loss has no new minimum: the rate drops to 0.01")
    ]


def test_another_policy_does_not_ask_for_the_loss() -> None:
    LossPlateau(solver(), lambda _: None).look(0, lambda: 1 / 0)


@pytest.mark.parametrize("name", ["a.solverstate", "a.solverstate.h5"])
def test_a_state_keeps_the_plateau(name: str, tmp_path: Path) -> None:
    for least, since in ((0.5, 7), (NO_LOSS, 0)):
        write_state(tmp_path / name, TrainingState(9, minimum_loss=least, iter_last_event=since))
        state = read_state(tmp_path / name)
        assert (state.minimum_loss, state.iter_last_event) == (least, since)


@pytest.mark.parametrize("form", FORMS)
def test_a_resumed_plateau_is_the_uninterrupted_one(form: int, tmp_path: Path) -> None:
    fields = {
        "lr_policy": "plateau",
        "gamma": 0.5,
        "plateau_winsize": [2, 3, 1],
        "base_lr": 0.9,
        "momentum": 0.9,
        "average_loss": 2,
        "display": 1,
        "snapshot_format": form,
        "snapshot_after_train": True,
        "snapshot_prefix": str(tmp_path / "snap"),
    }
    whole = Run(max_iter=14, **fields)
    whole.solver.solve()
    drops = [event.what for event in whole.said(Noted) if "drops" in event.what]
    assert len(drops) > 1, "the case shows nothing"
    for stop in (3, 7, 11):
        first = Run(max_iter=stop, **fields)
        first.solver.solve()
        second = Run(max_iter=14, seed=99, **fields)
        second.solver.restore(next(tmp_path.glob(f"snap_iter_{stop}.solverstate*")))
        second.solver.solve()
        later = [event.what for event in second.said(Noted) if "drops" in event.what]
        assert later == drops[len(drops) - len(later) :]
        pairs = zip(whole.solver.net.parameters(), second.solver.net.parameters(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)
