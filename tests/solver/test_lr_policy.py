"""Learning rates against Caffe's logs, and what is refused."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st

from catdog.proto.caffe_pb2 import SolverParameter
from catdog.solver.lr_policy import POLICIES, drops, faults, idle_fields, learning_rate

SOLVERS = Path(__file__).parents[1] / "goldens" / "solvers"
CASES = sorted(path.parent.name for path in SOLVERS.glob("*/trajectory.json"))


def solver(**fields: object) -> SolverParameter:
    return SolverParameter(**{"base_lr": 0.1, "lr_policy": "fixed", **fields})


COMPLETE = {
    "fixed": {},
    "step": {"gamma": 0.5, "stepsize": 7},
    "exp": {"gamma": 0.9},
    "inv": {"gamma": 0.1, "power": 0.75},
    "multistep": {"gamma": 0.5, "stepvalue": [3, 9]},
    "poly": {"power": 2.0, "max_iter": 50},
    "sigmoid": {"gamma": 0.3, "stepsize": 20},
    "cosine": {"max_iter": 50},
    "plateau": {"gamma": 0.5, "plateau_patience": 3},
    "multifixed": {"stagelr": [0.1, 0.05], "stageiter": [5, 9]},
}


@pytest.mark.parametrize("case", CASES)
def test_rates_are_those_that_caffe_logs(case: str) -> None:
    param = SolverParameter()
    text_format.Parse((SOLVERS / case / "solver.prototxt").read_text(), param)
    assert not list(faults(param))
    rows = json.loads((SOLVERS / case / "trajectory.json").read_text())
    assert rows
    for row in rows:
        assert f"{learning_rate(param, row['iter']):g}" == f"{row['lr']:g}", row


def test_every_policy_is_tried_here() -> None:
    assert set(COMPLETE) == set(POLICIES)


@pytest.mark.parametrize("name", COMPLETE)
def test_a_policy_with_its_fields_has_no_faults(name: str) -> None:
    assert not list(faults(solver(lr_policy=name, **COMPLETE[name])))


@pytest.mark.parametrize(
    ("name", "field"), [(name, field) for name, fields in COMPLETE.items() for field in fields]
)
def test_a_missing_field_is_named(name: str, field: str) -> None:
    fields = {key: value for key, value in COMPLETE[name].items() if key != field}
    (fault,) = faults(solver(lr_policy=name, **fields))
    assert str(fault) == f'lr_policy "{name}" needs {field}'
    assert fault.field == "lr_policy"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"lr_policy": "stepp"}, 'did you mean "step"?'),
        ({"lr_policy": "zzz"}, "one of fixed, step"),
        ({"lr_policy": "exp", "gamma": -0.1}, "gamma must be 0 or more"),
        ({"lr_policy": "step", "stepsize": 5, "gamma": -0.1}, "gamma must be 0 or more"),
        ({"lr_policy": "multistep", "gamma": 0.1, "stepvalue": [3, 5, 4]}, "stepvalue must rise"),
        ({"lr_policy": "step", "gamma": 0.1, "stepsize": 0}, "stepsize must be above 0"),
        ({"lr_policy": "multistep", "gamma": 0.1, "stepvalue": [5, 3]}, "stepvalue must rise"),
        ({"lr_policy": "multistep", "gamma": 0.1, "stepvalue": [3, 3]}, "sort the iterations"),
        ({"lr_policy": "plateau", "plateau_patience": 1, "gamma": 1.0}, "must be below 1"),
        ({"lr_policy": "plateau", "gamma": 0.5, "plateau_patience": 0}, "must be above 0"),
        ({"lr_policy": "cosine", "max_iter": 0}, "max_iter must be above 0"),
        (
            {"lr_policy": "multifixed", "stagelr": [1, 1], "stageiter": [0, 0]},
            "stageiter must rise",
        ),
        ({"lr_policy": "multifixed", "stageiter": [1], "stagelr": [-1]}, "stagelr must be 0"),
        ({"warmup_iter": -1}, "warmup_iter must be 0 or more"),
        ({"warmup_start": -0.1}, "warmup_start is a factor from 0 to 1"),
        ({"warmup_start": 1.5}, "warmup_start is a factor from 0 to 1"),
    ],
)
def test_what_cannot_work_is_refused(fields: dict[str, object], words: str) -> None:
    """The field that is at fault is the last one."""
    (fault,) = faults(solver(**fields))
    assert words in str(fault)
    assert fault.field == list(fields)[-1]


@pytest.mark.parametrize(
    "fields",
    [
        {"lr_policy": "step", "gamma": 0.0, "stepsize": 1},
        {"lr_policy": "exp", "gamma": 1.5},
        {"warmup_iter": 1, "warmup_start": 0.0},
        {"warmup_start": 1.0},
    ],
)
def test_limits_are_taken(fields: dict[str, object]) -> None:
    assert not list(faults(solver(**fields)))


def test_a_rate_and_a_policy_must_be_given() -> None:
    policies = "fixed, step, exp, inv, multistep, poly, sigmoid, cosine, plateau, multifixed"
    assert [str(fault) for fault in faults(SolverParameter())] == [
        "base_lr is missing; write the learning rate to start with",
        f"lr_policy is missing; one of {policies}",
    ]


@given(st.integers(0, 200))
def test_cosine_is_half_a_wave_and_then_0(iteration: int) -> None:
    rate = learning_rate(solver(lr_policy="cosine", max_iter=60), iteration)
    wave = 0.05 * (1 + math.cos(math.pi * min(iteration, 60) / 60))
    assert rate == pytest.approx(wave, abs=1e-8)


@given(st.integers(0, 40), st.sampled_from(sorted(COMPLETE)))
def test_warm_up_rises_to_the_policy_and_stays(iteration: int, name: str) -> None:
    plain = solver(lr_policy=name, **COMPLETE[name])
    warm = solver(lr_policy=name, **COMPLETE[name], warmup_iter=10, warmup_start=0.25)
    factor = min(1.0, 0.25 + 0.075 * iteration)
    want = learning_rate(plain, iteration) * factor
    assert learning_rate(warm, iteration) == pytest.approx(want, rel=1e-6)


@given(st.integers(0, 10**9), st.sampled_from(sorted(COMPLETE)))
def test_a_rate_is_a_float32_from_0_to_base_lr(iteration: int, name: str) -> None:
    rate = learning_rate(solver(lr_policy=name, **COMPLETE[name]), iteration)
    assert rate == float(np.float32(rate))
    assert 0 <= rate <= np.float32(0.1)


def test_a_rate_that_grows_past_float32_is_infinite() -> None:
    assert learning_rate(solver(lr_policy="exp", gamma=2.0), 10**6) == math.inf
    assert learning_rate(solver(lr_policy="exp", gamma=2.0), 200) == math.inf


def test_drops_count_the_steps_passed() -> None:
    step = solver(lr_policy="step", gamma=0.1, stepsize=10)
    assert [drops(step, i) for i in (0, 9, 10, 25)] == [0, 0, 1, 2]
    several = solver(lr_policy="multistep", gamma=0.1, stepvalue=[10, 12])
    assert [drops(several, i) for i in (9, 10, 11, 12)] == [0, 1, 1, 2]
    each = solver(lr_policy="step", gamma=0.1, stepsize=1)
    assert [drops(each, i) for i in (-1, 0, 1)] == [0, 0, 1]
    assert drops(solver(), 99) == 0


def test_fields_that_a_policy_does_not_look_at_are_found() -> None:
    assert idle_fields(solver(gamma=0.1, stepsize=3)) == ["gamma", "stepsize"]
    assert idle_fields(solver(lr_policy="?", gamma=0.1)) == ["gamma"]
    assert idle_fields(solver(lr_policy="step", gamma=0.1, stepsize=3)) == []
    plateau = solver(lr_policy="plateau", min_lr=0.1, plateau_min_delta=0.1, power=2)
    assert idle_fields(plateau) == ["power"]
    ssd = solver(lr_policy="plateau", gamma=0.1, plateau_winsize=[3], plateau_min_delta=0.1)
    assert idle_fields(ssd) == ["plateau_min_delta"]
    assert idle_fields(solver(warmup_start_lr=0.1, rampup_lr=0.1)) == [
        "warmup_start_lr",
        "rampup_lr",
    ]


@pytest.mark.parametrize(
    ("drops", "rate"), [(0, 0.1), (1, 0.05), (3, 0.0125), (4, 0.01), (9, 0.01)]
)
def test_a_plateau_drops_by_gamma_down_to_min_lr(drops: int, rate: float) -> None:
    plateau = solver(lr_policy="plateau", gamma=0.5, min_lr=0.01)
    assert learning_rate(plateau, 7, drops) == pytest.approx(rate)
