"""All faults of a net or a solver, found without numbers; data and weights count where they are."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from catdog.data.sources import Source
from catdog.errors import CatdogError, DataError, Fault, LayerError, SpecError
from catdog.net.abstract import Blueprint, blueprint
from catdog.net.batch_statistics import batch_remarks
from catdog.net.resolved import resolve
from catdog.net.summary import summarize
from catdog.net.unused_fields import unread, unused_tops
from catdog.net.wiring import unknown_types
from catdog.net.zero_weights import stuck_at_zero
from catdog.proto.caffe_pb2 import TEST, TRAIN, NetParameter, Phase, SolverParameter
from catdog.runtime.room import amount
from catdog.solver.early_stopping import wanted_scores
from catdog.solver.no_learning import learns_nothing
from catdog.spec import Spec, net_state
from catdog.spec.data_layers import brings_data
from catdog.spec.overrides import changed, of_solver
from catdog.spec.read import read_spec
from catdog.spec.rules import check_stages, is_kept
from catdog.spec.shape import Shape
from catdog.spec.solver_nets import SolverNet, net_faults, solver_nets
from catdog.training.cacheable import check_cacheable, check_frozen, trainable_ids
from catdog.training.data_checks import advice, open_present, same_data
from catdog.training.epochs import in_iterations, stand_in
from catdog.training.finetuning import check_weights, sources_of
from catdog.training.label_checks import label_faults
from catdog.training.memory import free_on, need
from catdog.training.options import with_overrides
from catdog.training.solver_setup import device_of_solver
from catdog.training.start_checks import check_net, raise_any, start_faults, unfed


@dataclass(frozen=True)
class Inspection:
    """How a net or a solver is looked at.

    Args:
        level, stages: of the state, of a solver that of its train net.
        overrides: `FIELD=VALUE` for a solver, `net.LAYER.FIELD=VALUE` for nets.
        given: shapes of data blobs whose data are not there.
        provide_caffe: lets `import caffe` work in Python layers; None refuses them.
        net: takes the place of the files of nets that a solver names.
        weights: look into the weights that a solver names, which may be large.
    """

    level: int = 0
    stages: Sequence[str] = ()
    overrides: Sequence[str] = ()
    given: Mapping[str, Shape] = field(default_factory=dict)
    provide_caffe: Callable[[], object] | None = None
    net: Spec[NetParameter] | None = None
    weights: bool = True


@dataclass(frozen=True)
class _Subject:
    """A net in a state, what to call it, and the solver that trains or tests it, if one does."""

    title: str
    net: SolverNet
    solver: Spec[SolverParameter] | None = None


@dataclass(frozen=True)
class _Compiled:
    """A subject without faults, and what was assumed of its data and found in them."""

    subject: _Subject
    plan: Blueprint
    assumed: Sequence[str]
    found: Sequence[str]


@dataclass(frozen=True)
class Examined:
    """What `examine` found.

    Args:
        faults: each once, in the order in which they were found.
        plans: the nets that compile, of a solver the trained one first.
        solver: with iterations for its epochs; None of a net, and where it has faults.
        lines: what there is to say; none where there are faults.
        assumed: of data that are not there; such nets cannot be trained yet.
    """

    faults: tuple[Fault, ...]
    plans: tuple[Blueprint, ...]
    solver: Spec[SolverParameter] | None
    lines: tuple[str, ...]
    assumed: tuple[str, ...] = ()


def inspect(
    path: str | Path,
    wanted: Inspection | None = None,
    tell: Callable[[str], object] = lambda _: None,
) -> list[str]:
    """Compile a net in both phases, or every net of a solver; returns lines that summarise them.

    Raises SpecError with all faults, CatdogError where there is nothing to read. Where shapes do
    not fit, what was assumed of data that are not there is told before.
    """
    faults: list[Fault] = []
    spec = read_spec(path, faults)
    found = examine(spec, wanted, faults, tell)
    if found.faults:
        raise SpecError(found.faults)
    return [f"{path}: OK", *found.lines]


def examine(
    spec: Spec[NetParameter] | Spec[SolverParameter],
    wanted: Inspection | None = None,
    misread: Sequence[Fault] = (),
    tell: Callable[[str], object] = lambda _: None,
) -> Examined:
    """As `inspect`, of a spec that is read, with the faults of its text; nothing is raised."""
    wanted = wanted or Inspection()
    faults = list(misread)
    subjects: list[_Subject] = []
    with _gathering(faults):
        if isinstance(spec.message, SolverParameter):
            subjects = _of_solver(Spec(spec.message, spec.path, spec.tree), wanted, faults)
        else:
            subjects = _of_net(Spec(spec.message, spec.path, spec.tree), wanted)
    wrong = {net.net.spec.path: _misread(net.net.spec, faults) for net in subjects}
    compiled = [
        each
        for net in subjects
        for each in _compile(net, wrong[net.net.spec.path], wanted, faults, tell)
    ]
    if len(compiled) == len(subjects):
        _together(compiled, wanted, faults)
    plans = tuple(each.plan for each in compiled)
    solver = next((each.subject.solver for each in compiled), None)
    lines = [] if faults else [line for each in compiled for line in _lines(each)]
    if not faults:
        lines += same_data([plan.resolved for plan in plans])
    assumed = tuple(dict.fromkeys(line for each in compiled for line in each.assumed))
    told = tuple(dict.fromkeys(lines))
    return Examined(tuple(_each_once(faults)), plans, solver, told, assumed)


def _each_once(faults: Sequence[Fault]) -> Iterator[Fault]:
    """The faults without repetitions; an unknown type is told at its first layer."""
    told: set[object] = set()
    for fault in faults:
        # the layers that are named with a type may be others in each phase
        key = fault.what.split('"')[1] if fault.field == "type" and '"' in fault.what else fault
        if key not in told:
            told.add(key)
            yield fault


def _of_net(spec: Spec[NetParameter], wanted: Inspection) -> list[_Subject]:
    """The net in each phase in which it has data, or in both phases where it has none."""
    if of_solver(wanted.overrides):
        raise CatdogError(
            f"{spec.path} is a net, and only its layers have fields to set",
            where=f"--set {of_solver(wanted.overrides)[0]}",
            remedy="write net.LAYER.FIELD=VALUE",
        )
    check_stages(spec.message, wanted.stages)
    states = [
        net_state(phase, wanted.level, wanted.stages, spec.message.state) for phase in (TRAIN, TEST)
    ]
    nets = changed([SolverNet(spec, state) for state in states], wanted.overrides)
    subjects = [_subject(net) for net in nets]
    return [subject for subject in subjects if _has_data(subject)] or subjects


def _subject(net: SolverNet, solver: Spec[SolverParameter] | None = None) -> _Subject:
    return _Subject(f"{net.spec.path} {Phase.Name(net.state.phase)}", net, solver)


def _has_data(subject: _Subject) -> bool:
    net = subject.net
    return any(brings_data(each) and is_kept(each, net.state) for each in net.spec.message.layer)


def _of_solver(
    spec: Spec[SolverParameter], wanted: Inspection, faults: list[Fault]
) -> list[_Subject]:
    spec = with_overrides(spec, wanted.overrides)
    # what cannot be read of a solver seems to be missing
    if not faults:
        with _gathering(faults), spec.located():
            raise_any(start_faults(spec.message))
        with _gathering(faults):
            device_of_solver(spec.message)
    if any(net_faults(stand_in(spec.message))):
        return []
    # the nets are checked even where the learning rate is wrong
    whole = spec.of(stand_in(spec.message))
    named = solver_nets(whole, wanted.level, wanted.stages, faults, wanted.net)
    nets = changed(named, wanted.overrides)
    if not faults:
        with _gathering(faults):
            whole = _in_iterations(spec, nets[0])
    return [_subject(net, whole) for net in nets]


def _in_iterations(spec: Spec[SolverParameter], trained: SolverNet) -> Spec[SolverParameter]:
    """The solver with iterations for its epochs, as far as its data are there."""
    try:
        return in_iterations(spec, resolve(trained.spec, trained.state))
    except DataError:
        # told where the data are looked at
        return spec.of(stand_in(spec.message))


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


def _compile(
    subject: _Subject,
    misread: set[str],
    wanted: Inspection,
    faults: list[Fault],
    tell: Callable[[str], object],
) -> list[_Compiled]:
    """The compiled net in a list, or an empty list with its faults added to `faults`.

    A layer with a fault, of those in the text `misread`, is taken out with all that needs it, and
    the rest is tried again, so that one run tells all of them.
    """
    net = subject.net
    message = _without(net.spec.message, misread)
    if misread:
        with _gathering(faults), net.spec.located():
            kept = (each for each in net.spec.message.layer if is_kept(each, net.state))
            raise_any(unknown_types(kept))
    while message is net.spec.message or _is_any_kept(message, subject):
        own: list[Fault] = []
        assumed: list[str] = []
        with _gathering(own):
            try:
                plan = _blueprint(net, message, wanted, assumed)
            except LayerError:
                for line in assumed:
                    tell(line)
                raise
            found = _look(plan, subject.solver)
            return [_Compiled(subject, plan, assumed, found)] if message is net.spec.message else []
        faults += own
        rest = _without(message, {fault.layer for fault in own})
        if len(rest.layer) == len(message.layer):
            break
        message = rest
    return []


def _blueprint(
    net: SolverNet, message: NetParameter, wanted: Inspection, assumed: list[str]
) -> Blueprint:
    given = wanted.given
    resolved = resolve(
        net.spec.of(message), net.state, frozen=net.freeze, iterations=net.iterations
    )
    python = wanted.provide_caffe
    return blueprint(resolved, given, provide_caffe=python, tell=assumed.append)


def _look(plan: Blueprint, solver: Spec[SolverParameter] | None) -> list[str]:
    """What there is to say of the data. Raises CatdogError for what cannot work with them."""
    net = plan.resolved
    with net.located(), ExitStack() as stack:
        sources, missing = open_present(net, stack)
        plan.net.check_room()
        if solver is None:
            raise_any(label_faults(plan.net, sources))
        else:
            check_net(solver, net, plan.net, sources)
            if solver.message.cache_features and net.state.phase == TRAIN:
                _check_cacheable(plan, sources)
        return [*missing, *(event.what for event in advice(net, plan.net, sources))]


def _check_cacheable(plan: Blueprint, sources: Sequence[Source]) -> None:
    """As a training does, where the data are there."""
    trainable = trainable_ids(plan.net)
    if len(sources) == len(plan.resolved.data_layers):
        check_cacheable(plan.net, sources, trainable)
    else:
        check_frozen(plan.net, trainable)


def _together(compiled: Sequence[_Compiled], wanted: Inspection, faults: list[Fault]) -> None:
    """What the nets of a solver must be for each other and for it, and the weights for them."""
    trained = next(iter(compiled), None)
    if trained is None or (solver := trained.subject.solver) is None:
        return
    tests = [each.plan for each in compiled[1:]]
    for test in tests:
        with _gathering(faults), test.resolved.located():
            test.net.share(trained.plan.net)
    with _gathering(faults), solver.located():
        wanted_scores(solver.message, [test.net for test in tests])
    for source in sources_of(solver.message.weights) if wanted.weights else ():
        with _gathering(faults):
            check_weights(source, trained.plan.net, solver.locate)


def _is_any_kept(message: NetParameter, subject: _Subject) -> bool:
    return any(is_kept(layer, subject.net.state) for layer in message.layer)


def _misread(spec: Spec[NetParameter], faults: Sequence[Fault]) -> set[str]:
    """The names of the layers in whose text there are faults."""
    start = f"{spec.path}:"
    places = [fault.where for fault in faults if fault.where.startswith(start)]
    return {spec.layer_at(*map(int, place.rsplit(":", 2)[1:])) for place in places} - {""}


def _without(net: NetParameter, names: set[str]) -> NetParameter:
    """The net without the named layers and without the layers that depend on them."""
    if not names:
        return net
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


def _of_training(plan: Blueprint, solver: SolverParameter) -> list[str]:
    learning = learns_nothing(plan.net, solver) if plan.net.phase == TRAIN else ()
    return [*_memory(plan, solver), *unfed(plan.resolved), *learning]


def _memory(plan: Blueprint, solver: SolverParameter) -> Iterator[str]:
    """What the net takes; a fault here may be none on the machine that trains."""
    needed = need(plan.net, solver)
    if needed:
        free = free_on(device_of_solver(solver))
        over = f", and {amount(free)} are free here" if needed.total > free else ""
        yield f"memory of the {Phase.Name(plan.net.phase)} net: {needed}{over}"


def _lines(compiled: _Compiled) -> list[str]:
    plan, solver = compiled.plan, compiled.subject.solver
    copies = solver is not None and bool(solver.message.weights)
    count, message = summarize(plan.net), plan.resolved.message
    outputs = ", ".join(plan.net.outputs)
    size = f"{len(message.layer)} layers, {count.parameters:,} parameters"
    return [
        f"{compiled.subject.title}: {size}, outputs {outputs}",
        *compiled.assumed,
        *compiled.found,
        *unread(message),
        *batch_remarks(plan.resolved.running),
        *(_of_training(plan, solver.message) if solver else ()),
        *unused_tops(plan.net, plan.resolved.data_layers),
        *(() if copies else stuck_at_zero(plan.net)),
    ]
