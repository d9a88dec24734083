"""What is tried for a field: a range of numbers, or some values.

base_lr=1e-4..1e-1:log                          from .. to, on a logarithmic scale
max_iter=200..800                               whole numbers, as the field takes them
momentum=0.9,0.95                               one or the other
stepvalue=[100,200],[300]                       one list or the other
net.drop.dropout_param.dropout_ratio=0.2..0.6   a field of a layer
stages=small,large+deep                         stages of the nets' rules
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

from catdog.errors import CatdogError
from catdog.proto.caffe_pb2 import LayerParameter, SolverParameter
from catdog.spec.overrides import is_of_net

if TYPE_CHECKING:
    from optuna import Trial

STAGES = "stages"
_RANGE = re.compile(r"(?P<low>[^.,:][^,:]*?)\.\.(?P<high>[^,:]+)(?::(?P<scale>\w+))?")
_INTEGERS = (
    FieldDescriptor.TYPE_INT32,
    FieldDescriptor.TYPE_UINT32,
    FieldDescriptor.TYPE_INT64,
    FieldDescriptor.TYPE_UINT64,
)
_REMEDY = "write FIELD=LOW..HIGH, FIELD=LOW..HIGH:log or FIELD=A,B,C"


@dataclass(frozen=True)
class Axis:
    """A field and what is tried for it: `choices`, or what lies between two numbers."""

    field: str
    text: str
    choices: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    whole: bool = False

    @property
    def ends(self) -> tuple[str, ...]:
        """Values that all must be sound if any are: the choices, or the ends of the range."""
        return self.choices or (self._word(self.low), self._word(self.high))

    @property
    def values(self) -> Sequence[Any]:
        """All that can be tried, as Optuna keeps it; nothing where there is no end of it."""
        if self.whole:
            return range(round(self.low), round(self.high) + 1)
        return self.choices

    def suggest(self, trial: "Trial") -> str:
        """The value of a trial, as it is written in a spec."""
        if self.choices:
            return str(trial.suggest_categorical(self.field, self.choices))
        if self.whole:
            low, high = round(self.low), round(self.high)
            return str(trial.suggest_int(self.field, low, high, log=self.log))
        return self._word(trial.suggest_float(self.field, self.low, self.high, log=self.log))

    def word(self, value: Any) -> str:
        """What a value that Optuna keeps is in a spec."""
        return str(value) if self.choices else self._word(value)

    def assignments(self, value: str, tests: int = 1) -> list[str]:
        """The assignments of a command line for a value; `tests` is the number of test nets."""
        if self.field != STAGES:
            return [f"{self.field}={value}"]
        names = ", ".join(filter(None, value.split("+")))
        states = ", ".join([f"{{stage: [{names}]}}"] * tests)
        if not names:
            return []
        return [f"train_state.stage=[{names}]", *([f"test_state=[{states}]"] if tests else [])]

    def _word(self, value: float) -> str:
        return str(round(value)) if self.whole else f"{value:.6g}"


def parse_axis(text: str) -> Axis:
    """An axis from FIELD=VALUES. Raises CatdogError for any other text."""
    field, sign, values = (part.strip() for part in text.partition("="))
    if not (field and sign and values):
        raise CatdogError("is no FIELD=VALUES", where=text, remedy=_REMEDY)
    match = _RANGE.fullmatch(values)
    if match:
        return _range(field, text, match)
    if ".." in values and "," not in values:
        raise CatdogError(f'"{values}" is no range', where=text, remedy=_REMEDY)
    choices = _split(values)
    if len(set(choices)) < 2:
        remedy = f"to set a field for all trials: --set {text}"
        raise CatdogError("leaves nothing to choose", where=text, remedy=remedy)
    if len(set(choices)) < len(choices) or ("" in choices and field != STAGES):
        raise CatdogError("has a value twice, or an empty one", where=text, remedy=_REMEDY)
    return Axis(field, text, choices=choices)


def _range(field: str, text: str, match: re.Match[str]) -> Axis:
    try:
        low, high = float(match["low"]), float(match["high"])
    except ValueError:
        raise CatdogError("takes two numbers", where=text, remedy=_REMEDY) from None
    scale = match["scale"] or ""
    if scale not in ("", "log"):
        raise CatdogError(f'no scale "{scale}"', where=text, remedy="log, or leave it out")
    if not low < high:
        raise CatdogError(f"{low:g} is not below {high:g}", where=text, remedy="swap them")
    if scale and low <= 0:
        raise CatdogError("a logarithmic scale begins above 0", where=text)
    whole = _takes_integers(field)
    if whole and not (low.is_integer() and high.is_integer()):
        raise CatdogError("the field takes whole numbers", where=text)
    return Axis(field, text, low=low, high=high, log=bool(scale), whole=whole)


def _split(values: str) -> tuple[str, ...]:
    """At commas that stand outside of brackets."""
    parts = re.findall(r"(?:\[[^\]]*\]|\{[^}]*\}|[^,\[{])+|(?<=,)(?=,|$)|^(?=,)", values)
    return tuple(part.strip() for part in parts)


def _takes_integers(field: str) -> bool:
    """Whether a field's type is one of whole numbers; a layer's name may have points in it."""
    keys = field.split(".")
    if not is_of_net(field):
        return _type(SolverParameter.DESCRIPTOR, keys) in _INTEGERS
    ends = (keys[at:] for at in range(2, len(keys)))
    return any(_type(LayerParameter.DESCRIPTOR, end) in _INTEGERS for end in ends)


# descriptors are Any: protobuf has one class for each of its engines
def _type(descriptor: Any, keys: Sequence[str]) -> int | None:
    """The type at a path of fields; None where it leads nowhere."""
    for at, key in enumerate(keys):
        field = descriptor.fields_by_name.get(key) if descriptor else None
        if field is None:
            return None
        if at == len(keys) - 1:
            return int(field.type)
        descriptor = field.message_type
    return None
