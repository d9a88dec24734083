"""A solver file to a trained net: reads, builds and connects the parts."""

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TextIO

from catdog.errors import CatdogError
from catdog.proto.caffe_pb2 import SolverParameter
from catdog.runtime.distributed.group import ALONE, Group
from catdog.runtime.lock import only_one
from catdog.runtime.provenance import command_with
from catdog.solver.action import Action
from catdog.solver.events import (
    EndRun,
    Failed,
    Identified,
    Interrupted,
    Listener,
    Noted,
    everyone,
)
from catdog.solver.signals import Signals
from catdog.solver.snapshot_search import AUTO
from catdog.solver.solver import Solver
from catdog.spec import Spec
from catdog.tracking.failures import Failures
from catdog.tracking.held_back import HeldBack
from catdog.tracking.listeners import RunListeners
from catdog.tracking.log_reader import LOG
from catdog.tracking.log_writer import LogWriter
from catdog.tracking.run_file import RunFile, run_path
from catdog.tracking.schedule import schedule_of
from catdog.training.class_weights import with_class_weights
from catdog.training.feature_cache import cache_features
from catdog.training.finetuning import start_anew, table
from catdog.training.kept_features import KeptFeatures
from catdog.training.options import Options, ends_by_epochs, solver_spec
from catdog.training.resuming import Start, check_passes, start_of
from catdog.training.solver_setup import Surroundings, open_solver

_ANOTHER = "another training is writing here"
_HAS_WEIGHTS = "--weights is not looked at: the snapshot that the run goes on from has its weights"
_OWN_PREFIX = "wait for it or stop it, or give this one its own: --set snapshot_prefix=..."


def train(
    path: str | Path,
    options: Options | None = None,
    *,
    stream: TextIO | None = None,
    sigint: Action = Action.STOP,
    sighup: Action = Action.SNAPSHOT,
    listeners: Sequence[Listener] = (),
    group: Group = ALONE,
) -> Solver:
    """Train as a solver file says, with a log beside the snapshots; returns the solver at its end.

    Lines go to `stream` too, events to the listeners. Raises SpecError, LayerError, DataError and
    WeightsError before the first iteration, Diverged in the course of the training, and what a
    listener raises.
    """
    options = with_class_weights(path, options or Options())
    spec = solver_spec(path, options, group.world)
    prefix = spec.message.snapshot_prefix
    with ExitStack() as stack:
        begun = _begun(options, prefix, stack, group)
        signals = stack.enter_context(Signals(sigint, sighup, _answer(stream, group)))
        told = _Listening()
        if group.leads:
            told = _listening(path, prefix, options, stream, listeners, stack, begun)
        around = Surroundings(told.emit, signals.request, group)
        try:
            solver = _opened(spec, options, begun, stack, around)
            if not solver.stopped:
                told.begin(solver)
                solver.solve()
            if solver.stopped:
                told.emit(Interrupted(signals.stopped_by, command_with("--snapshot", AUTO)))
        except CatdogError as error:
            _tell(Failed(str(error)), told, prefix, group)
            raise
        except EndRun as end:
            told.log(Noted(str(end)))
            raise
    return solver


def _begun(options: Options, prefix: str, stack: ExitStack, group: Group) -> Start:
    """Where the training starts; from here on nobody else writes under the prefix."""
    if group.leads:
        stack.enter_context(only_one(prefix, _ANOTHER, _OWN_PREFIX))
    start = start_of(options.snapshot, prefix, group)
    if start.state and (options.weights is None or options.weights):
        return replace(start, notes=(*start.notes, _HAS_WEIGHTS))
    return start


def _tell(failed: Failed, told: "_Listening", prefix: str, group: Group) -> None:
    """Why the run ends: the process that is the first to fail says it."""
    if group.speaks():
        log = told.emit if group.leads else _speaker(prefix)
        log(failed)


def _answer(stream: TextIO | None, group: Group) -> Callable[[str], None]:
    """What the first Ctrl-C is answered with: of several processes one speaks, to people alone."""
    return _say if stream and group.leads else lambda _: None


def _say(line: str) -> None:
    # a signal may come in the middle of a write to sys.stderr, which must not be entered twice
    with suppress(OSError):
        os.write(2, f"\n{line}\n".encode())


@dataclass(frozen=True)
class _Listening:
    """Who hears of a run: all listeners, the log among them, and what is shown beside it."""

    emit: Listener = field(default_factory=everyone)
    log: LogWriter = field(default_factory=LogWriter)
    shown: RunListeners | None = None

    def begin(self, solver: Solver) -> None:
        if self.shown:
            self.shown.begin(solver, self.emit)


def _listening(
    path: str | Path,
    prefix: str,
    options: Options,
    stream: TextIO | None,
    listeners: Sequence[Listener],
    stack: ExitStack,
    begun: Start,
) -> _Listening:
    """The log, the run's file, what is shown, and the caller's listeners; the stack closes them."""
    resumed = begun.resumed
    failures = Failures()
    shown = RunListeners(prefix, options.tracking, stream, failures, solver=path, resumed=resumed)
    log = LogWriter(
        _log_path(prefix), shown.stream, resumed=resumed, waits=True, failed=failures.take
    )
    stack.callback(log.close)
    stack.callback(failures.finish)
    stack.callback(log.check)

    def run_file() -> RunFile:
        written = options.tracking.annotation
        return stack.enter_context(
            RunFile(prefix, path, resumed=resumed, annotation=written, failed=failures.take)
        )

    held = failures.guarded(run_path(prefix), HeldBack(run_file))
    stack.enter_context(shown)
    failures.emit = everyone(log, failures, held, shown, *listeners)
    return _Listening(failures.emit, log, shown)


def _speaker(prefix: str) -> LogWriter:
    """The log of the run, for a process that does not keep it."""
    return LogWriter(_log_path(prefix), resumed=True)


def _log_path(prefix: str) -> Path:
    return Path(prefix).parent / LOG


def _opened(
    spec: Spec[SolverParameter],
    options: Options,
    begun: Start,
    stack: ExitStack,
    around: Surroundings,
) -> Solver:
    """The solver with its parameters, and where it is wanted with the features of frozen layers."""
    for note in begun.notes:
        around.emit(Noted(note))
    solver, feds = open_solver(spec, options, stack, around)
    _begin(spec, options, solver, begun.state, around.emit)
    around.emit(Identified(solver.run))
    if line := schedule_of(solver).in_words():
        around.emit(Noted(line))
    if spec.message.cache_features:
        folder = Path(spec.message.snapshot_prefix).parent
        kept = options.kept or KeptFeatures()
        cache_features(solver, feds, folder, stack, around.emit, kept)
    return solver


def _begin(
    spec: Spec[SolverParameter],
    options: Options,
    solver: Solver,
    state: Path | None,
    emit: Listener,
) -> None:
    """Give the nets their parameters: those of a snapshot, or those that they start from."""
    if state is None:
        start_anew(spec, options, solver, emit)
        return
    if ends_by_epochs(spec.path, options):
        check_passes(state, schedule_of(solver).examples)
    solver.restore(state)
    if spec.message.freeze or spec.message.unfreeze:
        emit(table(solver, {}, otherwise=None))
