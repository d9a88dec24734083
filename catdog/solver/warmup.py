"""How the rate rises at the start of a run: ours, that of Intel's and beniz's forks, NVIDIA's."""

import math
from collections.abc import Iterator

from catdog.errors import Fault
from catdog.proto.caffe_pb2 import SolverParameter

#: What Intel's solvers name as `engine`.
_ENGINES = ("CAFFE", "MKL2017", "MKLDNN")


def warm_rate(solver: SolverParameter, iteration: int, rate: float) -> float:
    """The rate of an iteration for which the policy gives `rate`.

    Ours multiplies the policy's by a factor. Intel's and beniz's rises in a straight line from
    warmup_start_lr to base_lr, NVIDIA's as a square from rampup_lr, both whatever the policy.
    """
    if iteration < solver.rampup_interval:
        share = (iteration / solver.rampup_interval) ** 2
        return solver.rampup_lr + (solver.base_lr - solver.rampup_lr) * share
    if iteration >= solver.warmup_iter:
        return rate
    if solver.HasField("warmup_start_lr"):
        left = solver.warmup_iter - iteration
        rising = iteration * solver.base_lr + left * solver.warmup_start_lr
        return rising / solver.warmup_iter
    start = solver.warmup_start
    return rate * (start + (1 - start) * iteration / solver.warmup_iter)


def corrects_momentum(solver: SolverParameter) -> bool:
    """Whether SGD's momentum grows with the rate during the warm-up: in Intel's fork alone.

    beniz's fork has the same fields without that; a solver with an `engine` is Intel's.
    """
    return bool(solver.engine) and solver.type == "SGD" and solver.HasField("warmup_start_lr")


def momentum(solver: SolverParameter, iteration: int) -> float:
    """The momentum of an iteration (sgd_solver.cpp of Intel's fork).

    During Intel's warm-up it is multiplied by the rate over that of the iteration before.
    """
    if not corrects_momentum(solver) or not 0 < iteration < solver.warmup_iter:
        return float(solver.momentum)
    before, now = (warm_rate(solver, each, 0.0) for each in (iteration - 1, iteration))
    return float(solver.momentum * now / before)


def faults(solver: SolverParameter) -> Iterator[Fault]:
    """Fields of the warm-up that cannot work."""
    for field in ("warmup_iter", "rampup_interval"):
        if getattr(solver, field) < 0:
            yield Fault(f"{field} must be 0 or more", field=field)
    for field in ("warmup_start_lr", "rampup_lr"):
        if not 0 <= getattr(solver, field) < math.inf:
            yield Fault(f"{field} must be a rate of 0 or more", field=field)
    if not 0 <= solver.warmup_start <= 1:
        yield Fault("warmup_start is a factor from 0 to 1", field="warmup_start")
    yield from _mixed(solver)
    yield from _intel_faults(solver)


def _mixed(solver: SolverParameter) -> Iterator[Fault]:
    if solver.HasField("warmup_start") and solver.HasField("warmup_start_lr"):
        what = "both warmup_start, a factor, and warmup_start_lr, a rate, are given"
        yield Fault(what, "leave one of them out", field="warmup_start_lr")
    if solver.warmup_iter > 0 and solver.rampup_interval > 0:
        what = "both warmup_iter and rampup_interval are given"
        yield Fault(what, "leave one of them out", field="rampup_interval")


def _intel_faults(solver: SolverParameter) -> Iterator[Fault]:
    if solver.engine and solver.engine.partition(":")[0] not in _ENGINES:
        what = f'unknown engine "{solver.engine}"'
        yield Fault(what, f"one of {', '.join(_ENGINES)}, or leave it out", field="engine")
    elif solver.engine and solver.warmup_iter > 0 and not solver.HasField("warmup_start_lr"):
        what = f'engine "{solver.engine}" is Intel\'s, whose warmup_iter begins at warmup_start_lr'
        yield Fault(what, "give warmup_start_lr, or leave engine out", field="warmup_iter")
    elif corrects_momentum(solver) and solver.warmup_iter > 0 and not solver.warmup_start_lr:
        what = (
            f'with engine "{solver.engine}" the momentum is divided by warmup_start_lr, which is 0'
        )
        yield Fault(what, "give a rate above 0, or leave engine out", field="warmup_start_lr")


def idle_fields(solver: SolverParameter) -> list[str]:
    """Fields that are set beside a warm-up of no iterations."""
    pairs = (("warmup_start_lr", "warmup_iter"), ("rampup_lr", "rampup_interval"))
    return [
        field for field, length in pairs if solver.HasField(field) and not getattr(solver, length)
    ]
