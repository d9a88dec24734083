"""The trials of a sweep one after another, in one process or in several that share a study."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch

from catdog.errors import CatdogError
from catdog.runtime.parallel import cores
from catdog.training.sweep.claim import Claim, begun_trial, is_free
from catdog.training.sweep.plan import Plan
from catdog.training.sweep.storage import locked, optuna, reached
from catdog.training.sweep.study import open_study, sampler
from catdog.training.sweep.trial import REASON, Pruned, SweepStopped, run_trial

if TYPE_CHECKING:
    from optuna import Trial

#: Gets a line about each trial that ended; also from other processes.
Tell = Callable[[str], object]
#: So many trials that fail before any has succeeded are a mistake in the sweep.
_HOPELESS = 3
_THREADS = "OMP_NUM_THREADS"


def work(plan: Plan, tell: Tell) -> bool:
    """Run what is left of a sweep in this process; whether it was stopped."""
    return _Worker(plan, tell).run()


def work_together(plan: Plan, tell: Tell, workers: int) -> bool:
    """Run what is left of a sweep in several processes, with a part of the cores for each.

    Gives whether it was stopped.

    Ctrl-C is passed on once; a second one ends them without a snapshot.
    """
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    with _few_threads(max(1, cores() // workers)), _without_interrupts():
        processes = [
            context.Process(
                target=_process,
                args=(_on_device(plan, index), tell),
                kwargs={"stop": stop},
                daemon=True,
            )
            for index in range(workers)
        ]
        for process in processes:
            process.start()
    _wait(processes, stop)
    return bool(stop.is_set())


def _process(plan: Plan, tell: Tell, *, stop: Any) -> None:
    """A worker's own; Ctrl-C at a terminal reaches the parent alone, which passes it on."""
    os.setpgrp()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=_interrupt_after, args=(stop,), daemon=True).start()
    try:
        with reached(plan):
            _Worker(plan, tell, several=True).run()
    except KeyboardInterrupt:
        return
    except CatdogError as error:
        tell(f"error: {error}")


def _interrupt_after(stop: Any) -> None:
    """What Ctrl-C would do, at any time: a training that is at work writes its snapshot."""
    stop.wait()
    os.kill(os.getpid(), signal.SIGINT)


class _Worker:
    """Asks the study for trials and tells it what became of them; `several` share the study."""

    def __init__(self, plan: Plan, tell: Tell, *, several: bool = False) -> None:
        self._plan, self._tell = plan, tell
        self._several = several or bool(plan.storage)
        self._study = open_study(plan)

    def run(self) -> bool:
        """First trials that were begun and left, then new ones, as many as the plan has.

        Gives whether a trial was stopped.
        """
        try:
            while _goes_on() and not self._hopeless() and (claim := self._next()) is not None:
                with claim.held():
                    self._try(claim)
        except SweepStopped:
            return True
        return False

    def _next(self) -> Claim | None:
        # the others see its values before they choose theirs
        with locked(self._plan):
            trials = self._study.get_trials(deepcopy=False)
            left = next((each for each in trials if is_free(each, self._plan.lost_after)), None)
            if left is None and len(trials) >= self._plan.trials:
                return None
            number = len(trials) if left is None else left.number
            self._study.sampler = sampler(self._plan, self._study, number, several=self._several)
            trial = self._study.ask() if left is None else begun_trial(self._study, left)
            for axis in self._plan.axes:
                axis.suggest(trial)
            claim = Claim(trial, self._plan.lost_after)
            claim.take()
        return claim

    def _try(self, claim: Claim) -> None:
        states, trial = optuna().trial.TrialState, claim.trial
        try:
            value = run_trial(self._plan, trial, lambda: _goes_on() and not claim.lost)
        except SweepStopped:
            if claim.lost:
                self._tell(f"trial {trial.number}: another worker has taken it over")
                return
            self._tell(f"trial {trial.number} waits: it goes on when the command is repeated")
            raise
        except Pruned as end:
            self._end(trial, states.PRUNED, str(end))
        except (RuntimeError, MemoryError) as error:
            # a net that does not fit into memory is a trial that failed, not the end of the sweep
            self._end(trial, states.FAIL, f"failed: {str(error).splitlines()[0]}")
        else:
            self._study.tell(trial, value)
            best = " (best so far)" if self._study.best_trial.number == trial.number else ""
            text = f"{self._plan.metric} = {value:.5g}{best}"
            self._tell(f"trial {trial.number}: {text}, with {self._values(trial)}")

    def _end(self, trial: "Trial", state: Any, reason: str) -> None:
        trial.set_user_attr(REASON, reason)
        self._study.tell(trial, state=state)
        self._tell(f"trial {trial.number}: {reason}, with {self._values(trial)}")

    def _values(self, trial: "Trial") -> str:
        axes = {axis.field: axis for axis in self._plan.axes}
        return ", ".join(f"{name}={axes[name].word(v)}" for name, v in trial.params.items())

    def _hopeless(self) -> bool:
        failed = optuna().trial.TrialState.FAIL
        states = [trial.state for trial in self._study.get_trials(deepcopy=False)]
        return len(states) >= _HOPELESS and all(state == failed for state in states)


def _goes_on() -> bool:
    """Whether the process that this one works for is still there."""
    parent = multiprocessing.parent_process()
    return parent is None or parent.is_alive()


def _on_device(plan: Plan, index: int) -> Plan:
    """Where there are several GPUs and none was named, workers take turns."""
    count = torch.cuda.device_count()
    if count < 2 or plan.options.device is not None:
        return plan
    return replace(plan, options=replace(plan.options, device=torch.device("cuda", index % count)))


def _wait(processes: Sequence[Any], stop: Any) -> None:
    """Wait for the workers; an interrupt is passed on, also where a shell has it ignored."""

    def interrupt(_: int, __: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        for process in processes:
            process.join()
    finally:
        for process in processes:
            process.terminate()
        signal.signal(signal.SIGINT, before)


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Processes that are started in here begin without: Python's start would show a traceback."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _few_threads(number: int) -> Iterator[None]:
    """Processes that are started in here compute on so many cores."""
    before = os.environ.get(_THREADS)
    os.environ[_THREADS] = before or str(number)
    try:
        yield
    finally:
        if before is None:
            del os.environ[_THREADS]
