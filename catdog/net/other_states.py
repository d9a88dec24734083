"""Blobs that a layer of a net makes, but in another state than the one it was built in."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from catdog.errors import Fault
from catdog.proto.caffe_pb2 import LayerParameter, NetParameter, NetState, Phase
from catdog.spec.rules import is_kept


def with_makers(faults: Iterable[Fault], net: NetParameter, state: NetState) -> Iterator[Fault]:
    """The faults; of blobs that one layer would make in another state, the first, which says so."""
    told: set[str] = set()
    for fault in faults:
        maker = _maker(net, state, fault.blob) if fault.blob else None
        if maker is None:
            yield fault
        elif maker.name not in told:
            told.add(maker.name)
            what = fault.what.partition(": ")[0]
            how = f'layer "{maker.name}", which makes it, is only there {_when(maker, state)}'
            yield replace(fault, what=what, remedy=how)


def _maker(net: NetParameter, state: NetState, blob: str) -> LayerParameter | None:
    """The first layer that makes a blob and is not there in the state; one of its phase if any."""
    others = (layer for layer in net.layer if not is_kept(layer, state))
    makers = [layer for layer in others if blob in layer.top]
    return min(makers, key=lambda layer: _when(layer, state).startswith("in the "), default=None)


def _when(layer: LayerParameter, state: NetState) -> str:
    """In which state a layer is there, as far as one condition tells it."""
    for rule in layer.include:
        if rule.HasField("phase") and rule.phase != state.phase:
            return f"in the {Phase.Name(rule.phase)} phase"
        if missing := [stage for stage in rule.stage if stage not in state.stage]:
            stages = ",".join([*state.stage, *missing])
            return f"with --stage {stages}"
        if rule.HasField("min_level") and state.level < rule.min_level:
            return f"with --level {rule.min_level}"
    return "in another state: look at its rules"
