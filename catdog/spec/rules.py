"""Include and exclude rules: which layers a net has in a state (caffe/net.cpp)."""

from collections.abc import Iterable, Iterator, Sequence

from catdog.errors import Fault, SpecError, did_you_mean
from catdog.proto.caffe_pb2 import LayerParameter, NetParameter, NetState, NetStateRule, Phase


def net_state(
    phase: Phase, level: int = 0, stages: Sequence[str] = (), over: NetState | None = None
) -> NetState:
    """The state a net is built in: the phase, then `over` (the spec's own), then level, stages."""
    state = NetState(phase=phase)
    if over is not None:
        state.MergeFrom(over)
    if level:
        state.level = level
    state.stage.extend(stages)
    return state


def stages_of(net: NetParameter) -> list[str]:
    """The stages that rules of the net mention, sorted."""
    return sorted({stage for rule in _rules(net) for stage in (*rule.stage, *rule.not_stage)})


def levels_of(net: NetParameter) -> list[int]:
    """The levels at which rules of the net begin to hold or end to hold, sorted."""
    begins = {rule.min_level for rule in _rules(net) if rule.HasField("min_level")}
    ends = {rule.max_level + 1 for rule in _rules(net) if rule.HasField("max_level")}
    return sorted(begins | ends)


def stage_faults(net: NetParameter, stages: Iterable[str], where: str = "") -> Iterator[Fault]:
    """A fault for each stage that no rule of the net mentions."""
    known = stages_of(net)
    for stage in stages:
        if stage not in known:
            remedy = did_you_mean(stage, known) or _known(known)
            yield Fault(f'no layer of the net looks at stage "{stage}"', remedy, where, "", "stage")


def check_stages(net: NetParameter, stages: Iterable[str]) -> None:
    """Raise SpecError for stages of the command line that no rule of the net mentions."""
    if faults := list(stage_faults(net, stages, "--stage")):
        raise SpecError(faults)


def _rules(net: NetParameter) -> Iterator[NetStateRule]:
    return (rule for layer in net.layer for rule in (*layer.include, *layer.exclude))


def _known(stages: Sequence[str]) -> str:
    return f"its stages are {', '.join(stages)}" if stages else "leave it out"


def filter_net(net: NetParameter, state: NetState | None = None) -> NetParameter:
    """A copy of the net with the layers that its rules keep in this state, and the state in it.

    Without a state the net's own counts. A layer may have include rules or exclude rules, not
    both: SpecError, all such layers at once.
    """
    kept = NetParameter()
    kept.CopyFrom(net)
    if state is not None:
        kept.state.CopyFrom(state)
    faults = [
        Fault(
            "has include and exclude rules",
            remedy="keep the include rules or the exclude rules",
            layer=layer.name,
            field="exclude",
        )
        for layer in net.layer
        if layer.include and layer.exclude
    ]
    if faults:
        raise SpecError(faults)
    del kept.layer[:]
    kept.layer.extend(layer for layer in net.layer if is_kept(layer, kept.state))
    return kept


def is_kept(layer: LayerParameter, state: NetState) -> bool:
    """Whether a layer's rules keep it in this state."""
    if layer.include:
        return any(meets(state, rule) for rule in layer.include)
    return not any(meets(state, rule) for rule in layer.exclude)


def meets(state: NetState, rule: NetStateRule) -> bool:
    """Whether a state meets every condition of a rule."""
    stages = set(state.stage)
    return (
        (not rule.HasField("phase") or rule.phase == state.phase)
        and (not rule.HasField("min_level") or state.level >= rule.min_level)
        and (not rule.HasField("max_level") or state.level <= rule.max_level)
        and stages.issuperset(rule.stage)
        and stages.isdisjoint(rule.not_stage)
    )
