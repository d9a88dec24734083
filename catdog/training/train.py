"""A solver file to a trained net: reads, builds and connects the parts."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import torch

from catdog.data.feed import Feed
from catdog.errors import CatdogError, Fault, SpecError
from catdog.layers.base import Setting
from catdog.net.carried import preparation, write_deploy
from catdog.net.freezing import frozen, parameter_faults
from catdog.net.net import Net
from catdog.net.opened import FedNet, open_fed_net
from catdog.net.unused_fields import unread
from catdog.proto.caffe_pb2 import TEST, NetParameter, NetState, SolverParameter
from catdog.runtime.compiler import check_compiler
from catdog.runtime.distributed.group import ALONE, Group
from catdog.runtime.randomness import Randomness
from catdog.solver.events import (
    EndRun,
    Event,
    Failed,
    Listener,
    Noted,
    Preparing,
    Resuming,
    Warned,
    everyone,
)
from catdog.solver.faults import solver_faults
from catdog.solver.precision import Precision
from catdog.solver.signals import Signals
from catdog.solver.solver import Action, Solver
from catdog.solver.solverstate import AUTO, find
from catdog.solver.test_pass import TestNet
from catdog.spec import Spec, filter_net, override, read_solver, to_prototxt
from catdog.spec.overrides import changed, of_solver
from catdog.spec.solver_nets import NetSpec, net_faults, test_nets, train_net
from catdog.spec.upgrade import upgrade_solver
from catdog.tracking.listeners import RunListeners, TrackingOptions
from catdog.tracking.log_writer import LogWriter
from catdog.tracking.run_file import RunFile
from catdog.training.data_checks import advice
from catdog.training.feature_cache import cache_features
from catdog.training.finetuning import start, table
from catdog.weights import weight_file


@dataclass(frozen=True)
class Options:
    """What a command line says beside the solver file.

    Args:
        weights: files, or names of pretrained weights, whose parameters are copied before the
            training, in place of those that the solver names; None for those, which must be there.
        snapshot: a snapshot to resume, either of its files, or `auto` for the newest, if any.
        device: where to train; by default what solver_mode and device_id say.
        freeze: names or patterns of layers that stand still, beside those of the solver.
        overrides: `FIELD=VALUE` for fields of the solver, `net.LAYER.FIELD=VALUE` for its nets.
        level, stages: of the train net's state.
        provide_caffe: lets `import caffe` work in Python layers, which run code; None refuses them.
        amp: mixed precision, a name of `precision.NAMES`.
        compile: run the trained net through torch.compile.
        watch: what to show and keep beside the log.
    """

    weights: Sequence[str] | None = ()
    freeze: Sequence[str] = ()
    snapshot: str = ""
    device: torch.device | None = None
    overrides: Sequence[str] = ()
    level: int = 0
    stages: Sequence[str] = ()
    provide_caffe: Callable[[], object] | None = None
    amp: str = ""
    compile: bool = False
    tracking: TrackingOptions = field(default_factory=TrackingOptions)


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
    where = Path(prefix).parent / "train.log"
    with ExitStack() as stack:
        signals = stack.enter_context(Signals(sigint, sighup))
        emit, log = everyone(), LogWriter()
        if group.leads:
            watching = RunListeners(prefix, options.tracking, stream, resumed=state is not None)
            log = LogWriter(where, watching.stream, resumed=state is not None)
            stack.callback(log.close)
            run_file = stack.enter_context(RunFile(prefix, path, resumed=state is not None))
            emit = everyone(log, run_file, stack.enter_context(watching), *listeners)
        try:
            solver, feds = open_solver(spec, options, stack, emit, signals.request, group)
            if group.leads:
                write_deploy(solver.model, prefix)
            if state:
                solver.restore(state)
                emit(Resuming(str(state), solver.iteration))
                if spec.message.freeze or spec.message.unfreeze:
                    emit(table(solver, {}, otherwise=None))
            else:
                names = _names(spec.message.weights)
                start(solver, [weight_file(name, spec.locate) for name in names], emit)
            if spec.message.cache_features:
                cache_features(solver, feds, Path(prefix).parent, stack, emit)
            if group.leads:
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


def _agreed(state: Path | None, group: Group) -> Path | None:
    """A snapshot that all processes have found; CatdogError where they have not."""
    if len(set(group.gather(state and state.name))) > 1:
        raise CatdogError(
            "the processes find different snapshots",
            where="--snapshot",
            remedy="let all machines see the folder of snapshot_prefix",
        )
    return state


def solver_spec(path: str | Path, options: Options) -> Spec[SolverParameter]:
    """The solver of a file with the options in it, checked; raises SpecError."""
    if options.snapshot not in ("", AUTO) and (options.weights is None or options.weights):
        raise CatdogError(
            "--snapshot and --weights exclude each other",
            remedy="a snapshot has its weights; without it training starts anew",
        )
    read = read_solver(path)
    message = upgrade_solver(override(read.message, of_solver(options.overrides)))
    message.snapshot_prefix = _prefix(message, read.path)
    message.weights[:] = _weights(message, options.weights)
    message.freeze.extend(options.freeze)
    spec = Spec(message, read.path, read.tree)
    with spec.located():
        found = [*solver_faults(message), *net_faults(message)]
        if not message.HasField("max_iter"):
            found.append(Fault("max_iter is missing", remedy="write how many iterations to train"))
        if found:
            raise SpecError(found)
    return spec


def _weights(solver: SolverParameter, given: Sequence[str] | None) -> list[str]:
    """The sources to start from: as in Caffe, those given go before those of the solver."""
    if given is None and not solver.weights:
        raise CatdogError(
            "the solver names no weights", where="--weights", remedy="give files or names"
        )
    return list(given or solver.weights)


def _names(weights: Iterable[str]) -> list[str]:
    """Caffe takes several files in one text, with commas between them."""
    return [name.strip() for text in weights for name in text.split(",")]


def _prefix(solver: SolverParameter, path: Path) -> str:
    """Where snapshots go: a folder, or nothing, is completed by the name of the solver file."""
    given = solver.snapshot_prefix
    if not given:
        return str(path.with_suffix(""))
    if given.endswith("/") or Path(given).is_dir():
        return str(Path(given) / path.stem)
    return given


def open_solver(
    spec: Spec[SolverParameter],
    options: Options,
    stack: ExitStack,
    emit: Callable[[Event], object] = lambda _: None,
    request: Callable[[], Action] = lambda: Action.NONE,
    group: Group = ALONE,
) -> tuple[Solver, list[FedNet]]:
    """The solver, and its nets with their feeds, the trained one first; the stack closes them."""
    message = spec.message
    seed = message.random_seed if message.random_seed >= 0 else Randomness().seed
    randomness = Randomness(group.gather(seed)[0])
    setting = Setting(randomness, provide_caffe=options.provide_caffe)
    device = _device(message, options, group, emit)
    group.use(device)
    if options.compile:
        check_compiler(device)
    nets = [train_net(spec, options.level, options.stages), *test_nets(spec)]
    wanted, *tested = nets = changed(nets, options.overrides)
    texts = (to_prototxt(filter_net(frozen(each).message, each.state)) for each in nets)
    emit(Preparing(str(device), to_prototxt(message), randomness.seed, tuple(texts)))

    def build(each: NetSpec, shared: Net | None = None) -> FedNet:
        return open_fed_net(
            frozen(each),
            each.state,
            stack,
            setting=setting,
            device=device,
            shared=shared,
            part=group.part,
        )

    trained = build(wanted)
    with spec.located():
        _refuse_idle(parameter_faults(trained.net, wanted.freeze))
    feds, tests = [trained], []
    _advise(wanted, emit)
    for each in tested:
        _advise(each, emit)
        fed = build(each, trained.net)
        feds.append(fed)
        tests.append(TestNet(fed.net, fed.feed, each.iterations))
    if group.rank:
        # the same parameters to begin with, but dropout of its own
        randomness.branch(group.rank)
    with spec.located():
        solver = Solver(
            message,
            trained.net,
            trained.feed,
            tests,
            emit=emit,
            request=request,
            model=_model(wanted, tested, trained.feed),
            precision=Precision(options.amp, device),
            compiled=options.compile,
            group=group,
        )
    return solver, feds


def _advise(wanted: NetSpec, emit: Callable[[Event], object]) -> None:
    for line in unread(filter_net(wanted.spec.message, wanted.state)):
        emit(Warned(line))
    for event in advice(wanted.spec, wanted.state):
        emit(event)


def _refuse_idle(faults: Iterable[Fault]) -> None:
    found = list(faults)
    if found:
        raise SpecError(found)


def _model(wanted: NetSpec, tested: Sequence[NetSpec], feed: Feed) -> NetParameter:
    """The message of the snapshots: every layer, and what a prediction needs."""
    spec, state = wanted.spec, NetState()
    state.CopyFrom(wanted.state)
    state.phase = TEST
    if tested and tested[0].spec.path == spec.path:
        state = tested[0].state
    net = filter_net(spec.message, wanted.state)
    net.MergeFrom(preparation(spec.message, feed.shapes, spec.locate, state))
    return net


def _device(
    solver: SolverParameter, options: Options, group: Group, emit: Callable[[Event], object]
) -> torch.device:
    if options.device is not None:
        return options.device
    if solver.solver_mode == SolverParameter.CPU:
        return torch.device("cpu")
    count = torch.cuda.device_count()
    if not count:
        if solver.HasField("solver_mode"):
            emit(Warned("solver_mode is GPU and this machine has none: training on the CPU"))
        return torch.device("cpu")
    index = group.local_rank if group.world > 1 else solver.device_id
    if index >= count:
        named = "device_id" if group.world == 1 else "the number of this process"
        raise CatdogError(
            f"{named} is {index}, this machine has {count} GPUs",
            remedy=f"0 to {count - 1}",
        )
    return torch.device("cuda", index)
