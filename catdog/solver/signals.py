"""What Ctrl-C, a hangup, SIGTERM and a cluster's warnings ask of a training.

caffe/util/signal_handler.cpp has the first two.
"""

import signal
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Self

from catdog.solver.action import Action

#: Caffe's words for what a signal does.
EFFECTS = {action.value: action for action in Action}

#: Slurm's --signal sends the latter two before the time of a job is over.
_STOPS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
_STOPPING = "stopping after this iteration, with a snapshot"
_AT_ONCE = "Ctrl-C again stops at once, without one"


class Signals:
    """Inside a `with` block, signals become actions that `request` hands out one at a time.

    A second SIGINT before the first was answered raises KeyboardInterrupt, so that nobody has to
    wait; what is tidied up then is not disturbed by more. SIGTERM, SIGUSR1 and SIGUSR2 stop. Use it
    in the main thread.

    Args:
        sigint, sighup: what the signals do.
        say: hears at once that a signal to stop was taken, as the iteration may last.
    """

    def __init__(
        self,
        sigint: Action = Action.STOP,
        sighup: Action = Action.SNAPSHOT,
        say: Callable[[str], object] = lambda _: None,
    ) -> None:
        self._effects: Mapping[int, Action] = {
            signal.SIGINT: sigint,
            signal.SIGHUP: sighup,
            **dict.fromkeys(_STOPS, Action.STOP),
        }
        #: The first signal that asked to stop; 0 where none has.
        self.stopped_by = 0
        self._pending: list[Action] = []
        self._before: dict[int, object] = {}
        self._say = say
        self._over = False

    def __enter__(self) -> Self:
        for number in self._effects:
            self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _take(self, number: int, _: FrameType | None) -> None:
        action = self._effects[number]
        stops = action is Action.STOP
        if number == signal.SIGINT and stops and action in self._pending:
            if not self._over:
                self._over = True
                raise KeyboardInterrupt
            return
        if action is not Action.NONE and action not in self._pending:
            self._pending.append(action)
        if stops and not self.stopped_by:
            self.stopped_by = number
            self._say(f"{_STOPPING}; {_AT_ONCE}" if number == signal.SIGINT else _STOPPING)

    def request(self) -> Action:
        """What was asked for and not yet answered; NONE when there is nothing."""
        return self._pending.pop(0) if self._pending else Action.NONE
