"""Which layers of a net stand still: patterns of names to marks in its message."""

from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches
from fnmatch import fnmatchcase

from catdog.errors import Fault
from catdog.proto.caffe_pb2 import LayerParameter, NetParameter, SolverParameter
from catdog.spec.data_layers import DATA_LAYERS


def freeze(net: NetParameter, patterns: Iterable[str], but: Collection[str] = ()) -> NetParameter:
    """A copy in which the layers that a pattern names, and none of `but`, are `frozen`.

    A BatchNorm layer that normalises what a frozen layer makes, directly or through layers
    without parameters of one bottom, is frozen too: its statistics are the frozen layer's.
    """
    copy, patterns = NetParameter(), list(patterns)
    copy.CopyFrom(net)
    makers: dict[str, LayerParameter] = {}
    for layer in copy.layer:
        made_by = makers.get(layer.bottom[0]) if layer.bottom else None
        named = _is_named(layer.name, patterns) and not _is_named(layer.name, but)
        if named or (layer.type == "BatchNorm" and made_by and made_by.frozen):
            layer.frozen = True
        maker = made_by if made_by and layer.type in _PASSING else layer
        makers.update(dict.fromkeys(layer.top, maker))
    return copy


def _is_named(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def at_first(solver: SolverParameter) -> list[str]:
    """The patterns of all layers of a solver that are frozen when it begins."""
    return _parts([*solver.freeze, *(name for each in solver.unfreeze for name in each.layers)])


def by_then(solver: SolverParameter, iteration: int) -> list[str]:
    """The patterns of layers that are not frozen any more in an iteration."""
    due = (each for each in solver.unfreeze if each.iteration <= iteration)
    return _parts(name for each in due for name in each.layers)


def _parts(texts: Iterable[str]) -> list[str]:
    parts = (part.strip() for text in texts for part in text.split(","))
    return [part for part in parts if part]


#: Layers between a layer with parameters and its BatchNorm.
_PASSING = ("ReLU", "Pooling", "Dropout", "ELU", "Sigmoid", "TanH", "Clip", "Swish", "Split")


def name_faults(net: NetParameter, patterns: Iterable[str]) -> Iterator[Fault]:
    """Patterns that name no layer."""
    names = [layer.name for layer in net.layer if layer.type not in (*DATA_LAYERS, "Input")]
    yield from pattern_faults(patterns, names, "names no layer of the net")


def pattern_faults(patterns: Iterable[str], names: list[str], what: str) -> Iterator[Fault]:
    """A fault for each pattern that fits none of the names."""
    for pattern in patterns:
        if not any(_is_named(name, [pattern]) for name in names):
            bare = pattern.translate({ord(sign): None for sign in "*?[]"})
            near = get_close_matches(bare, names, cutoff=0.5)
            remedy = f"the nearest are {', '.join(near)}" if near else f"it has {_some(names)}"
            yield Fault(f'"{pattern}" {what}', remedy, field="freeze")


def _some(names: list[str]) -> str:
    return ", ".join(names[:6]) + (" ..." if len(names) > 6 else "")
