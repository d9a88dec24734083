"""Neighbouring layers that run as one: the same numbers with fewer passes over large blobs."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor

from catdog.layers.activation import ReLU
from catdog.layers.affine import Scale
from catdog.layers.norm import BatchNorm
from catdog.layers.pooling import Pooling
from catdog.net.step import Node, Step
from catdog.spec.shape import Shape

Function = Callable[[Tensor], Tensor]


class Fused(NamedTuple):
    """The steps of some nodes, and the names of the blobs that they no longer make."""

    steps: list[Step]
    lost: frozenset[str]


def fused(nodes: Sequence[Node], shapes: Mapping[str, Shape]) -> Fused:
    """Nodes in their order, neighbours that can be one as one step."""
    # what is written over a blob of these is read again in the backward pass
    watched = {top for node in nodes if node.stale for top in node.tops}
    # where a blob is written over last: a layer that does so reads it first
    written = {n.bottoms[0]: at for at, n in enumerate(nodes) if n.layer.in_place}
    steps: list[Step] = []
    lost: set[str] = set()
    at = 0
    while at < len(nodes):
        first, second = nodes[at], nodes[at + 1] if at + 1 < len(nodes) else None
        joined = None
        if second and watched.isdisjoint(first.tops):
            rewritten = written.get(second.tops[0] if second.tops else "", -1) > at
            joined = _joined(first, second, shapes, rewritten=rewritten)
        if second is None or joined is None:
            steps.append(first)
            at += 1
            continue
        steps.append(_step(first, second, joined))
        lost |= set(first.tops) - set(second.tops)
        at += 2
    return Fused(steps, frozenset(lost))


def _step(first: Node, second: Node, joined: Function) -> Step:
    return Step(
        layer=joined,
        bottoms=first.bottoms,
        tops=second.tops,
        loss_weights=second.loss_weights,
        cut=first.cut,
        last_use=(*first.last_use, *second.last_use),
    )


def _joined(
    first: Node, second: Node, shapes: Mapping[str, Shape], *, rewritten: bool
) -> Function | None:
    """The function of two neighbours, where they can be one.

    `rewritten`: the second or a layer after it writes over the second's top.
    """
    if second.stale or not _alone(first, second):
        return None
    if isinstance(first.layer, BatchNorm) and isinstance(second.layer, Scale):
        return _normalizing(first.layer, second.layer, shapes[first.bottoms[0]])
    if isinstance(first.layer, ReLU) and isinstance(second.layer, Pooling):
        # what writes over the top would write over what ReLU's backward pass reads
        if rewritten:
            return None
        return _pooling(first.layer, second.layer, shapes[first.bottoms[0]])
    return None


def _alone(first: Node, second: Node) -> bool:
    """Whether what the first makes is read by the second and by nobody else."""
    if second.bottoms != first.tops or len(second.tops) != 1:
        return False
    gone = second.tops == first.tops or first.tops[0] in second.last_use
    return gone and not any((*first.loss_weights, *first.cut, *second.cut))


def _normalizing(norm: BatchNorm, scale: Scale, shape: Shape) -> Function | None:
    """torch's batch normalisation has a slope and an offset for each channel of its own."""
    if len(shape) < 2 or not scale.learns_channels(scale.param):
        return None

    def normalize(x: Tensor) -> Tensor:
        return norm.normalize(x, *scale.blobs)

    return normalize


def _pooling(relu: ReLU, pool: Pooling, shape: Shape) -> Function | None:
    """The largest of positive parts is the positive part of the largest."""
    if relu.param.relu_param.negative_slope or not pool.takes_plain_maximum(shape):
        return None

    def pooled(x: Tensor) -> Tensor:
        return F.relu(pool(x), inplace=True)

    return pooled
