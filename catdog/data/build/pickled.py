"""Plain values out of a pickle, such as CIFAR's batches, of which nothing is executed.

The standard library takes the file apart into its instructions; this machine knows those that make
numbers, texts, lists, dicts and NumPy arrays, and refuses all others. A name in a file stays a
name: none is ever looked up.
"""

import pickletools
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catdog.errors import DataError


class Refused(ValueError):
    """An instruction, or an order of them, that makes no plain value."""


@dataclass(frozen=True)
class _Name:
    """What a pickle would look up: a name in a module."""

    module: str
    name: str


@dataclass
class _Call:
    """What a pickle would call with these arguments, and the state it would set then."""

    name: _Name
    arguments: tuple[Any, ...]
    state: Any = None


def read_pickle(path: str | Path) -> Any:
    """The value in a pickle of protocol 2 to 5; texts of Python 2 come as bytes.

    Raises DataError for a file that cannot be read, is no pickle or holds more than plain values.
    """
    path = Path(path)
    try:
        return value_of(path.read_bytes())
    except OSError as error:
        what = f"cannot be read ({error.strerror or error})"
        raise DataError(what, where=str(path)) from error
    except Refused as error:
        what = f"no pickle of plain values: {error}"
        raise DataError(what, where=str(path), remedy="get the file again") from None


def value_of(data: bytes) -> Any:
    """The value in the bytes of a pickle. Raises Refused."""
    machine = _Machine()
    try:
        for opcode, argument, _ in pickletools.genops(data):
            if opcode.name == "STOP":
                return _plain(machine.stack.pop())
            machine.step(opcode.name, argument)
    except Refused:
        raise
    except (ValueError, TypeError, IndexError, KeyError, AttributeError, RecursionError) as error:
        raise Refused(str(error) or "it makes no sense") from error
    raise Refused("it has no end")


class _Machine:
    """The stack and the memo of a pickle."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self._marked: list[list[Any]] = []
        self._memo: dict[int, Any] = {}

    def step(self, name: str, argument: Any) -> None:
        """Do one instruction."""
        if name in _VALUES:
            self.stack.append(_VALUES[name](argument))
        elif name in _ACTIONS:
            _ACTIONS[name](self, argument)
        elif name not in ("PROTO", "FRAME"):
            raise Refused(f"it has the instruction {name}")

    def mark(self, _: Any) -> None:
        self._marked.append(self.stack)
        self.stack = []

    def since_mark(self) -> list[Any]:
        found, self.stack = self.stack, self._marked.pop()
        return found

    def put(self, place: int | None) -> None:
        self._memo[len(self._memo) if place is None else place] = self.stack[-1]

    def get(self, place: int) -> None:
        self.stack.append(self._memo[place])

    def tuple_of(self, count: int) -> None:
        found = [self.stack.pop() for _ in range(count)]
        self.stack.append(tuple(reversed(found)))

    def tuple_since_mark(self, _: Any) -> None:
        found = tuple(self.since_mark())
        self.stack.append(found)

    def append(self, _: Any) -> None:
        self._extend([self.stack.pop()])

    def extend(self, _: Any) -> None:
        self._extend(self.since_mark())

    def _extend(self, values: list[Any]) -> None:
        if not isinstance(self.stack[-1], list):
            raise Refused("it appends to what is no list")
        self.stack[-1].extend(values)

    def set_item(self, _: Any) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._update([key, value])

    def set_items(self, _: Any) -> None:
        self._update(self.since_mark())

    def _update(self, pairs: list[Any]) -> None:
        if not isinstance(self.stack[-1], dict):
            raise Refused("it sets items of what is no dict")
        keys = map(_plain, pairs[::2])
        self.stack[-1].update(zip(keys, pairs[1::2], strict=True))

    def name(self, words: str) -> None:
        module, _, name = words.partition(" ")
        self.stack.append(_known(module, name))

    def stack_name(self, _: Any) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self.stack.append(_known(module, name))

    def call(self, _: Any) -> None:
        arguments, name = self.stack.pop(), self.stack.pop()
        if not isinstance(name, _Name) or not isinstance(arguments, tuple):
            raise Refused("it calls what is no name")
        self.stack.append(_Call(name, arguments))

    def build(self, _: Any) -> None:
        state, call = self.stack.pop(), self.stack[-1]
        if not isinstance(call, _Call):
            raise Refused("it sets the state of a plain value")
        call.state = state


def _plain(value: Any) -> Any:
    """A value with the arrays and bytes that its calls stand for."""
    if isinstance(value, _Call):
        return _CALLS[value.name](value)
    if isinstance(value, _Name):
        raise Refused(f"it holds the name {value.module}.{value.name} itself")
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_plain, value))
    return value


def _known(module: Any, name: Any) -> _Name:
    found = _Name(str(module), str(name))
    if found not in _CALLS and found != _NDARRAY:
        raise Refused(f"it names {module}.{name}")
    return found


def _array(call: _Call) -> NDArray[Any]:
    """numpy.ndarray.__setstate__: version, shape, dtype, whether in Fortran's order, bytes."""
    _, shape, dtype, fortran, content = call.state
    return _shaped(content, dtype, shape, "F" if fortran else "C")


