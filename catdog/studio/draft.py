"""A training before it is one: what is wrong with its net and its solver, and what they would be.

Both are texts. Nothing is built, fetched, written or run: nets have shapes alone.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from catdog.errors import CatdogError, Fault
from catdog.net.abstract import Blueprint
from catdog.net.summary import Summary, summarize
from catdog.proto.caffe_pb2 import NetParameter, Phase, SolverParameter
from catdog.solver.faults import solver_faults
from catdog.spec import Spec
from catdog.spec.shipped import find_net, is_shipped
from catdog.studio import trust
from catdog.studio.place import StudioFolder
from catdog.studio.rate_points import RatePoints, rate_points
from catdog.studio.spec_text import (
    NET,
    SOLVER,
    DraftFault,
    placed,
    read_net_text,
    read_solver_text,
)
from catdog.studio.start_plan import StartPlan, start_plan
from catdog.training.check import Examined, Inspection, examine
from catdog.training.epochs import in_epochs
from catdog.training.memory import free_on, need
from catdog.training.solver_setup import device_of_solver


@dataclass(frozen=True)
class NetMemory:
    """Bytes that a net of a phase takes, about: `fixed`, and `growing` with its batch."""

    phase: str
    fixed: int
    growing: int
    told: str


@dataclass(frozen=True)
class MemoryPlan:
    """What the nets of a solver take of a device, and bytes that are free on it."""

    device: str
    free: int
    nets: tuple[NetMemory, ...]

    @property
    def total(self) -> int:
        """The trained net, and the test net that takes most beside it."""
        sizes = [each.fixed + each.growing for each in self.nets]
        return sum(sizes[:1]) + max(sizes[1:], default=0)


@dataclass(frozen=True)
class Draft:
    """What is known of a net and a solver that are texts.

    Args:
        faults: in the order of the texts, the net's first.
        lines: what `catdog check` says of them, where there are no faults.
        needs: what was assumed of data that are not there.
        net: the layers of the trained net; None where it does not compile.
        rates: the learning rate; None where it cannot be told.
        start: what the layers begin with.
        memory: what it takes.
        iterations: of the training; 0 where they are not known.
        tests: from one test to the next; 0 for none.
    """

    faults: tuple[DraftFault, ...] = ()
    lines: tuple[str, ...] = ()
    net: Summary | None = None
    rates: RatePoints | None = None
    start: StartPlan | None = None
    memory: MemoryPlan | None = None
    iterations: int = 0
    tests: int = 0
    needs: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether it can be trained now."""
        return not (self.faults or self.needs) and self.iterations > 0


@dataclass(frozen=True)
class Drafted:
    """A draft and what it was made of, for whoever measures or draws it."""

    draft: Draft
    plans: tuple[Blueprint, ...] = ()
    solver: Spec[SolverParameter] | None = None


def draft(net: str, solver: str, place: StudioFolder) -> Draft:
    """What is known of the texts of a net and of a solver, either of which may be empty.

    Args:
        net: YAML or prototxt; where it is empty, the net that the solver names is taken, of those
            in the folder and of those that ship.
        solver: as `net`; without it the net alone is looked at.
        place: the studio's, whose folder is the working directory.
    """
    return drafted(net, solver, place).draft


def drafted(net: str, solver: str, place: StudioFolder) -> Drafted:
    """As `draft`, with the compiled nets."""
    folder = place.folder
    faults: list[Fault] = []
    training = read_solver_text(solver, folder, faults) if solver.strip() else None
    if not net.strip() and training is not None:
        net = _named_net(training, place, faults)
    spec = read_net_text(net, folder, faults) if net.strip() else None
    refused = [*(trust.net_faults(spec, place) if spec else ())]
    refused += trust.solver_faults(training, place) if training else ()
    if refused or spec is None:
        rates = _rates(training.message) if training else None
        return Drafted(Draft(_placed([*faults, *refused], folder), rates=rates))
    found = _examined(spec, training, faults)
    return _of(found, training, list(found.faults), folder)


