"""A net of ours in the numbers of a fork, so that the fork reads it, and we read it again."""

from collections.abc import Callable, Collection, Sequence
from functools import partial

from google.protobuf.message import DecodeError

from catdog.proto import packed
from catdog.proto.caffe_pb2 import LayerParameter, NetParameter
from catdog.proto.fork_fields import inner_of
from catdog.proto.fork_reading import KEPT, OPEN, read_forked
from catdog.proto.fork_table import (
    ADDED,
    LAYER,
    OURS,
    OWN,
    Meaning,
    descriptor,
    forks,
    own_field,
    registers,
    table,
    values,
)
from catdog.proto.packed import VARINT, renumbered, text_at, wire_of

_NET = "NetParameter"
_TYPE = LayerParameter.TYPE_FIELD_NUMBER


class _Missing(Exception):
    """A fork does not have a field."""


def write_forked(net: NetParameter) -> bytes:
    """A net, serialised with its fields in the order of their numbers.

    The numbers are those of the fork that the net names, or else of the first usual one that has
    all fields; where there is none, of the first that has it for each field of a layer. A field
    that no fork has keeps our number. Where reading would not give the same net again, the file
    names the forks.
    """
    plain = NetParameter()
    plain.CopyFrom(net)
    plain.ClearField("fork")
    content = memoryview(plain.SerializePartialToString())
    named = [name for name in net.fork.split(",") if name in forks()]
    if net.fork == OWN:
        return _marked(content.tobytes(), [OWN])
    written, used = _in_numbers_of(named, content, {layer.type for layer in plain.layer})
    for marks in ((), used):
        found = _marked(written, marks)
        if _reads_as(found, plain):
            return found
    return _marked(_sorted([content.tobytes()]), [OWN])


def _marked(written: bytes, names: Sequence[str]) -> bytes:
    mark = NetParameter(fork=",".join(names)) if names else NetParameter()
    return written + mark.SerializeToString()


def _reads_as(written: bytes, net: NetParameter) -> bool:
    try:
        found = read_forked(written).net
    except DecodeError:
        return False
    found.ClearField("fork")
    return found == net


def _in_numbers_of(
    named: Sequence[str], net: memoryview, types: Collection[str]
) -> tuple[bytes, list[str]]:
    """The net in the numbers of the first fork that has all of it, or of several; and which."""
    usual = (fork for fork in forks() if all(registers(fork, kind) for kind in types))
    for fork in named or usual:
        try:
            return _message(fork, _NET, net), [fork]
        except _Missing:
            continue
    used: list[str] = []
    return _message("", _NET, net, partial(_by_first, named, used)), used


def _by_first(
    named: Sequence[str], used: list[str], layer_type: str, field: packed.Field
) -> packed.Parts:
    """A field of a layer in the numbers of the first fork that has it, or in ours."""
    for fork in dict.fromkeys([*named, *used, *forks()]):
        if fork in named or registers(fork, layer_type):
            try:
                found = _field(fork, LAYER, field)
            except _Missing:
                continue
            if fork not in used:
                used.append(fork)
            return found
    return [field.whole]


def _message(
    fork: str,
    message: str,
    view: memoryview,
    of_layer: Callable[[str, packed.Field], packed.Parts] | None = None,
) -> bytes:
    """A message with the fields in the fork's numbers, in order; `of_layer` writes a layer's."""
    kind = text_at(view, _TYPE) if message == LAYER else ""
    parts: list[bytes] = []
    for each in packed.fields(view):
        inner = inner_of(message, each)
        if of_layer and message == LAYER:
            written = of_layer(kind, each)
        elif of_layer and inner:
            written = packed.framed(each.number, [_message(fork, inner, each.content, of_layer)])
        else:
            written = _field(fork, message, each)
        parts.append(b"".join(written))
    return _sorted(parts)


def _field(fork: str, message: str, each: packed.Field) -> packed.Parts:
    """A field in the number of a fork. Raises _Missing where the fork does not have it."""
    if each.number >= KEPT:
        return renumbered(each, each.number - (OPEN if each.number >= OPEN else KEPT))
    ours = descriptor(message).fields_by_number.get(each.number)
    numbers = table().numbers.get(message, {}).get(ours.name, {}) if ours else {}
    if fork not in numbers and (not numbers or _is_common(message, each.number)):
        inner = inner_of(message, each)
        if not inner:
            return [each.whole]
        return packed.framed(each.number, [_message(fork, inner, each.content)])
    if fork not in numbers:
        raise _Missing
    number = numbers[fork]
    meaning = table().meanings[message][number][fork]
    if own_field(message, meaning) is not ours:
        raise _Missing
    if meaning.kind == "message":
        return packed.framed(number, [_message(fork, meaning.inner, each.content)])
    if meaning.kind == "enum" and wire_of(each) == VARINT:
        return _enum(fork, meaning, ours, each, number)
    return renumbered(each, number)


def _is_common(message: str, number: int) -> bool:
    """Whether a number of ours is BVLC's, and no fork has it for anything else; or catdog's."""
    if number in OURS:
        return number in ADDED
    return number not in table().meanings[message]


def _enum(
    fork: str, meaning: Meaning, ours: object, each: packed.Field, number: int
) -> packed.Parts:
    """The value of that name in the fork."""
    value, _ = packed.read_varint(each.content, 0)
    name = ours.enum_type.values_by_number[value].name  # type: ignore[attr-defined]
    theirs = [n for n, known in values(meaning.inner, fork).items() if known == name]
    if not theirs:
        raise _Missing
    return [packed.write_varint(number << 3 | VARINT), packed.write_varint(theirs[0])]


def _sorted(parts: Sequence[bytes]) -> bytes:
    """Serialised fields in the order of their numbers."""
    found = [each for part in parts for each in packed.fields(memoryview(part))]
    return b"".join(each.whole for each in sorted(found, key=lambda each: each.number))
