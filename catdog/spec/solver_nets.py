"""Which nets a solver names, and the state that each is built in (caffe/solver.cpp, Init*Nets)."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from catdog.errors import Fault, SpecError
from catdog.proto.caffe_pb2 import TEST, TRAIN, NetParameter, NetState, SolverParameter
from catdog.spec import Spec, net_state, read_net
from catdog.spec.data_layers import DATA_LAYERS
from catdog.spec.freezing import at_first, name_faults
from catdog.spec.missing import is_elsewhere, no_such_file
from catdog.spec.rules import is_kept, stage_faults
from catdog.spec.shipped import find_net
from catdog.spec.upgrade import upgrade_net

#: A net from the file of this name.
Read = Callable[[str], Spec[NetParameter]]


@dataclass(frozen=True)
class SolverNet:
    """A net of a solver and the state to build it in; `iterations` of a test pass."""

    spec: Spec[NetParameter]
    state: NetState
    iterations: int | None = None
    freeze: tuple[str, ...] = ()


def solver_nets(
    spec: Spec[SolverParameter],
    level: int = 0,
    stages: Sequence[str] = (),
    faults: list[Fault] | None = None,
    instead: Spec[NetParameter] | None = None,
) -> list[SolverNet]:
    """The train net of a solver, in a level and stages, then its test nets.

    A file that several of them name is read once; `instead` is a net that takes the place of all
    files. Raises SpecError for a freeze that names no layer and a stage that none looks at, and as
    `read_net`, which gets the list of faults.
    """

    @cache
    def read(name: str) -> Spec[NetParameter]:
        if instead is not None:
            return instead
        path = find_net(name, beside=spec.path)
        if not path.exists() or is_elsewhere(spec, name, path):
            raise SpecError([no_such_file(spec, name)])
        return read_net(path, faults)

    net = _train_net(spec, level, stages, read)
    with spec.located():
        found = list(name_faults(net.spec.message, net.freeze))
        found += stage_faults(net.spec.message, stages, "--stage")
        found += stage_faults(net.spec.message, spec.message.stage)
        if found:
            raise SpecError(found)
    return [net, *_test_nets(spec, read)]


def _train_net(
    spec: Spec[SolverParameter], level: int, stages: Sequence[str], read: Read
) -> SolverNet:
    solver = spec.message
    state = net_state(TRAIN, level, [*stages, *solver.stage], solver.train_state)
    for name in ("train_net_param", "net_param"):
        if solver.HasField(name):
            return _in_state(_inline(spec, name, 0), state, freeze=at_first(solver))
    return _in_state(read(solver.train_net or solver.net), state, freeze=at_first(solver))


def _test_nets(spec: Spec[SolverParameter], read: Read) -> Iterator[SolverNet]:
    """Those of test_net_param, of test_net, then the net itself; none with a test_iter of 0."""
    solver = spec.message
    named = [_inline(spec, "test_net_param", i) for i in range(len(solver.test_net_param))]
    named += [read(name) for name in solver.test_net]
    generic = _generic(spec, read)
    count = max(len(solver.test_iter), len(solver.test_state), len(named))
    tested = net_state(TEST, stages=solver.stage)
    if generic and not count and solver.test_interval and _has_data(_in_state(generic, tested)):
        count = 1
    nets = named + [generic] * (count - len(named)) if generic else named
    for i, net in enumerate(nets):
        over = solver.test_state[i] if solver.test_state else None
        iterations = solver.test_iter[i] if solver.test_iter else None
        if iterations == 0:
            continue
        state = net_state(TEST, stages=solver.stage, over=over)
        yield _in_state(net, state, iterations, at_first(solver))


def _generic(spec: Spec[SolverParameter], read: Read) -> Spec[NetParameter] | None:
    if spec.message.HasField("net_param"):
        return _inline(spec, "net_param", 0)
    return read(spec.message.net) if spec.message.net else None


def _has_data(net: SolverNet) -> bool:
    layers = net.spec.message.layer
    return any(layer.type in DATA_LAYERS and is_kept(layer, net.state) for layer in layers)


def _in_state(
    net: Spec[NetParameter],
    state: NetState,
    iterations: int | None = None,
    freeze: Iterable[str] = (),
) -> SolverNet:
    """The phase, then the net's own state, then what the solver sets, each over the one before."""
    whole = NetState(phase=state.phase)
    whole.MergeFrom(net.message.state)
    whole.MergeFrom(state)
    return SolverNet(net, whole, iterations, tuple(freeze))


def _inline(spec: Spec[SolverParameter], name: str, index: int) -> Spec[NetParameter]:
    value = getattr(spec.message, name)
    message = value[index] if name == "test_net_param" else value
    tree = list(spec.tree.blocks(name))[index]
    net = Spec(message, spec.path, tree)
    with net.located():
        return Spec(upgrade_net(message), spec.path, tree)


def net_faults(solver: SolverParameter) -> Iterator[Fault]:
    """Faults of how a solver names its nets, as Caffe finds them (caffe/solver.cpp, Init*Nets)."""
    sources = ("net", "net_param", "train_net", "train_net_param")
    given = [name for name in sources if solver.HasField(name)]
    if len(given) != 1:
        remedy = f"write one of {', '.join(sources)}"
        yield Fault(f"names {', '.join(given) or 'no net'} to train", remedy)
    generic = solver.HasField("net") or solver.HasField("net_param")
    named = len(solver.test_net) + len(solver.test_net_param)
    if solver.test_iter and len(solver.test_iter) < named:
        yield Fault(
            f"has {len(solver.test_iter)} test_iter for {named} test nets",
            remedy="write one for each or none",
            field="test_iter",
        )
    if len(solver.test_iter) > named and not generic:
        yield Fault(
            f"has {len(solver.test_iter)} test_iter for {named} test nets",
            remedy="name the others with test_net",
            field="test_iter",
        )
    instances = max(len(solver.test_iter), named)
    if solver.test_state and instances and len(solver.test_state) != instances:
        yield Fault(
            f"has {len(solver.test_state)} test_state for {instances} test nets",
            remedy="write one for each or none",
            field="test_state",
        )
    if instances and not solver.test_interval:
        yield Fault("test nets need a test_interval above 0", field="test_iter")
