"""A net in the numbers of a fork to one in ours: what a field is follows from its layer's type.

The forks that are meant are those in which every field that forks have in different ways is one,
with its number, the type of its layer and how it lies on the wire. A field that is the same in all
of them is settled; one that is not is kept as it is until a fork is named.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from typing import NamedTuple

from google.protobuf.message import DecodeError

from catdog.proto import packed
from catdog.proto.caffe_pb2 import LayerParameter, NetParameter
from catdog.proto.fork_fields import FieldPlace, Reading, Readings, inner_of, place_of
from catdog.proto.fork_table import (
    BVLC,
    LAYER,
    OWN,
    descriptor,
    forks,
    own_field,
    own_value,
    registers,
    table,
)
from catdog.proto.packed import LENGTH, VARINT, renumbered, text_at, wire_of
from catdog.proto.parse import parse

#: What is added to the number of a field whose number means something else in our schema, and of
#: one that forks read in different ways; protobuf keeps fields that it does not know. No fork has
#: numbers of that size.
KEPT, OPEN = 510_000_000, 520_000_000
_NET = "NetParameter"
#: Forks that are tried in every order.
_MOST_ORDERED = 5
#: The fields that only catdog writes.
_OURS = frozenset(n for n in NetParameter.DESCRIPTOR.fields_by_number if n >= 1000)


class OpenField(NamedTuple):
    """A field that forks read in different ways: its layer's name, message and number."""

    layer: str
    message: str
    number: int
    readings: Mapping[Reading, Sequence[str]]


@dataclass
class ForkedNet:
    """A net in our numbers, and what there is to say of its fields.

    `open` has the fields that forks read in different ways. `kept` has those that our schema
    lacks, `the layer's type: the field`, each with the forks that have it, or none.
    """

    net: NetParameter
    open: list[OpenField] = field(default_factory=list)
    kept: dict[str, Sequence[str]] = field(default_factory=dict)


def read_forked(content: bytes, named: Sequence[str] = ()) -> ForkedNet:
    """A serialised net, in the numbers of whatever fork, in ours.

    `named` are forks that settle what the fields leave open, the first that has a field. Raises
    DecodeError for bytes that are no net, NotUTF8 for a text that is none.
    """
    view = memoryview(content)
    try:
        marked, is_ours = _mark(view)
        if marked == [OWN]:
            return ForkedNet(parse(NetParameter, content))
        translation = _Translation(view, [*named, *(marked or ([BVLC] if is_ours else []))])
        translated = translation.whole() if translation.differs else content
    except ValueError as error:
        raise DecodeError(str(error)) from None
    net = parse(NetParameter, translated)
    if used := translation.used():
        net.fork = ",".join(used)
    return ForkedNet(net, translation.open, translation.kept)


def _mark(net: memoryview) -> tuple[list[str], bool]:
    """The forks that a file names, and whether it is one of catdog's."""
    names = text_at(net, NetParameter.FORK_FIELD_NUMBER).split(",")
    is_ours = any(each.number in _OURS for each in packed.fields(net))
    return [name for name in names if name in {*forks(), OWN}], is_ours


def has_open(message: memoryview) -> bool:
    """Whether a serialised net of ours has fields that forks read in different ways."""
    return any(
        each.number >= OPEN or (wire_of(each) == LENGTH and _has_open_inside(each))
        for each in packed.fields(message)
    )


def _has_open_inside(each: packed.Field) -> bool:
    try:
        return has_open(each.content)
    except ValueError:
        return False


