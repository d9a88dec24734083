"""A value of one message put into a field of another, whatever kind of field it is."""

from typing import Any

from google.protobuf.message import Message


def assign(message: Message, name: str, value: Any) -> None:
    """Set a field; a repeated field gets the value, or all values of a repeated one, added."""
    field = message.DESCRIPTOR.fields_by_name[name]
    target = getattr(message, name)
    if field.is_repeated:
        several = value if hasattr(value, "extend") else [value]
        target.extend(several)
    elif field.message_type is not None:
        target.CopyFrom(value)
    else:
        setattr(message, name, value)