def named_net(solver: str, place: StudioFolder, faults: list[Fault]) -> str:
    """The text of the net that a solver's text names; empty, with faults, where there is none."""
    spec = read_solver_text(solver, place.folder, faults)
    return _named_net(spec, place, faults) if spec else ""


def _named_net(solver: Spec[SolverParameter], place: StudioFolder, faults: list[Fault]) -> str:
    """The text of the net that a solver names; empty, with a fault, where it may not be read."""
    name = solver.message.net
    path = find_net(name, beside=solver.path) if name else None
    if path is None or not path.is_file():
        what = f'no such net "{name}"' if name else "names no net"
        faults.append(Fault(what, "choose a net, or write one", solver.where(key="net")))
    elif not is_shipped(path) and trust.leads_out(str(path), place):
        faults.append(trust.outside("net", name, solver.where(key="net")))
    else:
        return path.read_text(encoding="utf-8-sig", errors="replace")
    return ""


def _examined(
    net: Spec[NetParameter], solver: Spec[SolverParameter] | None, faults: list[Fault]
) -> Examined:
    if solver is None:
        return examine(net, Inspection(), faults)
    message = SolverParameter()
    message.CopyFrom(solver.message)
    # whatever the text calls it, this is its net
    message.net = str(net.path)
    # the plan looks into the weights
    return examine(solver.of(message), Inspection(net=net, weights=False), faults)


def _of(
    found: Examined,
    solver: Spec[SolverParameter] | None,
    faults: list[Fault],
    folder: Path,
) -> Drafted:
    plan = next(iter(found.plans), None)
    whole = found.solver or (solver if solver and not in_epochs(solver.message) else None)
    start = memory = None
    if plan is not None and solver is not None and not faults:
        try:
            start = start_plan(plan.net, solver.message, solver.locate)
            faults += _misfits(start, solver)
        except CatdogError as error:
            where = solver.where(key="weights")
            faults.append(Fault(f"{error.where}: {error.what}", error.remedy, where))
        memory = _memory(found.plans, solver.message)
    rates = _rates(whole.message) if whole else None
    length = whole.message if whole and rates else SolverParameter()
    needs = tuple(line.partition("; --shape")[0] for line in found.assumed)
    lines = [] if faults else [line for line in found.lines if line not in found.assumed]
    made = Draft(
        _placed(faults, folder),
        tuple(line.replace(f"{folder}/", "") for line in lines),
        summarize(plan.net) if plan else None,
        rates,
        start,
        memory,
        length.max_iter,
        length.test_interval,
        tuple(line.replace(f"{folder}/", "") for line in needs),
    )
    return Drafted(made, found.plans, whole)


def _misfits(start: StartPlan, solver: Spec[SolverParameter]) -> Iterator[Fault]:
    for row in start.layers:
        if row.reason:
            what = f'weights: layer "{row.layer}": {row.reason}'
            remedy = "rename the layer to learn it from scratch"
            yield Fault(what, remedy, solver.where(key="weights"))


def _memory(plans: tuple[Blueprint, ...], solver: SolverParameter) -> MemoryPlan | None:
    """What the nets take; None where only the code of a layer or another machine knows."""
    with suppress(CatdogError):
        device = device_of_solver(solver)
        needs = [(Phase.Name(plan.net.phase), need(plan.net, solver)) for plan in plans]
        nets = [
            NetMemory(phase, needed.fixed, needed.growing, str(needed))
            for phase, needed in needs
            if needed
        ]
        if len(nets) == len(plans):
            return MemoryPlan(str(device), free_on(device), tuple(nets))
    return None


def _rates(solver: SolverParameter) -> RatePoints | None:
    broken = any(solver_faults(solver)) or in_epochs(solver) or not solver.max_iter
    return None if broken else rate_points(solver)


def _placed(faults: list[Fault], folder: Path) -> tuple[DraftFault, ...]:
    found = dict.fromkeys(placed(fault, folder) for fault in faults)
    order = (NET, SOLVER)
    return tuple(sorted(found, key=lambda each: (order.index(each.text), each.line, each.column)))
