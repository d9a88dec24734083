"""Messages to text: YAML with Caffe's field names, or prototxt."""

from pathlib import Path
from typing import Any

import yaml
from google.protobuf import json_format, text_format
from google.protobuf.message import Message


def to_yaml(message: Message, header: str = "") -> str:
    """A message as YAML that `read_message` reads back; `header` lines go before as comments."""
    fields = json_format.MessageToDict(message, preserving_proto_field_name=True)
    _whole_numbers(message, fields)
    comments = "".join(f"# {line}\n" for line in header.splitlines())
    body = yaml.dump(fields, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return comments + ("" if not fields else body)


def to_prototxt(message: Message) -> str:
    """A message in protobuf's text form, as Caffe reads it."""
    return str(text_format.MessageToString(message, as_utf8=True))


def to_text(message: Message, path: str | Path) -> str:
    """A message in the form of the file's suffix: .yaml or .yml, else prototxt."""
    return to_yaml(message) if Path(path).suffix in (".yaml", ".yml") else to_prototxt(message)


def _whole_numbers(message: Message, fields: dict[str, Any]) -> None:
    """Set the fields of 64 bits, which protobuf writes as text, to numbers."""
    for field, value in message.ListFields():
        own = fields[field.name]
        if field.cpp_type in (field.CPPTYPE_INT64, field.CPPTYPE_UINT64):
            fields[field.name] = list(value) if isinstance(own, list) else int(value)
        elif field.cpp_type == field.CPPTYPE_MESSAGE:
            pairs = zip(value, own, strict=True) if isinstance(own, list) else [(value, own)]
            for each, inside in pairs:
                _whole_numbers(each, inside)


class _Dumper(yaml.SafeDumper):
    """Safe YAML in which text with line breaks of any kind comes back as it was."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if text.isprintable() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
