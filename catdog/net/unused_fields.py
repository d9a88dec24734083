"""What stands in a net in vain, so that one can say so: parameter messages, tops."""

from collections.abc import Iterable, Iterator

from catdog.data.sources import SOURCES
from catdog.layers import LAYERS
from catdog.net.net import Net
from catdog.net.step import Node
from catdog.proto.caffe_pb2 import LayerParameter, NetParameter


def messages_of(type_name: str) -> tuple[str, ...]:
    """The parameter messages that a layer type reads; none of a type that does not exist."""
    if type_name == "Input":
        return ("input_param",)
    kind = LAYERS.get(type_name) or SOURCES.get(type_name)
    return kind.messages if kind else ()


def unread(net: NetParameter) -> Iterator[str]:
    """A line for each message that stands in a layer in vain, as it would in Caffe."""
    for layer in net.layer:
        reads = messages_of(layer.type)
        for field, _ in layer.ListFields():
            if field.name.endswith("_param") and field.name not in reads:
                yield f'layer "{layer.name}" ({layer.type}) does not look at {field.name}'
        kind = SOURCES.get(layer.type) or LAYERS.get(layer.type)
        if kind and (remark := kind.remark(layer)):
            yield remark


def unused_tops(net: Net, data_layers: Iterable[LayerParameter]) -> Iterator[str]:
    """A line for each top that no layer of a net reads and that is no result.

    Of a net without a loss and without an accuracy every such top is what it is for.
    """
    results = {top for node in net for top in _results(node)}
    if not results:
        return
    makers = {top: (layer.name, layer.type) for layer in data_layers for top in layer.top}
    makers |= {top: (node.name, node.type) for node in net for top in node.tops}
    for top in net.outputs:
        if top in makers and top not in results:
            name, kind = makers[top]
            yield f'top "{top}" of layer "{name}" ({kind}) is not used'


def _results(node: Node) -> Iterator[str]:
    """The tops of a node that are losses or scores."""
    better = node.layer.higher_is_better
    for index, top in enumerate(node.tops):
        if node.loss_weights[index] or better or (better is False and not index):
            yield top