class _Translation:
    """Of one net. Raises ValueError for bytes that are no message."""

    def __init__(self, net: memoryview, named: Sequence[str]) -> None:
        self._net, self._named = net, named
        self._readings = Readings()
        self._places: dict[FieldPlace, None] = {}
        self._types: set[str] = set()
        self._unknown = False
        self._excluded: set[str] = set()
        self._survey(_NET, "", net)
        self._meant = self._consistent()
        #: The name and type of the layer that is being translated.
        self._layer = self._type = ""
        #: Of each settled field, by message, name and number, the forks that have it.
        self._having: dict[tuple[str, str, int], Sequence[str]] = {}
        self.open: list[OpenField] = []
        self.kept: dict[str, Sequence[str]] = {}

    @property
    def differs(self) -> bool:
        """Whether the net has a field that forks have in different ways, or that nobody knows."""
        return bool(self._places) or self._unknown

    def whole(self) -> bytes:
        """The net in our numbers."""
        return self._message(_NET, "", self._net, self._meant)

    def used(self) -> list[str]:
        """The forks whose numbers the settled fields have, few; none where all are BVLC's."""
        order, every = (*self._named, *self._meant), list(self._having.values())
        chosen = [f for f in order if all(f in having for having in every)][:1]
        for having in every:
            if not set(chosen) & set(having):
                chosen.append(having[0])
        if chosen == [BVLC] or not every:
            return []
        # a fork may have one of the fields by another number
        orders = permutations(chosen) if len(chosen) <= _MOST_ORDERED else ()
        return next((list(each) for each in orders if self._gives_numbers(each)), chosen)

    def _gives_numbers(self, order: Sequence[str]) -> bool:
        for message, name, number in self._having:
            numbers = table().numbers[message][name]
            if next(numbers[fork] for fork in order if fork in numbers) != number:
                return False
        return True

    def _survey(self, message: str, layer_type: str, view: memoryview) -> None:
        """Note the fields that forks have in different ways."""
        found = list(packed.fields(view))
        differing = table().meanings.get(message, {})
        for each in found:
            if each.number in differing:
                self._places[place_of(message, layer_type, each, found)] = None
            elif inner := inner_of(message, each):
                kind = _layer_type(inner, each)
                self._types.add(kind)
                self._survey(inner, kind, each.content)
            self._note_plain(message, each.number)

    def _note_plain(self, message: str, number: int) -> None:
        """Forks that have a field of BVLC's by another number are not meant."""
        ours = descriptor(message).fields_by_number.get(number)
        self._unknown |= ours is None
        if ours is not None and number not in table().meanings.get(message, ()):
            moved = table().numbers.get(message, {}).get(ours.name, {})
            self._excluded.update(fork for fork, other in moved.items() if other != number)

    def _consistent(self) -> Sequence[str]:
        """The forks that have all of the fields; every fork where none has."""
        possible = [fork for fork in forks() if fork not in self._excluded]
        for readings in (self._readings, Readings(strict=False)):
            if left := self._having_all(readings, possible):
                self._readings = readings
                return [f for f in left if all(registers(f, t) for t in self._types)] or left
        return possible

    def _having_all(self, readings: Readings, possible: Sequence[str]) -> list[str]:
        of = readings.of
        known = [place for place in self._places if any(of(fork, place) for fork in possible)]
        return [fork for fork in possible if all(of(fork, place) for place in known)]

    def _message(
        self, message: str, layer_type: str, view: memoryview, meant: Sequence[str]
    ) -> bytes:
        """A message in our numbers, as the forks that are meant have it."""
        found = list(packed.fields(view))
        differing = table().meanings.get(message, {})
        parts: packed.Parts = []
        # our number, and the one that it has in the file: two fields do not become one
        taken = {each.number: each.number for each in found if each.number not in differing}
        for each in found:
            if each.number in differing:
                place = place_of(message, layer_type, each, found)
                ours = self._field(place, each, meant)
                number = packed.read_varint(memoryview(ours[0]), 0)[0] >> 3
                is_free = taken.setdefault(number, each.number) == each.number
                parts += ours if is_free else _kept(place, each)
            elif inner := inner_of(message, each):
                if inner == LAYER:
                    self._type = _layer_type(inner, each)
                    self._layer = text_at(each.content, LayerParameter.NAME_FIELD_NUMBER)
                inside = self._message(inner, self._type, each.content, meant)
                parts += packed.framed(each.number, [inside])
            else:
                if each.number not in descriptor(message).fields_by_number:
                    self._note(message, f"field {each.number}", ())
                parts.append(each.whole)
        return b"".join(parts)

    def _note(self, message: str, name: str, having: Sequence[str]) -> None:
        """Of a field that our schema lacks."""
        layer = f"{self._type}: " if message != _NET else ""
        self.kept.setdefault(f"{layer}{name}", having)

    def _field(self, place: FieldPlace, each: packed.Field, meant: Sequence[str]) -> packed.Parts:
        """A field that forks have in different ways, in our number if it is settled."""
        readings: dict[Reading, list[str]] = {}
        for fork in meant:
            if reading := self._readings.of(fork, place):
                readings.setdefault(reading, []).append(fork)
        if not readings:
            self._note(place.message, f"field {place.number} of {place.message}", ())
            return _kept(place, each)
        if len(readings) > 1:
            chosen = self._by_name(place, readings)
            if not chosen:
                self.open.append(OpenField(self._layer, place.message, place.number, readings))
                return renumbered(each, OPEN + place.number)
            readings = chosen
        ((reading, having),) = readings.items()
        key = (place.message, reading.meaning.name, place.number)
        kept = [fork for fork in self._having.get(key, having) if fork in having]
        self._having[key] = kept or having
        return self._settled(place, each, reading, having)

    def _by_name(
        self, place: FieldPlace, readings: Mapping[Reading, list[str]]
    ) -> dict[Reading, list[str]]:
        """The reading of the first named fork that has the field, and the forks that agree."""
        for fork in self._named:
            if reading := self._readings.of(fork, place):
                agree = [each for each in readings.get(reading, ()) if each != fork]
                return {reading: [fork, *agree]}
        return {}

    def _settled(
        self,
        place: FieldPlace,
        each: packed.Field,
        reading: Reading,
        having: Sequence[str],
    ) -> packed.Parts:
        meaning = reading.meaning
        ours = own_field(place.message, meaning)
        if ours is None or not (place.alone or ours.is_repeated):
            return self._unsupported(place, each, reading, having)
        if meaning.kind == "message":
            inside = self._message(meaning.inner, "", each.content, having)
            return packed.framed(ours.number, [inside])
        if meaning.kind == "enum" and place.wire == VARINT:
            value = own_value(ours.enum_type.full_name.removeprefix("caffe."), reading.value)
            if value is None:
                return self._unsupported(place, each, reading, having)
            tag = packed.write_varint(ours.number << 3 | VARINT)
            return [tag, packed.write_varint(value)]
        return renumbered(each, ours.number)

    def _unsupported(
        self, place: FieldPlace, each: packed.Field, reading: Reading, having: Sequence[str]
    ) -> packed.Parts:
        self._note(place.message, str(reading), having)
        return _kept(place, each)


def _layer_type(message: str, each: packed.Field) -> str:
    return text_at(each.content, LayerParameter.TYPE_FIELD_NUMBER) if message == LAYER else ""


def _kept(place: FieldPlace, each: packed.Field) -> packed.Parts:
    is_ours = place.number in descriptor(place.message).fields_by_number
    return renumbered(each, KEPT + place.number) if is_ours else [each.whole]
