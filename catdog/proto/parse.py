"""Bytes of a file to a message, whose texts are texts."""

from typing import TypeVar

from google.protobuf.message import DecodeError, Message

M = TypeVar("M", bound=Message)

#: Messages of numbers alone, of which a weight file is full.
_NUMBERS = {"caffe.BlobProto", "caffe.BlobShape", "caffe.FillerParameter"}


class NotUTF8(DecodeError):
    """A text in a message that is no UTF-8; protobuf takes it, and gives bytes for it."""


def parse(kind: type[M], content: bytes) -> M:
    """A message of a kind; raises DecodeError, NotUTF8 for a text that is none."""
    message = kind.FromString(content)
    _check(message)
    return message


def _check(message: Message) -> None:
    for field, value in message.ListFields():
        if field.type not in (field.TYPE_MESSAGE, field.TYPE_STRING):
            continue
        for each in value if field.is_repeated else (value,):
            if isinstance(each, bytes):
                raise NotUTF8(f"{message.DESCRIPTOR.name}.{field.name} is no UTF-8: {each[:40]!r}")
            if isinstance(each, Message) and each.DESCRIPTOR.full_name not in _NUMBERS:
                _check(each)
