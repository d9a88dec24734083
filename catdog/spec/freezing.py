"""Patterns of layer names that a solver freezes, and when."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from fnmatch import fnmatchcase

from catdog.errors import Fault, some_of
from catdog.proto.caffe_pb2 import NetParameter, SolverParameter
from catdog.spec.data_layers import DATA_LAYERS


def is_named(name: str, patterns: Iterable[str]) -> bool:
    """Whether one of the patterns fits a name."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def at_first(solver: SolverParameter) -> list[str]:
    """The patterns of all layers of a solver that are frozen when it begins."""
    return _parts([*solver.freeze, *(name for each in solver.unfreeze for name in each.layers)])


def by_then(solver: SolverParameter, iteration: int) -> list[str]:
    """The patterns of layers that are unfrozen by an iteration."""
    due = (each for each in solver.unfreeze if each.iteration <= iteration)
    return _parts(name for each in due for name in each.layers)


def _parts(texts: Iterable[str]) -> list[str]:
    parts = (part.strip() for text in texts for part in text.split(","))
    return [part for part in parts if part]


def name_faults(net: NetParameter, patterns: Iterable[str]) -> Iterator[Fault]:
    """Patterns that name no layer."""
    names = [layer.name for layer in net.layer if layer.type not in (*DATA_LAYERS, "Input")]
    yield from pattern_faults(patterns, names, "names no layer of the net")


def pattern_faults(patterns: Iterable[str], names: list[str], what: str) -> Iterator[Fault]:
    """A fault for each pattern that fits none of the names."""
    for pattern in patterns:
        if not any(is_named(name, [pattern]) for name in names):
            bare = pattern.translate({ord(sign): None for sign in "*?[]"})
            near = get_close_matches(bare, names, cutoff=0.5)
            remedy = f"the nearest are {', '.join(near)}" if near else f"it has {some_of(names, 6)}"
            yield Fault(f'"{pattern}" {what}', remedy, field="freeze")
