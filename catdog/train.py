"""A solver file to a trained net: reads, builds and connects the parts.

The solver's layer_wise_reduce says how several GPUs share gradients; on one device either value
gives the same.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import torch

from catdog.errors import CatdogError, Fault, SpecError
from catdog.evaluation import TestNet
from catdog.fed_net import FedNet, open_fed_net
from catdog.feed import Feed
from catdog.layers.base import Setting
from catdog.log import LogWriter
from catdog.net import Net
from catdog.preparation import preparation
from catdog.proto.caffe_pb2 import NetParameter, SolverParameter
from catdog.randomness import Randomness
from catdog.records import Failed, Finetuning, Preparing, Record, Resuming, Warned
from catdog.signals import Signals
from catdog.snapshot import AUTO, find, load_net
from catdog.solver import Action, Solver, faults
from catdog.solver_nets import NetSpec, net_faults, test_nets, train_net
from catdog.spec import Spec, filter_net, override, read_solver, to_prototxt
from catdog.spec.upgrade import upgrade_solver


@dataclass(frozen=True)
class Options:
    """What a command line says beside the solver file.

    Args:
        weights: files whose parameters are copied before the training.
        snapshot: a snapshot to resume, either of its files, or `auto` for the newest, if any.
        device: where to train; by default what solver_mode and device_id say.
        overrides: `FIELD=VALUE` for fields of the solver.
        level, stages: of the train net's state.
        allow_python: build Python layers, which run code.
    """

    weights: Sequence[str] = ()
    snapshot: str = ""
    device: torch.device | None = None
    overrides: Sequence[str] = ()
    level: int = 0
    stages: Sequence[str] = ()
    allow_python: bool = False


def train(
    path: str | Path,
    options: Options | None = None,
    *,
    stream: TextIO | None = None,
    sigint: Action = Action.STOP,
    sighup: Action = Action.SNAPSHOT,
) -> Solver:
    """Train as a solver file says, with a log beside the snapshots; gives the solver at its end.

    Lines go to `stream` too. Raises SpecError, LayerError, DataError and WeightsError before the
    first iteration, Diverged in the course of the training.
    """
    options = options or Options()
    spec = solver_spec(path, options)
    prefix = spec.message.snapshot_prefix
    state = find(options.snapshot, prefix) if options.snapshot else None
    with ExitStack() as stack:
        signals = stack.enter_context(Signals(sigint, sighup))
        log = LogWriter(Path(prefix).parent / "train.log", stream, resumed=state is not None)
        stack.callback(log.close)
        try:
            solver = open_solver(spec, options, stack, log, signals.request)
            if state:
                solver.restore(state)
                log(Resuming(str(state), solver.iteration))
            else:
                for name in _names(spec.message.weights):
                    log(Finetuning(name, tuple(load_net(solver.net, spec.locate(name)))))
            solver.solve()
        except CatdogError as error:
            log(Failed(str(error)))
            raise
    return solver


def solver_spec(path: str | Path, options: Options) -> Spec[SolverParameter]:
    """The solver of a file with the options in it, checked; raises SpecError."""
    if options.snapshot not in ("", AUTO) and options.weights:
        raise CatdogError(
            "--snapshot and --weights exclude each other",
            remedy="a snapshot has its weights; without it training starts anew",
        )
    read = read_solver(path)
    message = upgrade_solver(override(read.message, options.overrides))
    message.snapshot_prefix = _prefix(message, read.path)
    message.weights.extend(options.weights)
    spec = Spec(message, read.path, read.tree)
    with spec.located():
        found = [*faults(message), *net_faults(message)]
        if not message.HasField("max_iter"):
            found.append(Fault("max_iter is missing", remedy="write how many iterations to train"))
        if found:
            raise SpecError(found)
    return spec


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
    emit: Callable[[Record], object] = lambda _: None,
    request: Callable[[], Action] = lambda: Action.NONE,
) -> Solver:
    """The solver with its nets and feeds; the stack closes the feeds."""
    message = spec.message
    randomness = Randomness(message.random_seed if message.random_seed >= 0 else None)
    setting = Setting(randomness, allow_python=options.allow_python)
    device = _device(message, options, emit)
    emit(Preparing(str(device), to_prototxt(message)))
    wanted = train_net(spec, options.level, options.stages)

    def build(each: NetSpec, shared: Net | None = None) -> FedNet:
        return open_fed_net(
            each.spec, each.state, stack, setting=setting, device=device, shared=shared
        )

    trained = build(wanted)
    tests = []
    for each in test_nets(spec):
        tested = build(each, trained.net)
        tests.append(TestNet(tested.net, tested.feed, each.iterations))
    return Solver(
        message,
        trained.net,
        trained.feed,
        tests,
        emit=emit,
        request=request,
        model=_model(wanted, trained.feed),
    )


def _model(wanted: NetSpec, feed: Feed) -> NetParameter:
    """The message of the snapshots: every layer, and what a prediction needs."""
    net = filter_net(wanted.spec.message, wanted.state)
    net.MergeFrom(preparation(wanted.spec.message, feed.shapes, wanted.spec.locate))
    return net


def _device(
    solver: SolverParameter, options: Options, emit: Callable[[Record], object]
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
    if solver.device_id >= count:
        raise CatdogError(
            f"device_id is {solver.device_id}, this machine has {count} GPUs",
            remedy=f"0 to {count - 1}",
        )
    return torch.device("cuda", solver.device_id)
