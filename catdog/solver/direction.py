"""Which way a test output gets better: from the layer that makes it."""

from enum import Enum

from catdog.layers import layer_class
from catdog.proto.caffe_pb2 import NetParameter


class Direction(Enum):
    """Whether more is better, or less."""

    HIGHER = "higher"
    LOWER = "lower"

    def better(self, value: float, other: float) -> bool:
        """Whether `value` is better than `other`; nan is worse than every number."""
        if value != value or other != other:
            return value == value
        return value > other if self is Direction.HIGHER else value < other


def directions(net: NetParameter) -> dict[str, Direction]:
    """The direction of each output of an accuracy or loss layer, by blob.

    `net` is filtered to the layers of its state.
    """
    found: dict[str, Direction] = {}
    for layer in net.layer:
        higher_is_better = layer_class(layer.type).higher_is_better
        if higher_is_better:
            found.update(dict.fromkeys(layer.top, Direction.HIGHER))
        elif higher_is_better is False or any(layer.loss_weight):
            found.update(dict.fromkeys(layer.top[:1], Direction.LOWER))
    return found
