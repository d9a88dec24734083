"""The learning rate as a function of the iteration (caffe/sgd_solver.cpp, GetLearningRate).

It is a pure one but for lr_policy plateau, whose drops the tests or the losses decide
(`early_stopping.py`, `loss_plateau.py`). How a run warms up stands in `warmup.py`.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from catdog.errors import Fault, did_you_mean
from catdog.proto.caffe_pb2 import SolverParameter
from catdog.solver import warmup


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
    falling = math.pow(max(0.0, float(left)), solver.power)
    if not solver.min_lr or not solver.base_lr:
        return falling
    # NVIDIA's ends at min_lr
    end = solver.min_lr / solver.base_lr
    return end + (1 - end) * falling


def _sigmoid(solver: SolverParameter, iteration: int) -> float:
    falling = np.exp(-np.float32(solver.gamma) * np.float32(iteration - solver.stepsize))
    return float(1 / (1 + falling))


def _cosine(solver: SolverParameter, iteration: int) -> float:
    return (1 + math.cos(math.pi * min(1.0, iteration / solver.max_iter))) / 2


def _multifixed(solver: SolverParameter, iteration: int) -> float:
    stage = bisect_left(list(solver.stageiter), iteration)
    return float(solver.stagelr[min(stage, len(solver.stagelr) - 1)])


@dataclass(frozen=True)
class _Policy:
    """What base_lr is multiplied by, and the fields that this depends on.

    An absolute one gives the rate itself.
    """

    factor: Callable[[SolverParameter, int], float]
    needs: tuple[str, ...] = ()
    absolute: bool = False


#: The policy whose rate drops when the tests do not get better, or, as SSD's, the losses.
PLATEAU = "plateau"

#: caffe.proto lists the first seven; cosine falls from base_lr to 0 at max_iter in half a wave;
#: multifixed is MobileNet-YOLO's.
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
    "multifixed": _Policy(_multifixed, ("stagelr", "stageiter"), absolute=True),
}
_OPTIONAL = (
    *("gamma", "power", "stepsize", "stepvalue", "stagelr", "stageiter"),
    *("plateau_patience", "plateau_min_delta", "plateau_winsize"),
)
_RISING = ("stepvalue", "stageiter")


def drops_by_tests(solver: SolverParameter) -> bool:
    """Whether the tests lower the rate."""
    return solver.lr_policy == PLATEAU and not solver.plateau_winsize


def drops_by_losses(solver: SolverParameter) -> bool:
    """Whether the losses of the training lower the rate, as SSD's do."""
    return solver.lr_policy == PLATEAU and bool(solver.plateau_winsize)


def _needs(solver: SolverParameter) -> tuple[str, ...]:
    if drops_by_losses(solver):
        return ("gamma", "plateau_winsize")
    return POLICIES[solver.lr_policy].needs


def learning_rate(solver: SolverParameter, iteration: int, drops: int = 0) -> float:
    """The rate of an iteration, rounded to float32 as Caffe computes it.

    `drops` is how often lr_policy plateau has lowered it. The solver must have no `faults`. A
    rate too large for float32 is infinite.
    """
    with np.errstate(over="ignore"):
        rate = warmup.warm_rate(solver, iteration, _policy_rate(solver, iteration, drops))
        if solver.lr_policy != PLATEAU:
            # NVIDIA's floor holds while the rate rises, too
            rate = max(rate, solver.min_lr)
        return float(np.float32(rate))


def _policy_rate(solver: SolverParameter, iteration: int, drops: int) -> float:
    policy = POLICIES[solver.lr_policy]
    try:
        factor = policy.factor(solver, iteration)
        rate = factor if policy.absolute else solver.base_lr * factor
    except OverflowError:
        return math.inf
    return max(rate * solver.gamma**drops, min(rate, solver.min_lr)) if drops else rate


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
    policy = POLICIES.get(solver.lr_policy)
    if not solver.HasField("base_lr") and not (policy and policy.absolute):
        yield Fault("base_lr is missing", remedy="write the learning rate to start with")
    yield from warmup.faults(solver)
    if policy is None:
        yield _unknown(solver)
        return
    if drops_by_losses(solver) and _is_set(solver, "plateau_patience"):
        what = "plateau_patience (tests) and plateau_winsize (iterations) are both given"
        yield Fault(what, "leave one of them out", field="plateau_winsize")
    for field in _needs(solver):
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
    elif field in _RISING and any(a >= b for a, b in pairwise(getattr(solver, field))):
        yield Fault(f"{field} must rise", remedy="sort the iterations", field=field)
    elif field == "stageiter" and len(solver.stagelr) not in (0, len(solver.stageiter)):
        what = f"{len(solver.stagelr)} stagelr for {len(solver.stageiter)} stageiter"
        yield Fault(what, "give a rate for each", field=field)
    elif field == "stagelr" and not all(0 <= rate < math.inf for rate in solver.stagelr):
        yield Fault("stagelr must be 0 or more", field=field)
    elif field == "plateau_winsize" and min(solver.plateau_winsize) <= 0:
        yield Fault("plateau_winsize must be above 0", field=field)


def idle_fields(solver: SolverParameter) -> list[str]:
    """Fields that are set and that the policy does not use."""
    read = _needs(solver) if solver.lr_policy in POLICIES else ()
    if drops_by_tests(solver):
        read = (*read, "plateau_min_delta")
    unread = [f for f in _OPTIONAL if f not in read and _is_set(solver, f)]
    return [*unread, *warmup.idle_fields(solver)]


def _is_set(solver: SolverParameter, field: str) -> bool:
    if solver.DESCRIPTOR.fields_by_name[field].is_repeated:
        return bool(getattr(solver, field))
    return solver.HasField(field)
