"""What of a run cannot be written: it is told once, costs its lines and never the training."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from catdog.errors import Unwritable
from catdog.solver.events import (
    Best,
    Event,
    Listener,
    Missing,
    NotSaved,
    Snapshotted,
    Warned,
    everyone,
)


class Failures:
    """The files of a run that lack something, and why; as a listener it hears of snapshots."""

    def __init__(self) -> None:
        #: Gets the warnings.
        self.emit: Listener = everyone()
        self._missing: dict[str, str] = {}
        self._told: set[str] = set()

    def __call__(self, event: Event) -> None:
        """Take what was not saved; a later one makes up for it."""
        match event:
            case NotSaved(kind, what):
                self._missing[kind] = what
            case Snapshotted():
                self._missing.pop(NotSaved.SNAPSHOT, None)
            case Best():
                self._missing.pop(NotSaved.BEST, None)

    def take(self, name: str, error: Exception, matters: bool = True) -> None:
        """Tell of a file that cannot be written, the first time; `matters`: it will be missed."""
        if name in self._told:
            return
        self._told.add(name)
        text = str(error) if isinstance(error, Unwritable) else f"{name}: {_reason(error)}"
        if matters:
            self._missing[name] = text
        self.emit(Warned(f"{text}; the training goes on without"))

    def mended(self, name: str) -> None:
        """What was missing is there after all."""
        self._missing.pop(name, None)

    @contextmanager
    def costing(self, name: str | Path) -> Iterator[None]:
        """Inside, a file may fail."""
        try:
            yield
        except (OSError, Unwritable) as error:
            self.take(str(name), error)

    def guarded(self, name: str | Path, listener: Listener) -> Listener:
        """A listener whose file may fail."""

        def listen(event: Event) -> None:
            with self.costing(name):
                listener(event)

        return listen

    def closing(self, name: str | Path, close: Callable[[], object]) -> Callable[[], None]:
        """What closes a file, which may fail or be gone by then."""

        def end() -> None:
            with self.costing(name):
                close()

        return end

    def finish(self) -> None:
        """Tell in one line what is missing, if anything is."""
        if self._missing:
            self.emit(Missing(tuple(self._missing.values())))


def _reason(error: Exception) -> str:
    words = error.strerror if isinstance(error, OSError) else ""
    return f"cannot be written: {words or error}"
