"""The fields of a spec that Caffe does not have."""

from collections.abc import Iterator
from typing import Any

from google.protobuf.message import Message

#: The numbers of our fields begin here (`proto/caffe.proto`).
_OURS = 1000


def added_fields(message: Message) -> Iterator[str]:
    """The names of the fields that are given in a message, and in those inside it, and are ours."""
    for field, content in message.ListFields():
        if field.number >= _OURS:
            yield field.name
        elif field.message_type is not None:
            inner: Any = content if field.is_repeated else (content,)
            for each in inner:
                yield from added_fields(each)
