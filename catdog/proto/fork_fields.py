"""What a field of a serialised net is in each fork: by its number, its layer's type, its bytes."""

from collections.abc import Sequence
from typing import NamedTuple

from catdog.proto import packed
from catdog.proto.fork_table import (
    LAYER,
    Meaning,
    forks,
    inner_message,
    is_called_for,
    table,
    values,
)
from catdog.proto.packed import LENGTH, VARINT, wire_of

#: How a kind of value lies on the wire; a varint where nothing is said.
_WIRE = {
    **dict.fromkeys(("string", "bytes", "message"), LENGTH),
    "float": packed.FIXED32,
    "double": packed.FIXED64,
}
#: Fields that mean nothing, or that a fork's layer refuses, without another one.
_COMPANION = {
    ("LossParameter", "weight_by_label_freqs"): "class_weighting",
    ("ConvolutionParameter", "dilation_w"): "dilation_h",
}
_WITH_COMPANIONS = {message for message, _ in _COMPANION}


class Reading(NamedTuple):
    """What a field is in a fork, and its value where it is a whole number."""

    meaning: Meaning
    value: str = ""

    def __str__(self) -> str:
        return f"{self.meaning.name}: {self.value}" if self.value else self.meaning.name


class FieldPlace(NamedTuple):
    """A field of a message in a file.

    `type` is the layer's where the message is a layer. `beside` are the numbers of the fields of
    that message, where any of them counts; `alone`: no other of them has this number.
    """

    message: str
    type: str
    number: int
    wire: int
    content: bytes
    beside: frozenset[int]
    alone: bool


def place_of(
    message: str, layer_type: str, field: packed.Field, fields: Sequence[packed.Field]
) -> FieldPlace:
    """The place of one of the fields of a message."""
    numbers = (each.number for each in fields) if message in _WITH_COMPANIONS else ()
    kind = layer_type if message == LAYER else ""
    alone = sum(each.number == field.number for each in fields) == 1
    wire, content = wire_of(field), bytes(field.content)
    return FieldPlace(message, kind, field.number, wire, content, frozenset(numbers), alone)


def inner_of(message: str, field: packed.Field) -> str:
    """The message inside a field of ours, as `inner_message`; "" for one that lies otherwise."""
    return inner_message(message, field.number) if wire_of(field) == LENGTH else ""


class Readings:
    """What each place is in each fork, looked up once; `strict`: with the companions it needs."""

    def __init__(self, *, strict: bool = True) -> None:
        self._strict = strict
        self._known: dict[tuple[str, FieldPlace], Reading | None] = {}

    def of(self, fork: str, place: FieldPlace) -> Reading | None:
        """What a field is in a fork; None where the fork has no such field."""
        key = (fork, place)
        if key not in self._known:
            meaning = table().meanings[place.message][place.number].get(fork)
            self._known[key] = self._read(fork, meaning, place) if meaning else None
        return self._known[key]

    def is_known(self, place: FieldPlace) -> bool:
        """Whether any fork has the field."""
        return any(self.of(fork, place) for fork in forks())

    def _read(self, fork: str, meaning: Meaning, place: FieldPlace) -> Reading | None:
        has_companion = not self._strict or _has_companion(fork, meaning, place)
        if not (has_companion and _lies_as(meaning, place)):
            return None
        if place.alone and place.wire == _wire(meaning):
            # one value is the same, whether there may be more of them or not
            meaning = meaning._replace(repeated=False)
        if meaning.kind == "message":
            return Reading(meaning) if self._is_message(fork, meaning, place) else None
        if meaning.kind == "string":
            return Reading(meaning) if self._is_text(place) else None
        if place.wire != VARINT:
            return Reading(meaning)
        value = _value(fork, meaning, packed.read_varint(memoryview(place.content), 0)[0])
        return Reading(meaning, value) if value else None

    def _is_text(self, place: FieldPlace) -> bool:
        """Whether the bytes are a text, and not a message that the layer's type calls for."""
        others = table().meanings[place.message][place.number].items()
        called = (self.of(fork, place) for fork, each in others if each.kind == "message")
        is_text = place.content.decode("utf-8", "replace").isprintable()
        return is_text and not (place.message == LAYER and any(called))

    def _is_message(self, fork: str, meaning: Meaning, place: FieldPlace) -> bool:
        """Whether the layer has use for the message, and its bytes are fields of the fork's."""
        if place.message == LAYER and not is_called_for(meaning.name, place.type, fork):
            return False
        try:
            found = list(packed.fields(memoryview(place.content)))
        except ValueError:
            return False
        differing = table().meanings.get(meaning.inner, {})
        inside = (place_of(meaning.inner, "", f, found) for f in found if f.number in differing)
        return all(self.of(fork, each) or not self.is_known(each) for each in inside)


def _wire(meaning: Meaning) -> int:
    return _WIRE.get(meaning.kind, VARINT)


def _lies_as(meaning: Meaning, place: FieldPlace) -> bool:
    wanted = _wire(meaning)
    if meaning.repeated:
        return place.wire == wanted or (wanted != LENGTH and place.wire == LENGTH)
    return place.wire == wanted and place.alone


def _has_companion(fork: str, meaning: Meaning, place: FieldPlace) -> bool:
    needed = _COMPANION.get((place.message, meaning.name))
    if needed is None or place.content == b"\0":
        return True
    return table().numbers[place.message][needed].get(fork) in place.beside


def _value(fork: str, meaning: Meaning, number: int) -> str:
    """A whole number as the fork names it; "" where it is none of its values."""
    if meaning.kind == "enum":
        known = values(meaning.inner, fork)
        return known.get(number, "" if known else str(number))
    if meaning.kind == "bool":
        return {0: "false", 1: "true"}.get(number, "")
    return str(number)
