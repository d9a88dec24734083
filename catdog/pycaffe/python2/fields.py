"""Fields of messages that hold bytes."""

from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from catdog.pycaffe.python2.text import as_bytes, as_text


def for_field(owner: Any, name: str, value: Any) -> Any:
    """A value as it is assigned to `owner.name`: bytes or text where that is a message's field."""
    field = owner.DESCRIPTOR.fields_by_name.get(name) if isinstance(owner, Message) else None
    if field is None:
        return value
    if field.type == FieldDescriptor.TYPE_BYTES:
        return as_bytes(value)
    return as_text(value) if field.type == FieldDescriptor.TYPE_STRING else value
