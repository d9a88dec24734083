"""How fast a training goes, and how long it will still take, its tests with it."""

import math
import time
from collections.abc import Callable

from catdog.solver.events import Event, Iterating, NetTested, NetTesting, NetTestInterrupted
from catdog.tracking.schedule import Schedule

#: Seconds after which what was measured counts for a third.
_MEMORY = 30.0
#: What a test batch takes of an iteration while no test was seen: a forward pass is a third.
_TEST_SHARE = 1 / 3


class Pace:
    """A listener that measures iterations and tests.

    Args:
        plan: what lies ahead.
        clock: gives seconds.
    """

    def __init__(self, schedule: Schedule, clock: Callable[[], float] = time.monotonic) -> None:
        self._schedule, self._clock = schedule, clock
        self.iteration = schedule.first
        self._tested = 0.0
        self._test_began: float | None = None
        self._last: float | None = None
        self._seconds = self._count = 0.0
        #: Mean seconds of a pass of each test net.
        self._passes: dict[int, float] = {}

    def __call__(self, event: Event) -> None:
        """Take the time of an event."""
        match event:
            case Iterating(iteration):
                self._take_iteration(iteration)
            case NetTesting(iteration):
                self.iteration = iteration
                self._test_began = self._clock()
            case NetTested(net=net) | NetTestInterrupted(net=net):
                self._take_test(net, whole=isinstance(event, NetTested))

    def _take_iteration(self, iteration: int) -> None:
        now = self._clock()
        self.iteration = iteration
        if self._last is not None and iteration > self._schedule.first + 1:
            # the first iteration is slower than all others
            spent = max(now - self._last, 0.0)
            fade = math.exp(-spent / _MEMORY)
            self._seconds = self._seconds * fade + spent
            self._count = self._count * fade + 1
        self._last = now

    def _take_test(self, net: int, *, whole: bool) -> None:
        if self._test_began is None:
            return
        spent = self._clock() - self._test_began
        self._test_began = None
        self._tested += spent
        if self._last is not None:
            # a test does not count as time of the iteration that it lies in
            self._last += spent
        if whole:
            self._passes[net] = (self._passes.get(net, spent) + spent) / 2

    @property
    def testing(self) -> float:
        """Seconds spent in tests so far."""
        began = self._test_began
        return self._tested + (self._clock() - began if began is not None else 0.0)

    @property
    def rate(self) -> float | None:
        """Iterations a second, without the tests; None before there is one."""
        return self._count / self._seconds if self._seconds > 0 else None

    @property
    def images(self) -> float | None:
        """Examples a second."""
        rate, examples = self.rate, self._schedule.examples
        return rate * examples if rate and examples else None

    @property
    def left(self) -> float | None:
        """Seconds to the end, with the tests on the way."""
        rate = self.rate
        if rate is None:
            return None
        rounds = self._schedule.tests_after(self.iteration)
        tests = sum(self._pass_seconds(net, 1 / rate) for net in range(len(self._schedule.tests)))
        return (self._schedule.last - self.iteration) / rate + rounds * tests

    def _pass_seconds(self, net: int, iteration: float) -> float:
        if net in self._passes:
            return self._passes[net]
        return (self._schedule.tests[net] or 0) * iteration * _TEST_SHARE
