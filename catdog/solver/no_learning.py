"""Trainings in which no parameter can change, whatever the data are."""

from collections.abc import Iterator

from catdog.net.net import Net
from catdog.net.step import Node
from catdog.net.zero_weights import reached
from catdog.proto.caffe_pb2 import SolverParameter
from catdog.spec.freezing import by_then, is_named


def learns_nothing(net: Net, solver: SolverParameter) -> Iterator[str]:
    """A line that says why the net that is trained cannot learn; none where it may.

    Statistics that a rate of 0 leaves to BatchNorm layers are something to train; a net without
    parameters has nothing to learn.
    """
    if not any(node.layer.learns and len(node.layer.blobs) for node in net):
        return
    if not net.losses:
        yield (
            "nothing is learned: the net has no loss in the TRAIN phase; give it a loss layer, "
            "with a loss_weight that is not 0"
        )
        return
    places = reached(net, stuck=set(), dry=set())
    nodes = [node for place, node in enumerate(net) if place in places and node.layer.learns]
    if not any(len(node.layer.blobs) for node in nodes):
        yield (
            "nothing is learned: no gradient of the loss comes to a layer with parameters; look at "
            "propagate_down and at what the loss reads"
        )
    elif not any(node.layer.updates_blobs() for node in net) and (
        why := _still(net, nodes, solver)
    ):
        yield f"nothing is learned: {why}"
    elif solver.clip_gradients == 0:
        yield (
            "nothing is learned: clip_gradients 0 makes every gradient 0; leave it out, or give "
            "the largest norm that a gradient may have"
        )


def _still(net: Net, nodes: list[Node], solver: SolverParameter) -> str:
    """Why the rates of all parameters of these nodes are 0 in the whole training."""
    if solver.base_lr == 0:
        return "base_lr is 0"
    later = by_then(solver, solver.max_iter - 1)
    rates = {id(item.parameter): item.lr_mult for item in net.learnable}
    rest = [node for node in nodes if not is_named(node.name, later)]
    if len(rest) < len(nodes) or any(
        rates[id(p)] for n in rest for p in n.layer.blobs.parameters()
    ):
        return ""
    if all(node.layer.param.frozen for node in rest if len(node.layer.blobs)):
        return "all layers that could are frozen"
    return "lr_mult is 0 for every parameter that could"
