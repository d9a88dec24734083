"""A solver file to a trained net: reads, builds and connects the parts."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO

from catdog.errors import CatdogError
from catdog.net.carried import write_deploy
from catdog.net.opened import FedNet
from catdog.proto.caffe_pb2 import SolverParameter
from catdog.runtime.distributed.group import ALONE, Group
from catdog.solver.events import EndRun, Failed, Listener, Noted, Resuming, everyone
from catdog.solver.signals import Signals
from catdog.solver.solver import Action, Solver
from catdog.solver.solverstate import find
from catdog.spec import Spec
from catdog.tracking.listeners import RunListeners
from catdog.tracking.log_writer import LogWriter
from catdog.tracking.run_file import RunFile
from catdog.training.feature_cache import cache_features
from catdog.training.finetuning import start, table
from catdog.training.opening import Emit, Surroundings, open_solver
from catdog.training.options import Options, solver_spec
from catdog.weights import weight_file


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
    """Train as a solver file says, with a log beside the snapshots; gives the solver at its end.

    Lines go to `stream` too, events to the listeners. Raises SpecError, LayerError, DataError and
    WeightsError before the first iteration, Diverged in the course of the training, and what a
    listener raises.
    """
    options = options or Options()
    spec = solver_spec(path, options)
    prefix = spec.message.snapshot_prefix
    state = _agreed(find(options.snapshot, prefix) if options.snapshot else None, group)
    resumed = state is not None
    where = Path(prefix).parent / "train.log"
    with ExitStack() as stack:
        signals = stack.enter_context(Signals(sigint, sighup))
        emit, log, watching = everyone(), LogWriter(), None
        if group.leads:
            watching = RunListeners(prefix, options.tracking, stream, resumed=resumed)
            log = LogWriter(where, watching.stream, resumed=resumed)
            stack.callback(log.close)
            run_file = stack.enter_context(RunFile(prefix, path, resumed=resumed))
            emit = everyone(log, run_file, stack.enter_context(watching), *listeners)
        try:
            around = Surroundings(emit, signals.request, group)
            solver, feds = open_solver(spec, options, stack, around)
            if group.leads:
                write_deploy(solver.model, prefix)
            _begin(spec, solver, state, emit)
            _cache(spec, solver, feds, stack, emit)
            if watching:
                watching.begin(solver, emit)
            solver.solve()
        except CatdogError as error:
            if group.speaks():
                (emit if group.leads else LogWriter(where, resumed=True))(Failed(str(error)))
            raise
        except EndRun as end:
            log(Noted(str(end)))
            raise
    return solver


def _begin(spec: Spec[SolverParameter], solver: Solver, state: Path | None, emit: Emit) -> None:
    """Give the nets their parameters: those of a snapshot, or those that the solver names."""
    if state is None:
        names = _names(spec.message.weights)
        start(solver, [weight_file(name, spec.locate) for name in names], emit)
        return
    solver.restore(state)
    emit(Resuming(str(state), solver.iteration))
    if spec.message.freeze or spec.message.unfreeze:
        emit(table(solver, {}, otherwise=None))


def _cache(
    spec: Spec[SolverParameter],
    solver: Solver,
    feds: Sequence[FedNet],
    stack: ExitStack,
    emit: Emit,
) -> None:
    if spec.message.cache_features:
        folder = Path(spec.message.snapshot_prefix).parent
        cache_features(solver, feds, folder, stack, emit)


def _agreed(state: Path | None, group: Group) -> Path | None:
    """A snapshot that all processes have found; CatdogError where they have not."""
    if len(set(group.gather(state and state.name))) > 1:
        raise CatdogError(
            "the processes find different snapshots",
            where="--snapshot",
            remedy="let all machines see the folder of snapshot_prefix",
        )
    return state


def _names(weights: Iterable[str]) -> list[str]:
    """Caffe takes several files in one text, with commas between them."""
    return [name.strip() for text in weights for name in text.split(",")]
