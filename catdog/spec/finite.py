"""Numbers of a spec that are none: whatever they touch is lost."""

import math
from collections.abc import Iterator
from typing import Any

from google.protobuf.message import Message

from catdog.errors import Fault
from catdog.proto.caffe_pb2 import NetParameter

#: Weights are not of the spec, and nets are looked at by themselves.
_APART = ("BlobProto", "NetParameter")
#: Messages whose numbers are bounds, of which there may be none.
_BOUNDS = ("ClipParameter",)


def not_finite(message: Message, above: str = "") -> Iterator[tuple[str, float]]:
    """The fields of a message and of those inside it that are no finite number, with the value."""
    unbounded = message.DESCRIPTOR.name in _BOUNDS
    for field, content in message.ListFields():
        path = f"{above}.{field.name}" if above else field.name
        values: Any = content if field.is_repeated else (content,)
        for value in values:
            if isinstance(value, Message):
                if value.DESCRIPTOR.name not in _APART:
                    yield from not_finite(value, path)
            elif isinstance(value, float) and (
                math.isnan(value) or (math.isinf(value) and not unbounded)
            ):
                yield path, value


def finite_faults(message: Message, layer: str = "") -> Iterator[Fault]:
    """A fault for each such field; of a layer with its name."""
    for path, value in not_finite(message):
        what = f"{path} must be a finite number, not {value:g}"
        yield Fault(what, layer=layer, field=path.rpartition(".")[2])


def layer_faults(net: NetParameter) -> Iterator[Fault]:
    """The faults of the layers of a net."""
    for layer in net.layer:
        yield from finite_faults(layer, layer.name)
