"""lr_policy plateau with plateau_winsize: the losses lower the rate (SSD's sgd_solver.cpp)."""

from collections.abc import Callable

import numpy as np

from catdog.proto.caffe_pb2 import SolverParameter, SolverState
from catdog.solver import lr_policy
from catdog.solver.events import Listener, Noted

#: What SSD has for the least loss before there is one.
NO_LOSS = float(SolverState.DESCRIPTOR.fields_by_name["minimum_loss"].default_value)


class LossPlateau:
    """Counts the drops of the rate.

    After `plateau_winsize[drops]` iterations without a new least smoothed loss, and without a
    drop, the rate drops once more; when all are used up it stays. With another lr_policy it does
    nothing.
    """

    def __init__(self, solver: SolverParameter, emit: Listener) -> None:
        self._solver, self._emit = solver, emit
        self._active = lr_policy.drops_by_losses(solver)
        self.drops = 0
        self.least = NO_LOSS
        #: The iteration of the least loss or of the last drop.
        self.since = 0

    def look(self, iteration: int, smoothed_loss: Callable[[], float]) -> None:
        """Look at an iteration's loss, which is asked for where it counts; tell of a drop."""
        if self._active and self._drops_at(iteration, float(np.float32(smoothed_loss()))):
            self.drops, self.since = self.drops + 1, iteration
            rate = lr_policy.learning_rate(self._solver, iteration, self.drops)
            what = f"the smoothed loss has no new minimum: the rate drops to {rate:g}"
            self._emit(Noted(f"Iteration {iteration}: {what}"))

    def _drops_at(self, iteration: int, loss: float) -> bool:
        if loss < self.least:
            self.least, self.since = loss, iteration
        sizes = self._solver.plateau_winsize
        return self.drops < len(sizes) and iteration >= self.since + sizes[self.drops]

    def load(self, drops: int, least: float, since: int) -> None:
        """Go on from what a snapshot has."""
        if self._active:
            self.drops, self.least, self.since = drops, least, since
