"""The learning rate over the iterations of a solver, as points of a curve."""

import math
from dataclasses import dataclass

from catdog.proto.caffe_pb2 import SolverParameter
from catdog.solver.lr_policy import drops, drops_by_losses, drops_by_tests, learning_rate

#: Points of a curve; a screen has no more.
_POINTS = 400


@dataclass(frozen=True)
class RatePoints:
    """Iterations and the rate of each; `note` is what the curve cannot show.

    A rate that is too large for a number is left out.
    """

    iterations: tuple[int, ...]
    rates: tuple[float, ...]
    note: str = ""


def rate_points(solver: SolverParameter) -> RatePoints:
    """The rate of a solver without faults, whose length is in iterations.

    Where it falls at once, the points before and after are there.
    """
    last = max(0, solver.max_iter - 1)
    at = {round(last * part / (_POINTS - 1)) for part in range(_POINTS)}
    at |= {point for point in _falls(solver, last) if 0 <= point <= last}
    at |= {min(last, rise) for rise in (solver.warmup_iter, solver.rampup_interval)}
    at |= {point for end in solver.stageiter for point in (end, end + 1) if 0 <= point <= last}
    points = [(each, learning_rate(solver, each)) for each in sorted(at)]
    shown = [(each, rate) for each, rate in points if math.isfinite(rate)]
    note = _note(solver)
    return RatePoints(tuple(each for each, _ in shown), tuple(rate for _, rate in shown), note)


def _note(solver: SolverParameter) -> str:
    if drops_by_losses(solver):
        return "it drops when the smoothed loss gets no smaller"
    return "it drops when the tests get no better" if drops_by_tests(solver) else ""


def _falls(solver: SolverParameter, last: int) -> list[int]:
    """The iterations around the first drops."""
    if not drops(solver, last):
        return []
    if solver.lr_policy == "multistep":
        falls = list(solver.stepvalue)[:_POINTS]
    else:
        falls = list(range(solver.stepsize, last + 1, solver.stepsize)[:_POINTS])
    return [each + beside for each in falls for beside in (-1, 0)]
