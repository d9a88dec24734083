"""Weights that start at 0 and that no gradient can change."""

from collections.abc import Iterator

from catdog.net.net import Net
from catdog.net.step import Node

#: Places of nodes in a net.
Places = set[int]


def stuck_at_zero(net: Net) -> Iterator[str]:
    """A line that names the layers of a net whose weights are 0 and stay so; none without a loss.

    A layer of zeros learns where its bottom is not 0 and a gradient comes to it: a single one at
    the end of a net does. It sends no gradient further down and, with a bias of 0, gives zeros to
    the layers above, so that two of them, or one below a ReLU, hold each other at 0.
    """
    zeros = _zeros(net)
    stuck = {place for place, blob in zeros if blob == 0 and _multiplies(net.nodes[place])}
    if not stuck:
        return
    wanted = reached(net, stuck=set(), dry=set())
    biased = {place for place, node in enumerate(net) if len(node.layer.blobs) > 1}
    learning = {place for place in biased if (place, 1) not in zeros}
    while True:
        dry = _dry(net, stuck, biased & learning)
        comes = reached(net, stuck, dry)
        free = {place for place in stuck if place in comes and place not in dry}
        if not free and comes <= learning:
            break
        stuck, learning = stuck - free, learning | comes
    names = [node.name for place, node in enumerate(net) if place in stuck & wanted]
    if names:
        yield (
            f"the weights of {', '.join(names)} are all 0 and no gradient can change them: give "
            'a weight_filler, such as { type: "xavier" }, or copy weights'
        )


def _zeros(net: Net) -> set[tuple[int, int]]:
    """The blobs that are 0, by node and place; a shared one has the filler of its first layer."""
    first: dict[int, bool] = {}
    found = set()
    for place, node in enumerate(net):
        for index in range(len(node.layer.blobs)):
            parameter = id(node.layer.blobs.parameter(index))
            if parameter not in first:
                first[parameter] = node.layer.blobs.is_zero(index)
            if first[parameter]:
                found.add((place, index))
    return found


def _multiplies(node: Node) -> bool:
    return node.layer.multiplies and len(node.bottoms) == 1


def _dry(net: Net, stuck: Places, biased: Places) -> Places:
    """The nodes whose bottoms are surely 0; `biased` ones give no zeros."""
    dry: Places = set()
    zero: set[str] = set()
    for place, node in enumerate(net):
        if node.bottoms and zero.issuperset(node.bottoms):
            dry.add(place)
        if _multiplies(node):
            gives_zeros = (place in stuck or place in dry) and place not in biased
        else:
            gives_zeros = place in dry and node.layer.keeps_zeros
        zero = zero | set(node.tops) if gives_zeros else zero - set(node.tops)
    return dry


def reached(net: Net, stuck: Places, dry: Places) -> Places:
    """The nodes to which a gradient of the loss comes that is not surely 0."""
    reached: Places = set()
    wanted: set[str] = set()
    for place, node in reversed(list(enumerate(net))):
        comes = any(node.loss_weights) or not wanted.isdisjoint(node.tops)
        wanted -= set(node.tops)
        if not comes:
            continue
        reached.add(place)
        stops = place in dry and node.layer.stops_at_zero()
        if place not in stuck and not stops:
            wanted.update(b for b, cut in zip(node.bottoms, node.cut, strict=True) if not cut)
    return reached
