"""Parameter messages of a layer that its type does not read, or not always: to say so."""

from collections.abc import Iterator

from catdog.data.sources import SOURCES
from catdog.layers import LAYERS
from catdog.proto.caffe_pb2 import NetParameter


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
        source = SOURCES.get(layer.type)
        if source and (remark := source.remark(layer)):
            yield remark
