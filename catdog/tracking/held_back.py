"""Files of a run begin with its first batch: a start that fails leaves those of the run before."""

from collections.abc import Callable

from catdog.solver.events import (
    Best,
    Done,
    Event,
    Iterating,
    Listener,
    Snapshotted,
    Stopped,
    everyone,
)


def under_way(event: Event) -> bool:
    """Whether a batch has been through the trained net, or the run is at its end without one.

    Tests come before that and may do well where the training data fail.
    """
    return isinstance(event, Iterating | Best | Snapshotted | Stopped | Done)


class HeldBack:
    """A listener that is made when a run is under way, and then hears what was said before."""

    def __init__(self, make: Callable[[], Listener]) -> None:
        self._make = make
        self._listener: Listener | None = None
        self._waiting: list[Event] = []

    def __call__(self, event: Event) -> None:
        """Pass an event on, or keep it."""
        if self._listener is None:
            self._waiting.append(event)
            if not under_way(event):
                return
            waiting, self._waiting = self._waiting, []
            # one that cannot be made is not tried again
            self._listener = everyone()
            self._listener = self._make()
            for each in waiting:
                self._listener(each)
            return
        self._listener(event)
