"""Check a tree against a message's schema: fill the message, collect every fault with its place."""

import base64
from collections.abc import Callable, Iterable
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from catdog.errors import Fault, did_you_mean
from catdog.spec.foreign import FOREIGN, OTHER_NAMES, foreign_fault
from catdog.spec.tree import Block, Entry, Place, Scalar

_INTEGERS = {
    FieldDescriptor.TYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.TYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_UINT64: (0, 2**64 - 1),
}
_LAYERS = ("layer", "layers")
#: Letters of a wrong value that are shown.
_SHOWN = 200
_BOOLEANS = {"true": True, "True": True, "false": False, "False": False}
# prototxt knows these too, YAML does not
_BOOLEAN_WORDS = {**_BOOLEANS, "t": True, "1": True, "f": False, "0": False}


# descriptors are Any: protobuf has one class for each of its engines, and stubs for one of them
class Checker:
    """Fills messages from trees and collects what does not fit.

    `name` stands before every place; `prototxt` allows its words for true and false.
    """

    def __init__(self, name: str, *, prototxt: bool = False) -> None:
        self.name = name
        self.faults: list[Fault] = []
        #: Of each type of a fork the place and the names of the layers; `_unreadable`: fields of
        #: theirs are not known here.
        self._foreign: dict[str, tuple[str, list[str]]] = {}
        self._unreadable = False
        self._booleans = _BOOLEAN_WORDS if prototxt else _BOOLEANS

    def fill(self, message: Message, block: Block, context: str = "") -> None:
        """Set the message's fields from a block; what does not fit is left out and noted."""
        given: set[str] = set()
        for entry in block.entries:
            field = message.DESCRIPTOR.fields_by_name.get(entry.key)
            if field is None:
                self._unknown(entry, message.DESCRIPTOR, context)
            elif entry.key in given and not field.is_repeated:
                self._fault(entry.place, context, f'"{entry.key}" takes one value, not a list')
            else:
                self._set(message, field, entry, context)
            given.add(entry.key)
        for field in message.DESCRIPTOR.fields:
            if field.is_required and field.name not in given:
                self._fault(block.place, context, f'"{field.name}" is missing')

    @property
    def found(self) -> list[Fault]:
        """The faults; where there are any, also one for each type of layer that is a fork's."""
        there = self.faults or self._unreadable
        foreign = (foreign_fault(t, names, at) for t, (at, names) in self._foreign.items())
        return [*self.faults, *foreign] if there else []

    def _set(self, message: Message, field: Any, entry: Entry, context: str) -> None:
        if field.message_type is not None:
            if isinstance(entry.value, Scalar):
                self._wrong(entry, context, "a block of fields")
                return
            part = getattr(message, field.name)
            inner = part.add() if field.is_repeated else part
            if not field.is_repeated:
                inner.SetInParent()
            count = len(self.faults)
            self.fill(inner, entry.value, _layer_context(field, entry.value) or context)
            if field.name in _LAYERS and entry.value.text("type") in FOREIGN:
                self._note_foreign(entry.value, count)
            return
        value = self._scalar(field, entry, context)
        if value is None:
            return
        if field.is_repeated:
            getattr(message, field.name).append(value)
        else:
            setattr(message, field.name, value)

    def _note_foreign(self, block: Block, count: int) -> None:
        """Of a layer of a fork only the type is told, not its fields: the faults after `count`."""
        type_name = block.text("type")
        place = block.find("type") or block.place
        _, names = self._foreign.setdefault(type_name, (f"{self.name}:{place}", []))
        names.append(block.text("name"))
        self._unreadable |= len(self.faults) > count
        del self.faults[count:]

    def _scalar(self, field: Any, entry: Entry, context: str) -> Any:
        if isinstance(entry.value, Block):
            self._wrong(entry, context, "a single value")
            return None
        text = entry.value.text
        if field.type in _INTEGERS:
            return self._integer(field, entry, text, context)
        if field.type in (FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_DOUBLE):
            return self._parsed(entry, text, context, _number, "a number")
        if field.type == FieldDescriptor.TYPE_BOOL:
            return self._parsed(entry, text, context, self._booleans.__getitem__, "true or false")
        if field.type == FieldDescriptor.TYPE_ENUM:
            return self._enum(field.enum_type, entry, text, context)
        if field.type == FieldDescriptor.TYPE_BYTES:
            return self._parsed(entry, text, context, _base64, "base64 text")
        return text

    def _integer(self, field: FieldDescriptor, entry: Entry, text: str, context: str) -> int | None:
        least, most = _INTEGERS[field.type]
        value: int | None = self._parsed(entry, text, context, _whole, "a whole number")
        if value is not None and not least <= value <= most:
            bound = "0 or more" if value < 0 else f"at most {most}"
            self._fault(entry.place, context, f'"{entry.key}" takes {bound}, not {_short(text)}')
            return None
        return value

    def _parsed(
        self, entry: Entry, text: str, context: str, parse: Callable[[str], Any], kind: str
    ) -> Any:
        try:
            return parse(text)
        except (ValueError, KeyError):
            self._wrong(entry, context, kind)
            return None

    def _enum(self, enum: Any, entry: Entry, text: str, context: str) -> int | None:
        if text in enum.values_by_name:
            return int(enum.values_by_name[text].number)
        # a text may have thousands of digits, and those of any script
        if text in map(str, enum.values_by_number):
            return int(text)
        names = list(enum.values_by_name)
        remedy = did_you_mean(text.upper(), names) or f"one of {', '.join(names)}"
        self._fault(entry.place, context, f'"{entry.key}" has no value "{_short(text)}"', remedy)
        return None

    def _unknown(self, entry: Entry, descriptor: Any, context: str) -> None:
        solver = descriptor.name == "SolverParameter"
        other = OTHER_NAMES.get(entry.key) if solver else None
        remedy = (
            (f'did you mean "{other}"?' if other else "")
            or did_you_mean(entry.key, descriptor.fields_by_name)
            or _elsewhere(entry.key, descriptor)
        )
        self._fault(entry.place, context, f'unknown field "{entry.key}"', remedy)

    def _wrong(self, entry: Entry, context: str, kind: str) -> None:
        got = (
            f'"{_short(entry.value.text)}"'
            if isinstance(entry.value, Scalar)
            else "a block of fields"
        )
        self._fault(entry.place, context, f'"{entry.key}" takes {kind}, not {got}')

    def _fault(self, place: Place, context: str, what: str, remedy: str = "") -> None:
        start = f"{context}: " if context else ""
        self.faults.append(Fault(start + what, remedy, where=f"{self.name}:{place}"))


