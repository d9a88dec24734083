"""What the numbers of fields mean in each fork of Caffe: a table of facts, and look-ups in it.

The facts are in forks.json; `fork_facts.py` says where they come from.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from catdog.errors import CatdogError, did_you_mean
from catdog.proto.caffe_pb2 import NetParameter

BVLC = "BVLC"
#: Not a fork: the numbers of `caffe.proto`, without a translation.
OWN = "catdog"
LAYER = "LayerParameter"
#: The numbers that catdog alone has: of its own fields, and of all, those of forks among them.
ADDED, OURS = range(1000, 2000), range(1000, 3000)
#: The forks whose numbers are written where nothing says which, in this order.
_USUAL = (
    BVLC,
    "SSD",
    "faster-rcnn",
    "R-FCN",
    "PVANet",
    "PSPNet",
    "SegNet",
    "DeepLab-v2",
    "MobileNet-YOLO",
    "OpenVINO-training-toolbox",
    "IntelCaffe",
    "NVCaffe",
)
#: Types of BVLC's whose messages are not called as they are.
_OTHER_CALLERS = {
    "recurrent_param": ("RNN", "LSTM"),
    "convolution_param": ("Deconvolution", "Im2col"),
    "softmax_param": ("SoftmaxWithLoss",),
}
#: Messages that are the same by another name.
_SAME = {("ReLUParameter", "ReLU6Parameter")}


class Meaning(NamedTuple):
    """What a number of a message means: the field's name, its type, the message or enum of it."""

    name: str
    kind: str
    inner: str
    repeated: bool


class _Table(NamedTuple):
    """The facts, as `meanings[message][number][fork]` and so on.

    `numbers[message][name][fork]` is the way back. `types[type][fork]` has the fields of
    LayerParameter that a fork's layer of that type reads. `enums[enum][fork]` has the names of the
    numbers; they are BVLC's for a fork that is not there.
    """

    forks: Mapping[str, str]
    meanings: Mapping[str, Mapping[int, Mapping[str, Meaning]]]
    numbers: Mapping[str, Mapping[str, Mapping[str, int]]]
    types: Mapping[str, Mapping[str, frozenset[str]]]
    enums: Mapping[str, Mapping[str, Mapping[int, str]]]


@cache
def table() -> _Table:
    """The facts, read once."""
    facts = json.loads(Path(__file__).with_name("forks.json").read_text(encoding="utf-8"))
    names = list(facts["forks"])
    meanings: dict[str, dict[int, dict[str, Meaning]]] = {}
    numbers: dict[str, dict[str, dict[str, int]]] = {}
    for message, number, (*meaning, forks) in _entries(facts["fields"]):
        found = Meaning(*meaning)
        here = meanings.setdefault(message, {}).setdefault(number, {})
        back = numbers.setdefault(message, {}).setdefault(found.name, {})
        for fork in forks:
            here[names[fork]], back[names[fork]] = found, number
    types = {
        name: {names[at]: frozenset(read) for read, (at,) in each}
        for name, each in facts["types"].items()
    }
    enums = {
        name: {
            names[at]: {number: value for value, number in values.items()}
            for values, forks in variants
            for at in forks
        }
        for name, variants in facts["enums"].items()
    }
    return _Table(facts["forks"], meanings, numbers, types, enums)


def _entries(fields: Any) -> Iterator[tuple[str, int, Any]]:
    for message, by_number in fields.items():
        for number, meanings in by_number.items():
            for meaning in meanings:
                yield message, int(number), meaning


@cache
def forks() -> tuple[str, ...]:
    """The names of all forks, and of BVLC Caffe; those first whose numbers are written first."""
    return (*_USUAL, *(name for name in table().forks if name not in _USUAL))


def fork_named(name: str) -> str:
    """The name of a fork as the table has it; CatdogError for one that is not there.

    A repository, such as weiliu89/caffe, is a name too.
    """
    known = {each.lower(): each for each in forks()}
    for fork, repository in table().forks.items():
        known.setdefault(repository.lower(), fork)
    if found := known.get(name.lower()):
        return found
    remedy = did_you_mean(name, known.values()) or f"known are {', '.join(forks())}"
    raise CatdogError(f'there is no fork "{name}"', where="--fork", remedy=remedy)


def registers(fork: str, layer_type: str) -> bool:
    """Whether a fork may have layers of a type; of some forks only the messages are known."""
    known = table().types.get(layer_type)
    return known is None or fork in known or fork not in _registering()


@cache
def _registering() -> frozenset[str]:
    return frozenset(fork for having in table().types.values() for fork in having)


def is_called_for(name: str, layer_type: str, fork: str) -> bool:
    """Whether a fork's layer of a type reads a field of LayerParameter; without a type, it may."""
    called = name.removesuffix("_param").replace("_", "") == layer_type.lower()
    if not layer_type or called or layer_type in _OTHER_CALLERS.get(name, ()):
        return True
    reads = table().types.get(layer_type, {})
    if fork in _registering():
        return name in reads.get(fork, ())
    return any(name in each for each in reads.values())


def values(enum: str, fork: str) -> Mapping[int, str]:
    """The names of the numbers of an enum in a fork."""
    changed = table().enums.get(enum, {}).get(fork)
    return _our_values(enum, bvlc=True) if changed is None else changed


def own_value(enum: str, name: str) -> int | None:
    """Our number of a value of an enum, or None."""
    return next((n for n, each in _our_values(enum).items() if each == name), None)


@cache
def _our_values(enum: str, *, bvlc: bool = False) -> Mapping[int, str]:
    message, _, name = enum.partition(".")
    found = descriptor(message).enum_types_by_name.get(name) if descriptor(message) else None
    values = {} if found is None else {each.number: each.name for each in found.values}
    if bvlc and name == "NormalizationMode":
        # of what we have more than BVLC
        values = {number: each for number, each in values.items() if each != "PRE_FIXED"}
    return values


@cache
def descriptor(message: str) -> Any:
    """The descriptor of a message of ours, or None."""
    return NetParameter.DESCRIPTOR.file.message_types_by_name.get(message)


@cache
def own_field(message: str, meaning: Meaning) -> Any:
    """Our field of the same name and kind; None where we do not have it."""
    field = descriptor(message).fields_by_name.get(meaning.name)
    if field is None or (meaning.kind == "message") != (field.message_type is not None):
        return None
    if field.message_type is not None:
        ours = field.message_type.name
        return field if ours == meaning.inner or (meaning.inner, ours) in _SAME else None
    return field if (meaning.kind == "enum") == (field.enum_type is not None) else None


@cache
def inner_message(message: str, number: int) -> str:
    """The message inside a field of ours whose number has one meaning; "" where there is none.

    What is in fields that are catdog's alone has our numbers.
    """
    field = descriptor(message).fields_by_number.get(number)
    if field is None or field.message_type is None or number in OURS:
        return ""
    name = str(field.message_type.name)
    return name if name in reached() else ""


@cache
def reached() -> frozenset[str]:
    """The messages in which, or in whose parts, forks differ."""
    found = set(table().meanings) - {"NetParameter"}
    inner = {
        name: {f.message_type.name for f in each.fields if f.message_type is not None}
        for name, each in NetParameter.DESCRIPTOR.file.message_types_by_name.items()
    }
    while more := {name for name, parts in inner.items() if parts & found} - found:
        found |= more
    return frozenset(found - {"BlobProto", "BlobShape"})
