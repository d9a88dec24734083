"""All faults of a net or a solver, found without data and without weights."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from catdog.errors import CatdogError, Fault, LayerError, SpecError
from catdog.net.abstract import Blueprint, blueprint
from catdog.net.resolved import resolve
from catdog.net.summary import summarize
from catdog.net.unused_fields import unread
from catdog.proto.caffe_pb2 import TEST, TRAIN, NetParameter, Phase, SolverParameter
from catdog.solver.faults import solver_faults
from catdog.spec import Spec, net_state
from catdog.spec.data_layers import DATA_LAYERS
from catdog.spec.kind import read_spec
from catdog.spec.rules import is_kept
from catdog.spec.shape import Shape
from catdog.spec.solver_nets import SolverNet, net_faults, solver_nets

_PHASES: dict[str, Phase] = {"TRAIN": TRAIN, "TEST": TEST}


@dataclass(frozen=True)
class _Subject:
    """A net in a state, and what to call it."""

    title: str
    net: SolverNet


def inspect(
    path: str | Path,
    *,
    level: int = 0,
    stages: Sequence[str] = (),
    given: Mapping[str, Shape] | None = None,
) -> list[str]:
    """Compile a net in both phases, or every net of a solver; returns lines that summarise them.

    `given` are shapes of data blobs whose data are not there. Raises SpecError with all faults,
    CatdogError where there is nothing to read.
    """
    spec = read_spec(path)
    faults: list[Fault] = []
    if isinstance(spec.message, SolverParameter):
        subjects = _of_solver(Spec(spec.message, spec.path, spec.tree), faults)
    else:
        subjects = _of_net(Spec(spec.message, spec.path, spec.tree), level, stages)
    compiled = [(subject, _compile(subject, given or {}, faults)) for subject in subjects]
    if faults:
        raise SpecError(dict.fromkeys(faults))
    lines = [line for subject, nets in compiled for net in nets for line in _lines(subject, net)]
    return [f"{path}: OK", *dict.fromkeys(lines)]


def _of_net(spec: Spec[NetParameter], level: int, stages: Sequence[str]) -> list[_Subject]:
    """The net in each phase in which it has data, or in both phases where it has none."""
    subjects = [
        _Subject(
            f"{spec.path} {name}",
            SolverNet(spec, net_state(phase, level, stages, spec.message.state)),
        )
        for name, phase in _PHASES.items()
    ]
    return [subject for subject in subjects if _has_data(subject)] or subjects


def _has_data(subject: _Subject) -> bool:
    net = subject.net
    kept = (layer for layer in net.spec.message.layer if is_kept(layer, net.state))
    return any(layer.type in {*DATA_LAYERS, "Input"} for layer in kept)


def _of_solver(spec: Spec[SolverParameter], faults: list[Fault]) -> list[_Subject]:
    of_nets = list(net_faults(spec.message))
    with _gathering(faults), spec.located():
        found = [*solver_faults(spec.message), *of_nets]
        if found:
            raise SpecError(found)
    if of_nets:
        return []
    # the nets are checked even where the learning rate is wrong
    with _gathering(faults):
        return [
            _Subject(f"{net.spec.path} {Phase.Name(net.state.phase)}", net)
            for net in solver_nets(spec)
        ]
    return []


@contextmanager
def _gathering(faults: list[Fault]) -> Iterator[None]:
    """Collect the faults of what is raised instead of propagating it."""
    try:
        yield
    except SpecError as error:
        faults += error.faults
    except LayerError as error:
        # a Fault writes the layer's name itself
        where = error.where.removesuffix(f'layer "{error.layer}"').removesuffix(": ")
        faults.append(Fault(error.what, error.remedy, where, error.layer))
    except CatdogError as error:
        faults.append(Fault(error.what, error.remedy, error.where))


def _compile(subject: _Subject, given: Mapping[str, Shape], faults: list[Fault]) -> list[Blueprint]:
    """The compiled net in a list, or an empty list with its faults added to `faults`.

    A layer with a fault is taken out with all that needs it, and the rest is tried again, so
    that one run tells all of them.
    """
    net = subject.net
    message = net.spec.message
    while message.layer or message is net.spec.message:
        own: list[Fault] = []
        with _gathering(own):
            compiled = blueprint(resolve(net.spec.of(message), net.state, frozen=net.freeze), given)
            return [compiled] if message is net.spec.message else []
        faults += own
        rest = _without(message, {fault.layer for fault in own})
        if len(rest.layer) == len(message.layer):
            break
        message = rest
    return []


def _without(net: NetParameter, names: set[str]) -> NetParameter:
    """A copy without the named layers and without the layers that depend on them."""
    rest = NetParameter()
    rest.CopyFrom(net)
    del rest.layer[:]
    missing: set[str] = set()
    for layer in net.layer:
        if layer.name in names or missing.intersection(layer.bottom):
            missing.update(layer.top)
        else:
            rest.layer.append(layer)
    return rest


def _lines(subject: _Subject, compiled: Blueprint) -> list[str]:
    count = summarize(compiled.net)
    message = compiled.resolved.message
    outputs = ", ".join(compiled.net.outputs)
    size = f"{len(message.layer)} layers, {count.parameters:,} parameters"
    return [
        f"{subject.title}: {size}, outputs {outputs}",
        *compiled.assumed,
        *unread(message),
    ]
