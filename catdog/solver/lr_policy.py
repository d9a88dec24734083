"""The learning rate as a function of the iteration (caffe/sgd_solver.cpp, GetLearningRate).

It is a pure one but for lr_policy plateau, whose drops the tests decide.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from catdog.errors import Fault, did_you_mean
from catdog.proto.caffe_pb2 import SolverParameter


def _fixed(solver: SolverParameter, iteration: int) -> float:  # noqa: ARG001
    return 1.0


def _drops(solver: SolverParameter, iteration: int) -> float:
    return float(solver.gamma ** drops(solver, iteration))


def _exp(solver: SolverParameter, iteration: int) -> float:
    return float(solver.gamma**iteration)


# in float32 where Caffe is: it shows in the last digit that is logged
def _inv(solver: SolverParameter, iteration: int) -> float:
    base = np.float32(1) + np.float32(solver.gamma) * np.float32(iteration)
    return math.pow(base, -solver.power)


def _poly(solver: SolverParameter, iteration: int) -> float:
    # past max_iter the base would be negative and the rate no number
    left = np.float32(1) - np.float32(iteration) / np.float32(solver.max_iter)
    return math.pow(max(0.0, float(left)), solver.power)


def _sigmoid(solver: SolverParameter, iteration: int) -> float:
    falling = np.exp(-np.float32(solver.gamma) * np.float32(iteration - solver.stepsize))
    return float(1 / (1 + falling))


def _cosine(solver: SolverParameter, iteration: int) -> float:
    return (1 + math.cos(math.pi * min(1.0, iteration / solver.max_iter))) / 2


@dataclass(frozen=True)
class _Policy:
    """What base_lr is multiplied by, and the fields that this depends on."""

    factor: Callable[[SolverParameter, int], float]
    needs: tuple[str, ...] = ()


#: The policy whose rate drops when the tests do not get better.
PLATEAU = "plateau"

#: caffe.proto lists the first seven; cosine falls from base_lr to 0 at max_iter in half a wave.
POLICIES = {
    "fixed": _Policy(_fixed),
    "step": _Policy(_drops, ("gamma", "stepsize")),
    "exp": _Policy(_exp, ("gamma",)),
    "inv": _Policy(_inv, ("gamma", "power")),
    "multistep": _Policy(_drops, ("gamma", "stepvalue")),
    "poly": _Policy(_poly, ("power", "max_iter")),
    "sigmoid": _Policy(_sigmoid, ("gamma", "stepsize")),
    "cosine": _Policy(_cosine, ("max_iter",)),
    PLATEAU: _Policy(_fixed, ("gamma", "plateau_patience")),
}
_OPTIONAL = (
    *("gamma", "power", "stepsize", "stepvalue"),
    *("plateau_patience", "plateau_min_delta", "min_lr"),
)
_OPTIONAL_OF_PLATEAU = ("plateau_min_delta", "min_lr")


def learning_rate(solver: SolverParameter, iteration: int, drops: int = 0) -> float:
    """The rate of an iteration, rounded to float32 as Caffe computes it.

    `drops` is how often lr_policy plateau has lowered it. The solver must have no `faults`. A
    rate too large for float32 is infinite.
    """
    with np.errstate(over="ignore"):
        try:
            rate = solver.base_lr * POLICIES[solver.lr_policy].factor(solver, iteration)
        except OverflowError:
            rate = math.inf
        if drops:
            rate = max(rate * solver.gamma**drops, min(rate, solver.min_lr))
        return float(np.float32(rate * _warmup(solver, iteration)))


def _warmup(solver: SolverParameter, iteration: int) -> float:
    if iteration >= solver.warmup_iter:
        return 1.0
    return solver.warmup_start + (1 - solver.warmup_start) * iteration / solver.warmup_iter


def drops(solver: SolverParameter, iteration: int) -> int:
    """How often the rate has dropped: Caffe's current_step; 0 for policies without steps."""
    iteration = max(0, iteration)
    if solver.lr_policy == "step":
        return int(iteration // solver.stepsize)
    if solver.lr_policy == "multistep":
        return bisect_right(list(solver.stepvalue), iteration)
    return 0


def faults(solver: SolverParameter) -> Iterator[Fault]:
    """Everything that keeps the learning rate from being computed."""
    if not solver.HasField("base_lr"):
        yield Fault("base_lr is missing", remedy="write the learning rate to start with")
    if solver.warmup_iter < 0:
        yield Fault("warmup_iter must be 0 or more", field="warmup_iter")
    if not 0 <= solver.warmup_start <= 1:
        yield Fault("warmup_start is a factor from 0 to 1", field="warmup_start")
    policy = POLICIES.get(solver.lr_policy)
    if policy is None:
        yield _unknown(solver)
        return
    for field in policy.needs:
        yield from _field_faults(solver, field)


def _unknown(solver: SolverParameter) -> Fault:
    if not solver.lr_policy:
        return Fault("lr_policy is missing", remedy=f"one of {', '.join(POLICIES)}")
    remedy = did_you_mean(solver.lr_policy, POLICIES) or f"one of {', '.join(POLICIES)}"
    return Fault(f'unknown lr_policy "{solver.lr_policy}"', remedy, field="lr_policy")


def _field_faults(solver: SolverParameter, field: str) -> Iterator[Fault]:
    if not _is_set(solver, field):
        yield Fault(f'lr_policy "{solver.lr_policy}" needs {field}', field="lr_policy")
    elif field in ("stepsize", "max_iter", "plateau_patience") and getattr(solver, field) <= 0:
        yield Fault(f"{field} must be above 0", field=field)
    elif field == "gamma" and solver.gamma < 0:
        yield Fault("gamma must be 0 or more", field=field)
    elif field == "gamma" and solver.lr_policy == PLATEAU and solver.gamma >= 1:
        yield Fault("gamma must be below 1 for the rate to drop", field=field)
    elif field == "stepvalue" and any(a >= b for a, b in pairwise(solver.stepvalue)):
        yield Fault("stepvalue must rise", remedy="sort the iterations", field=field)


def idle_fields(solver: SolverParameter) -> list[str]:
    """Fields that are set and that the policy does not use."""
    policy = POLICIES.get(solver.lr_policy, _Policy(_fixed))
    read = (*policy.needs, *(_OPTIONAL_OF_PLATEAU if solver.lr_policy == PLATEAU else ()))
    return [f for f in _OPTIONAL if f not in read and _is_set(solver, f)]


def _is_set(solver: SolverParameter, field: str) -> bool:
    return bool(solver.stepvalue) if field == "stepvalue" else solver.HasField(field)
