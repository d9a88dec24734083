"""Writes of snapshots that may find no room: told, and tried again with the next."""

from collections.abc import Iterator
from contextlib import contextmanager

from catdog.errors import Unwritable
from catdog.solver.events import Listener, NotSaved


class Saving:
    """What of a run could not be written the last time that it was tried."""

    def __init__(self, emit: Listener) -> None:
        self._emit = emit
        self._failed: set[str] = set()

    def failed(self, kind: str) -> bool:
        """Whether the last one of a kind is not there."""
        return kind in self._failed

    @contextmanager
    def of(self, kind: str) -> Iterator[None]:
        """Inside, something of a kind is written, or cannot be."""
        self._failed.discard(kind)
        try:
            yield
        except Unwritable as error:
            self._failed.add(kind)
            self._emit(NotSaved(kind, str(error)))