def _layer_context(field: Any, block: Block) -> str:
    if field.name not in _LAYERS:
        return ""
    name, kind = block.text("name"), block.text("type")
    return f'layer "{name}"' + (f" ({kind})" if kind else "")


def _elsewhere(key: str, descriptor: Any) -> str:
    """Which parameter messages have a field that stands one level too high."""
    holders: Iterable[str] = (
        field.name
        for field in descriptor.fields
        if field.message_type is not None and key in field.message_type.fields_by_name
    )
    names = list(holders)
    return f"it is a field of {', '.join(names)}" if names else ""


def _short(text: str) -> str:
    """Enough of a value to know it by."""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _base64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _number(text: str) -> float:
    if "_" in text:
        raise ValueError(text)
    plain = text[:-1] if text[-1:] in "fF" and text[:-1].strip("+-")[:1].isdigit() else text
    number = float(plain.replace(".inf", "inf"))
    if number != number:
        # Caffe takes it, and whatever it touches is lost
        raise ValueError(text)
    return number


def _whole(text: str) -> int:
    if "_" in text:
        raise ValueError(text)
    sign, digits = (-1, text[1:]) if text[:1] == "-" else (1, text)
    return sign * (int(digits, 8) if digits[:1] == "0" and digits.isdigit() else int(digits, 0))
