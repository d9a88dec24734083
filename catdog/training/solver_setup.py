"""A solver's spec to a solver: its nets with their data, on a device, ready to train."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import torch

from catdog.errors import CatdogError
from catdog.layers.base import Setting
from catdog.net.batch_statistics import batch_remarks
from catdog.net.carried import NetAsRun, snapshot_message
from catdog.net.net import Net
from catdog.net.opened import FedNet, open_fed_net
from catdog.net.resolved import ResolvedNet
from catdog.net.unused_fields import unread
from catdog.proto.caffe_pb2 import Phase, SolverParameter
from catdog.runtime.distributed.group import ALONE, Group
from catdog.runtime.randomness import Randomness
from catdog.solver.action import Action
from catdog.solver.events import Listener, Noted, Preparing, Warned
from catdog.solver.no_learning import learns_nothing
from catdog.solver.precision import Precision
from catdog.solver.solver import Solver
from catdog.solver.test_pass import TestNet
from catdog.spec import Spec, to_prototxt
from catdog.spec.shipped import shipped_note
from catdog.training.class_weights import weight_lines
from catdog.training.data_checks import advice, same_data
from catdog.training.memory import check_memory
from catdog.training.options import Options, resolved_nets
from catdog.training.start_checks import check_net, unfed


@dataclass(frozen=True)
class Surroundings:
    """What a solver is connected to: who hears of it, who asks something of it, who else trains."""

    emit: Listener = lambda _: None
    request: Callable[[], Action] = lambda: Action.NONE
    group: Group = ALONE


def open_solver(
    spec: Spec[SolverParameter],
    options: Options,
    stack: ExitStack,
    around: Surroundings | None = None,
) -> tuple[Solver, list[FedNet]]:
    """The solver, and its nets with their feeds, the trained one first; the stack closes them.

    Raises SpecError, LayerError and DataError with their places in the text.
    """
    around = around or Surroundings()
    message, group, emit = spec.message, around.group, around.emit
    randomness = _randomness(message, group)
    device = options.device or device_of_solver(message, group, emit)
    group.use(device)
    if options.compile and device.type == "cpu":
        what = "torch.compile makes no net faster on the CPU"
        raise CatdogError(what, where="--compile", remedy="leave it out, or train on a GPU")
    nets = resolved_nets(spec, options)
    texts = tuple(to_prototxt(net.running) for net in nets)
    for path in dict.fromkeys([spec.path, *(net.spec.path for net in nets)]):
        if note := shipped_note(path):
            emit(Noted(note))
    emit(Preparing(str(device), to_prototxt(message), randomness.seed, texts))
    setting = Setting(randomness, provide_caffe=options.provide_caffe)
    feds = _open_nets(spec, nets, setting, device, stack, around, options.force)
    if group.rank:
        # the same parameters to begin with, but dropout of its own
        randomness.branch(group.rank)
    with spec.located():
        solver = _solver(message, feds, options, device, around)
    return solver, feds


def _solver(
    message: SolverParameter,
    feds: Sequence[FedNet],
    options: Options,
    device: torch.device,
    around: Surroundings,
) -> Solver:
    trained, *tests = feds
    precision = Precision(options.amp, device)
    for line in precision.advice():
        around.emit(Warned(line))
    ran = [NetAsRun(fed.resolved, fed.feed.shapes) for fed in feds]
    return Solver(
        message,
        trained.net,
        trained.feed,
        [TestNet(fed.net, fed.feed, fed.resolved.iterations) for fed in tests],
        emit=around.emit,
        request=around.request,
        model=snapshot_message(ran[0], ran[1:]),
        precision=precision,
        compiled=options.compile,
        group=around.group,
    )


def _randomness(solver: SolverParameter, group: Group) -> Randomness:
    """The seed of the solver, or one that all processes agree on."""
    seed = solver.random_seed if solver.random_seed >= 0 else Randomness().seed
    return Randomness(group.gather(seed)[0])


def _open_nets(
    spec: Spec[SolverParameter],
    nets: Sequence[ResolvedNet],
    setting: Setting,
    device: torch.device,
    stack: ExitStack,
    around: Surroundings,
    force: bool,
) -> list[FedNet]:
    """The nets with their data; the test nets have the parameters of the first."""
    feds: list[FedNet] = []
    for net in nets:
        if lines := unfed(net):
            raise CatdogError(lines[0], where=str(net.spec.path), remedy="give it a Data layer")
        shared = feds[0].net if feds else None
        part = around.group.part

        def has_room(built: Net, net: ResolvedNet = net) -> None:
            if not force and (needed := check_memory(built, net, spec.message, device)):
                around.emit(Noted(f"Memory of the {Phase.Name(built.phase)} net: {needed}"))

        fed = open_fed_net(
            net, stack, setting=setting, device=device, shared=shared, part=part, before=has_room
        )
        feds.append(fed)
        lines = [*unread(net.message), *batch_remarks(net.running)]
        lines += [] if shared else learns_nothing(fed.net, spec.message)
        for line in lines:
            around.emit(Warned(line))
        check_net(spec, net, fed.net, fed.feed.sources)
        for event in advice(net, fed.net, fed.feed.sources):
            around.emit(event)
        for line in weight_lines(fed.net, fed.feed.sources):
            around.emit(Noted(line))
    for line in same_data(nets):
        around.emit(Warned(line))
    return feds


def device_of_solver(
    solver: SolverParameter, group: Group = ALONE, emit: Listener = lambda _: None
) -> torch.device:
    """The device that solver_mode and device_id say; CatdogError where this machine lacks it."""
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
