"""The set fields of a message by their paths, so that two messages can be held side by side."""

from collections.abc import Iterator, Sequence
from typing import Any

from google.protobuf.message import Message

from catdog.proto.caffe_pb2 import NetParameter

#: What the fields of the layers of a net begin with.
TRAIN_NET, TEST_NET = "train_net.", "test_net."


def plain_fields(message: Message) -> dict[str, str]:
    """Every set field by its path (`train_state.level`), its value as in a spec."""
    return dict(_fields(message, ""))


def net_fields(train: NetParameter, tests: Sequence[NetParameter]) -> dict[str, str]:
    """The fields of the layers of nets: `train_net.LAYER.FIELD`, `test_net.`, `test_net#1.` ..."""
    heads = [TRAIN_NET, TEST_NET, *(f"test_net#{i}." for i in range(1, len(tests)))]
    nets = zip(heads, map(_layers, [train, *tests]), strict=False)
    return {head + name: value for head, fields in nets for name, value in fields.items()}


def _layers(net: NetParameter) -> dict[str, str]:
    """`LAYER.FIELD`; what stands above the layers is the state, which is known."""
    found: dict[str, str] = {}
    for layer in net.layer:
        fields = plain_fields(layer)
        fields.pop("name", None)
        found.update({f"{layer.name}.{name}": value for name, value in fields.items()})
    return found


def _fields(message: Message, path: str) -> Iterator[tuple[str, str]]:
    for field, value in message.ListFields():
        name = f"{path}{field.name}"
        values = list(value) if _repeated(field) else [value]
        if field.message_type is None:
            texts = [_text(field, each) for each in values]
            yield name, f"[{', '.join(texts)}]" if _repeated(field) else texts[0]
            continue
        for index, part in enumerate(values):
            inner = f"{name}[{index}]." if _repeated(field) else f"{name}."
            yield from _fields(part, inner)


# descriptors are Any: protobuf has one class for each of its engines
def _repeated(field: Any) -> bool:
    return bool(field.is_repeated)


def _text(field: Any, value: Any) -> str:
    if field.enum_type is not None:
        return str(field.enum_type.values_by_number[value].name)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.7g}"
    return str(value)