def _array_of_buffer(call: _Call) -> NDArray[Any]:
    content, dtype, shape, order = call.arguments
    return _shaped(content, dtype, shape, order)


def _shaped(content: Any, dtype: Any, shape: Any, order: Any) -> NDArray[Any]:
    flat = np.frombuffer(_plain(content), _dtype(dtype))
    return flat.reshape(_plain(shape), order="F" if order == "F" else "C")


def _dtype(call: Any) -> np.dtype[Any]:
    """numpy.dtype(code, align, copy), whose state has the order of the bytes second."""
    if not isinstance(call, _Call) or call.name != _DTYPE:
        raise Refused("an array has no dtype")
    code, order = _text(call.arguments[0]), _text(call.state[1])
    if not re.fullmatch("[biuf][1248]", code) or order not in ("|", "<", ">"):
        raise Refused(f"it has an array of {order}{code}")
    return np.dtype(order + code)


def _bytes(call: _Call) -> bytes:
    """_codecs.encode(text, "latin1"), by which Python 3 gives bytes to Python 2."""
    text, encoding = call.arguments
    if not isinstance(text, str) or _text(encoding) != "latin1":
        raise Refused("it encodes what is no text in latin1")
    return text.encode("latin1")


def _no_bytes(call: _Call) -> bytes:
    if call.arguments:
        raise Refused("it makes bytes of something")
    return b""


def _refused(_: _Call) -> Any:
    raise Refused("it holds a dtype itself")


def _text(value: Any) -> str:
    return value.decode("latin1") if isinstance(value, bytes) else str(value)


_NDARRAY, _DTYPE = _Name("numpy", "ndarray"), _Name("numpy", "dtype")
_CALLS: dict[_Name, Callable[[_Call], Any]] = {
    _DTYPE: _refused,
    _Name("_codecs", "encode"): _bytes,
    _Name("__builtin__", "bytes"): _no_bytes,
    # NumPy 2 has moved them
    _Name("numpy.core.multiarray", "_reconstruct"): _array,
    _Name("numpy._core.multiarray", "_reconstruct"): _array,
    _Name("numpy.core.numeric", "_frombuffer"): _array_of_buffer,
    _Name("numpy._core.numeric", "_frombuffer"): _array_of_buffer,
}


def _given(argument: Any) -> Any:
    return argument


def _old_text(argument: str) -> bytes:
    """Texts of Python 2, which the standard library shows as Latin-1."""
    return argument.encode("latin1")


_VALUES: dict[str, Callable[[Any], Any]] = {
    "NONE": lambda _: None,
    "NEWTRUE": lambda _: True,
    "NEWFALSE": lambda _: False,
    "EMPTY_LIST": lambda _: [],
    "EMPTY_DICT": lambda _: {},
    "EMPTY_TUPLE": lambda _: (),
    **dict.fromkeys(("BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT"), _given),
    **dict.fromkeys(("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"), _given),
    **dict.fromkeys(("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"), bytes),
    **dict.fromkeys(("BINSTRING", "SHORT_BINSTRING"), _old_text),
}
_ACTIONS: dict[str, Callable[[_Machine, Any], None]] = {
    "MARK": _Machine.mark,
    **dict.fromkeys(("BINPUT", "LONG_BINPUT", "MEMOIZE"), _Machine.put),
    **dict.fromkeys(("BINGET", "LONG_BINGET"), _Machine.get),
    "TUPLE": _Machine.tuple_since_mark,
    "TUPLE1": lambda machine, _: machine.tuple_of(1),
    "TUPLE2": lambda machine, _: machine.tuple_of(2),
    "TUPLE3": lambda machine, _: machine.tuple_of(3),
    "APPEND": _Machine.append,
    "APPENDS": _Machine.extend,
    "SETITEM": _Machine.set_item,
    "SETITEMS": _Machine.set_items,
    "GLOBAL": _Machine.name,
    "STACK_GLOBAL": _Machine.stack_name,
    "REDUCE": _Machine.call,
    "BUILD": _Machine.build,
}
