"""The net of a weight file as one would write it: without what Caffe adds when it builds one."""

from collections import Counter

from catdog.proto.caffe_pb2 import LayerParameter, NetParameter

_SPLIT = "Split"


def as_written(net: NetParameter) -> NetParameter:
    """A copy whose layers have the phase of the net, as in a spec, not that of a training."""
    plain = NetParameter()
    plain.CopyFrom(net)
    for layer in plain.layer:
        layer.ClearField("phase")
    return plain


def without_loose_ends(net: NetParameter) -> NetParameter:
    """A copy without those tops of Split layers that nobody reads, which were a loss's or a
    metric's; a Split with one top left goes. One that nobody reads at all keeps its first."""
    kept = NetParameter()
    kept.CopyFrom(net)
    readers = Counter(bottom for layer in net.layer for bottom in layer.bottom)
    renamed: dict[str, str] = {}
    del kept.layer[:]
    for layer in net.layer:
        copy = _with_bottoms(layer, renamed)
        if layer.type == _SPLIT:
            tops = [top for top in layer.top if readers[top]] or list(layer.top[:1])
            if len(tops) == 1:
                renamed[tops[0]] = copy.bottom[0]
                continue
            del copy.top[:]
            copy.top.extend(tops)
        kept.layer.append(copy)
    return kept


def _with_bottoms(layer: LayerParameter, renamed: dict[str, str]) -> LayerParameter:
    copy = LayerParameter()
    copy.CopyFrom(layer)
    for at, bottom in enumerate(layer.bottom):
        copy.bottom[at] = renamed.get(bottom, bottom)
    # a name that is made anew is no longer that of the Split
    for top in layer.top:
        renamed.pop(top, None)
    return copy
