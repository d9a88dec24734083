"""Labels of the data against the classes of the layers that look at them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from catdog.data.sources import Source
from catdog.errors import Fault, some_of
from catdog.net.net import Net
from catdog.net.step import Node
from catdog.proto.caffe_pb2 import TRAIN

_SHOWN = 10


class _Labelled(NamedTuple):
    """A layer whose labels are classes, how many it knows, and how often the data have each."""

    node: Node
    classes: int
    counts: Mapping[int, int]


def label_faults(net: Net, sources: Sequence[Source]) -> Iterator[Fault]:
    """A fault for each layer that would meet a label beyond its classes, with what mends it."""
    for node, classes, counts in _labelled(net, sources):
        wrong = [label for label in counts if not 0 <= label < classes]
        if wrong:
            blob = node.bottoms[0]
            yield Fault(
                f"({node.type}) the data have label {max(wrong, key=abs)}, but {blob} has "
                f"{classes} classes: labels 0 to {classes - 1}",
                _remedy(net, node, counts),
                layer=node.name,
                field="bottom",
            )


def label_warnings(net: Net, sources: Sequence[Source]) -> Iterator[str]:
    """Lines about labels that a loss can take and that are hardly meant so."""
    if net.phase != TRAIN:
        return
    for node, classes, counts in _labelled(net, sources):
        if not node.layer.is_loss or any(not 0 <= label < classes for label in counts):
            continue
        if len(counts) == 1:
            yield (
                f'all data have label {min(counts)}: layer "{node.name}" learns to answer nothing '
                "else"
            )
        elif len(counts) < classes:
            yield (
                f'layer "{node.name}" has {classes} classes, the data have labels {_some(counts)}: '
                "the others are never learned"
            )


def _labelled(net: Net, sources: Sequence[Source]) -> Iterator[_Labelled]:
    """Only what stands in a label blob straight from the data is known."""
    makers = {top: source for source in sources for top in source.tops}
    for node in net.nodes:
        if len(node.bottoms) < 2 or (source := makers.get(node.bottoms[1])) is None:
            continue
        shapes = (net.shapes[blob] for blob in node.bottoms[:2])
        classes = node.layer.classes(*shapes)
        counts = source.label_counts(node.bottoms[1]) if classes is not None else None
        if classes is not None and counts:
            found = {
                label: count
                for label, count in counts.items()
                if count and label != node.layer.ignored_label
            }
            yield _Labelled(node, classes, found)


def _remedy(net: Net, node: Node, counts: Mapping[int, int]) -> str:
    wanted = max(counts) + 1
    if set(counts) != set(range(wanted)):
        return f"number the classes from 0 without a gap; found {_some(counts)}"
    field = _outputs(net, node)
    more = f"--set net.{field}={wanted}" if field else f"give {node.bottoms[0]} {wanted} classes"
    return f"{more}, or correct the labels"


def _outputs(net: Net, node: Node) -> str:
    """`LAYER.MESSAGE.num_output` of the layer that makes the classes; empty where unknown."""
    blob = node.bottoms[0]
    for maker in reversed(net.nodes[: net.nodes.index(node)]):
        if blob not in maker.tops:
            continue
        for message in maker.layer.messages:
            if "num_output" in getattr(maker.layer.param, message).DESCRIPTOR.fields_by_name:
                return f"{maker.name}.{message}.num_output"
        if len(maker.bottoms) != 1:
            break
        blob = maker.bottoms[0]
    return ""


def _some(labels: Mapping[int, int]) -> str:
    return some_of(map(str, sorted(labels)), _SHOWN)
