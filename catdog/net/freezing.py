"""Which layers of a net are frozen: patterns of names to marks in its message."""

from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

from catdog.errors import Fault
from catdog.layers import class_of
from catdog.proto.caffe_pb2 import LayerParameter, NetParameter
from catdog.spec.freezing import is_named, pattern_faults

if TYPE_CHECKING:
    from catdog.net.net import Net


def freeze(net: NetParameter, patterns: Iterable[str], but: Collection[str] = ()) -> NetParameter:
    """A copy in which the layers that a pattern names, and none of `but`, are `frozen`.

    A layer that keeps statistics (BatchNorm) of what a frozen layer makes, directly or through
    layers of one bottom and no parameters, is frozen too, with the scale and the bias that it may
    have: its statistics belong to that layer.
    """
    copy, patterns = NetParameter(), list(patterns)
    copy.CopyFrom(net)
    makers: dict[str, LayerParameter] = {}
    for layer in copy.layer:
        made_by = makers.get(layer.bottom[0]) if layer.bottom else None
        named = is_named(layer.name, patterns) and not is_named(layer.name, but)
        kind = class_of(layer)
        keeps = not kind.learns or bool(kind.statistics)
        if named or (keeps and made_by and made_by.frozen):
            layer.frozen = True
        maker = made_by if made_by and kind.passes_statistics else layer
        makers.update(dict.fromkeys(layer.top, maker))
    return copy


def parameter_faults(net: "Net", patterns: Iterable[str]) -> Iterator[Fault]:
    """Patterns that name layers without parameters alone."""
    names = [node.name for node in net if len(node.layer.blobs)]
    yield from pattern_faults(patterns, names, "names no layer with parameters")
