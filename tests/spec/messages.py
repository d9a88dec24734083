"""Random messages of any type, for round trips."""

from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import strategies as st

_SCALARS: dict[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.TYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_UINT32: st.integers(0, 2**32 - 1),
    FieldDescriptor.TYPE_INT64: st.integers(-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_UINT64: st.integers(0, 2**64 - 1),
    FieldDescriptor.TYPE_FLOAT: st.floats(width=32, allow_nan=False),
    FieldDescriptor.TYPE_DOUBLE: st.floats(allow_nan=False),
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_STRING: st.text(st.characters(codec="utf-8"), max_size=8),
    FieldDescriptor.TYPE_BYTES: st.binary(max_size=8),
}


@st.composite
def messages(draw: st.DrawFn, kind: type[Message], depth: int = 3) -> Message:
    """A message with some of its fields set, nested to the given depth."""
    message = kind()
    fields = [f for f in kind.DESCRIPTOR.fields if f.message_type is None or depth]
    for field in (field for field in fields if field.is_required):
        _set(draw, message, field, depth)
    fields = [field for field in fields if not field.is_required]
    if not fields:
        return message
    for field in draw(st.lists(st.sampled_from(fields), max_size=4, unique_by=lambda f: f.name)):
        _set(draw, message, field, depth)
    return message


def _set(draw: st.DrawFn, message: Message, field: FieldDescriptor, depth: int) -> None:
    for _ in range(draw(st.integers(1, 2)) if field.is_repeated else 1):
        if field.message_type is not None:
            target = getattr(message, field.name)
            inner = target.add() if field.is_repeated else target
            inner.SetInParent()
            inner.MergeFrom(draw(messages(type(inner), depth - 1)))
            continue
        if field.enum_type is not None:
            value = draw(st.sampled_from([v.number for v in field.enum_type.values]))
        else:
            value = draw(_SCALARS[field.type])
        if field.is_repeated:
            getattr(message, field.name).append(value)
        else:
            setattr(message, field.name, value)
