"""Several operators that are one layer: a shuffle of channels, a normalisation by neighbours."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch.fx import Graph, Node

_COPIES = ("clone", "contiguous", "alias")
_VIEWS = ("view", "reshape", "_unsafe_view")


def name_of(target: object) -> str:
    """The name of an operator, without its library and its overload."""
    schema = getattr(target, "_schema", None)
    text = str(schema.name) if schema else str(getattr(target, "__name__", target))
    return text.rpartition("::")[2].rstrip("_") or text


def gather(graph: Graph) -> None:
    """Put one operator in the place of those that it was written with."""
    for node in list(graph.nodes):
        if node.op != "call_function":
            continue
        if shuffled := _shuffle(node):
            _replace(graph, node, torch.ops.aten.channel_shuffle.default, shuffled)
        elif normalised := _neighbours(node):
            _replace(graph, node, F.local_response_norm, normalised)
    graph.eliminate_dead_code()


def _replace(graph: Graph, node: Node, target: Any, arguments: Sequence[Any]) -> None:
    with graph.inserting_before(node):
        made = graph.call_function(target, tuple(arguments))
    made.meta = dict(node.meta)
    node.replace_all_uses_with(made)


def _is(node: object, *names: str) -> bool:
    return isinstance(node, Node) and node.op == "call_function" and name_of(node.target) in names


def _shape(node: Any) -> tuple[int, ...]:
    return tuple(node.meta["val"].shape)


def _original(node: Any) -> Any:
    while _is(node, *_COPIES):
        node = node.args[0]
    return node


def _shuffle(node: Node) -> tuple[Node, int] | None:
    """view(n, groups, c / groups, h, w), these two exchanged, view(n, c, h, w)."""
    if not _is(node, *_VIEWS):
        return None
    turned = _original(node.args[0])
    if not _is(turned, "transpose", "permute"):
        return None
    apart = turned.args[0]
    if not _is(apart, *_VIEWS):
        return None
    x, shape, inner = apart.args[0], _shape(node), _shape(apart)
    swapped = turned.args[1:] in ((1, 2), (2, 1), ([0, 2, 1, 3, 4],))
    fits = len(shape) == 4 and _shape(x) == shape and len(inner) == 5
    if not (swapped and fits and inner[0] == shape[0] and inner[3:] == shape[2:]):
        return None
    return x, inner[1]


def _neighbours(node: Node) -> tuple[Any, int, float, float, float] | None:
    """x / (k + alpha * mean of the squares of `size` channels) ^ beta, as torch writes it."""
    if not (_is(node, "div") and _is(node.args[1], "pow")):
        return None
    x, power = node.args
    total, beta = _number(power, "add")
    scaled, k = _number(total, "mul")
    mean, alpha = _number(scaled)
    pooled = _unwrapped(mean, *_VIEWS, "squeeze")
    if not _is(pooled, "avg_pool3d", "avg_pool2d"):
        return None
    padded = _unwrapped(pooled.args[0], "constant_pad_nd", "pad")
    square = _unwrapped(padded, *_VIEWS, "unsqueeze")
    squared = (_is(square, "mul") and square.args == (x, x)) or (
        _is(square, "pow") and square.args == (x, 2)
    )
    if not squared or None in (beta, k, alpha):
        return None
    return x, int(pooled.args[1][0]), alpha, beta, k


def _number(node: Any, inner: str = "") -> tuple[Any, Any]:
    """The two arguments of an operator with a number; the first has to be `inner`."""
    if not isinstance(node, Node) or len(node.args) < 2:
        return None, None
    first, second = node.args[:2]
    fits = isinstance(second, int | float) and (not inner or _is(first, inner))
    return (first, second) if fits else (None, None)


def _unwrapped(node: Any, *names: str) -> Any:
    """What an operator of these names was applied to, once or several times."""
    while _is(node, *names):
        node = node.args[0]
    return node
