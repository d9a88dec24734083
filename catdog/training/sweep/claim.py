"""Which worker has which trial: it is marked as at work again and again, until it ends.

A trial that was begun and whose mark is old is of a worker that died; it is taken over, and goes on
from its snapshot. The time is that of the machines' clocks, which must agree but for seconds.
"""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from uuid import uuid4

from catdog.training.sweep.storage import optuna

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.trial import FrozenTrial

#: Name of an attribute of a trial: who has it, and when that was last heard.
_AT_WORK = "at work"
#: So many marks are made in the time after which a worker counts as dead.
_MARKS = 6


def is_free(trial: "FrozenTrial", lost_after: float) -> bool:
    """Whether a trial was begun, is not ended, and nobody is at work on it."""
    if trial.state != optuna().trial.TrialState.RUNNING:
        return False
    _, heard = trial.user_attrs.get(_AT_WORK, ("", 0.0))
    return bool(time.time() - heard > lost_after)


def let_all_go(study: "Study") -> None:
    """Make the trials that were begun free; for the one process that works at a study."""
    for trial in study.get_trials(deepcopy=False):
        if trial.state == optuna().trial.TrialState.RUNNING:
            _mark(begun_trial(study, trial), "", 0.0)


def begun_trial(study: "Study", frozen: "FrozenTrial") -> "Trial":
    """A trial of a study, to go on with."""
    trial: Trial = optuna().trial.Trial(study, frozen._trial_id)
    return trial


class Claim:
    """A trial that this worker has: `take` it, then work `held`, as long as it is not `lost`."""

    def __init__(self, trial: "Trial", lost_after: float) -> None:
        self.trial = trial
        self._every = lost_after / _MARKS
        self._name = f"process {os.getpid()} of {socket.gethostname()} {uuid4().hex}"
        self._ended = threading.Event()
        #: Another worker has taken the trial, since this one did not answer for so long.
        self.lost = False

    def take(self) -> None:
        """Mark the trial as this worker's; call it under the study's lock."""
        _mark(self.trial, self._name, time.time())

    @contextmanager
    def held(self) -> Iterator[None]:
        """Go on marking it; what is not ended when the block ends is free for others."""
        marks = threading.Thread(target=self._marks, daemon=True)
        marks.start()
        try:
            yield
        finally:
            self._ended.set()
            marks.join()
            if self._is_mine():
                _mark(self.trial, "", 0.0)

    def _marks(self) -> None:
        while not self._ended.wait(self._every):
            # what cannot be reached now may be at the next mark
            with suppress(Exception):
                if not self._is_mine():
                    self.lost = True
                    return
                self.take()

    def _is_mine(self) -> bool:
        """Whether the trial is at work, and by this worker."""
        now = self.trial.study.get_trials(deepcopy=False)[self.trial.number]
        running = now.state == optuna().trial.TrialState.RUNNING
        return bool(running and now.user_attrs[_AT_WORK][0] == self._name)


def _mark(trial: "Trial", name: str, heard: float) -> None:
    trial.set_user_attr(_AT_WORK, (name, heard))
