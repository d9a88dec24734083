"""How fast photos are answered, measured as they are."""

import math
import time
from collections.abc import Callable
from threading import Lock

#: The weight of the newest batch among those before.
_NEW = 0.2
#: Seconds that a client is asked to wait, at least and at most.
_SHORTEST, _LONGEST = 1, 60


class AnswerRate:
    """The seconds that each photo takes, over the batches of all workers."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._lock = Lock()
        self._last = clock()
        self._seconds = 0.0

    def add(self, count: int, began: float) -> None:
        """A batch of so many photos is done, which was begun at this time of the clock.

        Of batches side by side each counts from the end of the one before it.
        """
        with self._lock:
            now = self._clock()
            each = (now - max(began, self._last)) / count
            self._last = now
            weight = _NEW if self._seconds else 1.0
            self._seconds += weight * (each - self._seconds)

    @property
    def per_second(self) -> float:
        """Photos a second; 0 before the first batch."""
        return 1 / self._seconds if self._seconds else 0.0

    def wait(self, count: int) -> int:
        """Whole seconds in which so many photos are answered, from 1 to 60."""
        return max(_SHORTEST, min(_LONGEST, math.ceil(count * self._seconds)))
