"""Files of a run begin with its first batch: a start that fails leaves those of the run before."""

from collections.abc import Callable

from catdog.solver.events import (
    Done,
    Event,
    Iterating,
    Listener,
    NetTested,
    NetTestedBatch,
    Snapshotted,
    Stopped,
)


def under_way(event: Event) -> bool:
    """Whether a batch has been through a net, or the run is at its end without one."""
    if isinstance(event, NetTestedBatch):
        # it is told before the net has it
        return event.batches > 0
    return isinstance(event, NetTested | Iterating | Snapshotted | Stopped | Done)


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
            self._listener = self._make()
            waiting, self._waiting = self._waiting, []
            for each in waiting:
                self._listener(each)
            return
        self._listener(event)
