"""Layers of a built net that a solver freezes."""

from collections.abc import Iterable, Iterator

from catdog.errors import Fault
from catdog.net.net import Net
from catdog.spec.freezing import pattern_faults


def parameter_faults(net: Net, patterns: Iterable[str]) -> Iterator[Fault]:
    """Patterns that name layers without parameters alone."""
    names = [node.name for node in net if len(node.layer.blobs)]
    yield from pattern_faults(patterns, names, "names no layer with parameters")
