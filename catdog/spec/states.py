"""The state of a net in words, and the flags that bring others."""

from collections.abc import Iterator

from catdog.proto.caffe_pb2 import TEST, TRAIN, NetParameter, NetState, Phase
from catdog.spec.rules import filter_net, levels_of, net_state, stages_of


def state_words(net: NetParameter, state: NetState) -> str:
    """`TRAIN, stage dropout, level 1`; nothing of a net without rules, which has one state."""
    if not any(layer.include or layer.exclude for layer in net.layer):
        return ""
    stages = f"{'stages' if len(state.stage) > 1 else 'stage'} {', '.join(state.stage)}"
    level = f"level {state.level}" if state.level else ""
    return ", ".join(filter(None, [Phase.Name(state.phase), stages if state.stage else "", level]))


def other_flags(net: NetParameter, state: NetState) -> list[str]:
    """The flags of other states in each of which the net has other layers, of near states first.

    They differ from the state in the phase, in one stage or in the level; a stage or a level that
    changes nothing there is looked for in the other phase.
    """
    shown = _layers(net, state)
    other = net_state(TEST if state.phase == TRAIN else TRAIN, state.level, state.stage)
    phase = f"--phase {Phase.Name(other.phase)}"
    beside = _layers(net, other)
    flags = [phase] if beside != shown else []
    for flag, here, there in zip(
        _flags(net, state), _near(net, state), _near(net, other), strict=True
    ):
        if _layers(net, here) != shown:
            flags.append(flag)
        elif _layers(net, there) != beside:
            flags.append(f"{phase} {flag}")
    return flags


def _flags(net: NetParameter, state: NetState) -> Iterator[str]:
    for near in _near(net, state):
        if near.level != state.level:
            yield f"--level {near.level}"
        else:
            yield f"--stage {','.join(near.stage)}"


def _near(net: NetParameter, state: NetState) -> Iterator[NetState]:
    """The state with each further stage of the net, and at each other level that rules tell of."""
    for stage in stages_of(net):
        if stage not in state.stage:
            yield net_state(state.phase, state.level, [*state.stage, stage])
    for level in levels_of(net):
        if level != state.level:
            near = net_state(state.phase, 0, state.stage)
            near.level = level
            yield near


def _layers(net: NetParameter, state: NetState) -> list[bytes]:
    return [layer.SerializeToString() for layer in filter_net(net, state).layer]
