"""`net.LAYER.FIELD=VALUE`: fields of a solver's nets that are changed for one run.

`net.` changes layers of all its nets, `train_net.` and `test_net.` those of one phase. LAYER may be
a pattern such as `drop*`.
"""

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from catdog.errors import CatdogError, did_you_mean
from catdog.proto.caffe_pb2 import TEST, TRAIN, LayerParameter, NetParameter, Phase
from catdog.spec import override
from catdog.spec.rules import is_kept
from catdog.spec.solver_nets import SolverNet

#: What an assignment begins with, and the phases that it means.
PREFIXES: dict[str, tuple[Phase, ...]] = {
    "net": (TRAIN, TEST),
    "train_net": (TRAIN,),
    "test_net": (TEST,),
}


def of_solver(assignments: Sequence[str]) -> list[str]:
    """The assignments to fields of the solver itself."""
    return [each for each in assignments if not is_of_net(each)]


def is_of_net(assignment: str) -> bool:
    """Whether an assignment is to a layer of a net."""
    head, dot, _ = assignment.strip().partition(".")
    return bool(dot) and head in PREFIXES


def changed(nets: Sequence[SolverNet], assignments: Sequence[str]) -> list[SolverNet]:
    """The nets with the assignments to their layers applied; those to the solver are ignored.

    Raises CatdogError for a layer that none of the nets has, SpecError for a field or value that
    does not fit.
    """
    changed = list(nets)
    for assignment in filter(is_of_net, assignments):
        messages = [_assign(net, assignment) for net in changed]
        if not any(messages):
            raise _no_layer(nets, assignment)
        changed = [
            replace(net, spec=net.spec.of(message, _given(message, assignment))) if message else net
            for net, message in zip(changed, messages, strict=True)
        ]
    return changed


def _given(net: NetParameter, assignment: str) -> dict[tuple[str, str], str]:
    """Where the field of each layer that an assignment names was given."""
    path = assignment.partition("=")[0].strip().partition(".")[2]
    pattern = _pattern(list(net.layer), path)
    key = path.rpartition(".")[2]
    named = (layer.name for layer in net.layer if fnmatchcase(layer.name, pattern))
    whole = path[len(pattern) + 1 :]
    return {(name, at): f"--set {assignment}" for name in named for at in (key, whole)}


def _assign(net: SolverNet, assignment: str) -> NetParameter | None:
    """The net with a field changed; None where it has no such layer in its state."""
    head, _, rest = assignment.strip().partition(".")
    if net.state.phase not in PREFIXES[head]:
        return None
    layers = [layer for layer in net.spec.message.layer if is_kept(layer, net.state)]
    pattern = _pattern(layers, rest.partition("=")[0])
    if not pattern:
        return None
    message = NetParameter()
    message.CopyFrom(net.spec.message)
    field = rest[len(pattern) + 1 :]
    for layer in message.layer:
        if is_kept(layer, net.state) and fnmatchcase(layer.name, pattern):
            layer.CopyFrom(override(layer, [field], f"{head}.{pattern}."))
    return message


def _pattern(layers: Sequence[LayerParameter], path: str) -> str:
    """The longest beginning of a path that names layers: their names may have points in them."""
    dots = [at for at, sign in enumerate(path) if sign == "."]
    heads = (path[:at] for at in reversed(dots))
    named = (head for head in heads if any(fnmatchcase(each.name, head) for each in layers))
    return next(named, "")


def _no_layer(nets: Sequence[SolverNet], assignment: str) -> CatdogError:
    head, _, rest = assignment.partition("=")[0].strip().partition(".")
    names = {
        layer.name: None
        for net in nets
        if net.state.phase in PREFIXES[head]
        for layer in net.spec.message.layer
        if is_kept(layer, net.state)
    }
    name = rest.partition(".")[0]
    known = f"the layers are {', '.join(names)}" if len(names) < 12 else "see tools/summarize.py"
    return CatdogError(
        f'"{head}.{name}" names no layer',
        where=f"--set {assignment}",
        remedy=did_you_mean(name, names) or known,
    )
