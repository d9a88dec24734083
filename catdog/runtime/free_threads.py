"""As many threads of torch's as make a short piece of work fastest on what cores are free now."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

import torch

Made = TypeVar("Made")

FIRST, LAST = 8, 32
"""After so many times another number of threads is tried: soon at first, then ever less often."""

_NEW = 0.3
"""The weight of the newest time among those before."""


class FreeThreads:
    """Does work that is done over and over, each time with the threads that were fastest lately.

    Tried are all of torch's threads; one, which waits for no other that a busy core holds up; and
    twice as many, which on shared cores get more of them. What is made must not depend on that.

    The number is also that of threads which begin meanwhile or later, so only the main thread
    changes it: several, such as shares of a batch, would put back each other's.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._threads = 0
        self._seconds: dict[int, float] = {}
        self._tried: list[int] = []
        self._best, self._every, self._left = 0, FIRST, 0

    def __call__(self, work: Callable[[], Made]) -> Made:
        """What the work gives; torch's threads are as many as before afterwards."""
        threads = torch.get_num_threads()
        if threads < 2 or threading.current_thread() is not threading.main_thread():
            return work()
        if threads != self._threads:
            self._begin(threads)
        count = self._next()
        if count != threads:
            torch.set_num_threads(count)
        began = self._clock()
        try:
            return work()
        finally:
            self._learn(count, self._clock() - began)
            if count != threads:
                torch.set_num_threads(threads)

    def _begin(self, threads: int) -> None:
        self._threads = self._best = threads
        self._tried = [1, 2 * threads]
        # the first times are longer, whatever the threads
        self._seconds, self._every, self._left = {}, FIRST, FIRST

    def _next(self) -> int:
        """The threads of this time: the fastest, or one of the others in turn."""
        if self._left:
            self._left -= 1
            return self._best
        count, *later = self._tried
        self._tried, self._left = [*later, count], self._every
        return count

    def _learn(self, count: int, seconds: float) -> None:
        known = self._seconds.get(count, seconds)
        # what is tried now and then counts as it is now
        weight = _NEW if count == self._best else 1.0
        self._seconds[count] = known + weight * (seconds - known)
        best = min(self._seconds, key=self._seconds.__getitem__)
        if best != self._best:
            self._tried = [*(other for other in self._tried if other != best), self._best]
            self._best, self._every = best, FIRST
            self._left = min(self._left, FIRST)
        elif count != self._best:
            self._every = min(2 * self._every, LAST)
