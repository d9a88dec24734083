"""Nets and solvers from files: YAML or prototxt to a message that knows its places."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Generic, TypeVar

from google.protobuf import text_format
from google.protobuf.message import Message

from catdog.errors import CatdogError, Fault, LayerError, SpecError
from catdog.proto.caffe_pb2 import NetParameter, SolverParameter
from catdog.runtime.patterns import is_there
from catdog.spec import prototxt_tree, yaml_tree
from catdog.spec.check import Checker
from catdog.spec.kind import OtherKind, check_kind
from catdog.spec.shipped import NETS, SOLVERS, find_net, find_solver, find_spec, no_such_spec
from catdog.spec.tree import Block, Place
from catdog.spec.upgrade import upgrade_net, upgrade_solver

M = TypeVar("M", bound=Message)

_YAML = (".yaml", ".yml")
#: Which of those that ship a message may be.
_KINDS: dict[type[Message], tuple[str]] = {NetParameter: (NETS,), SolverParameter: (SOLVERS,)}


@dataclass(frozen=True)
class Spec(Generic[M]):
    """A message, the file it came from and where each thing stands in it."""

    message: M
    path: Path
    tree: Block = field(repr=False, default_factory=lambda: Block(Place(1, 1)))
    #: Where a field of a layer (its name, or nothing) was given that does not stand in the text.
    given: Mapping[tuple[str, str], str] = field(repr=False, default_factory=dict)

    def of(self, message: M, given: Mapping[tuple[str, str], str] | None = None) -> "Spec[M]":
        """Another message at the places of the same text, and what was `given` beside that."""
        return replace(self, message=message, given={**self.given, **(given or {})})

    def locate(self, name: str) -> Path:
        """A path in the spec: from the working directory or, failing that, the spec's folder.

        It may be a pattern of names.
        """
        here = Path(name).expanduser()
        beside = self.path.parent / here
        return here if here.is_absolute() or is_there(here) or not is_there(beside) else beside

    def where(self, layer: str = "", key: str = "", nth: int = 0) -> str:
        """`file:line:column` of a layer, or of one of its fields, or of a field of the file.

        Of several layers of this name the nth, from 0, is meant. A field that was given on the
        command line has no place in the text: the option is named.
        """
        if (layer, key) in self.given:
            return self.given[layer, key]
        block = self.tree if not layer else self._layer(layer, nth)
        place = (block.find(key) if key else None) or block.place
        return f"{self.path}:{place}"

    def layer_at(self, line: int, column: int) -> str:
        """The name of the layer in whose text a place lies; nothing before the first."""
        blocks = [*self.tree.blocks("layer"), *self.tree.blocks("layers")]
        before = [block for block in blocks if block.place <= (line, column)]
        return before[-1].text("name") if before else ""

    def _layer(self, name: str, nth: int) -> Block:
        blocks = [*self.tree.blocks("layer"), *self.tree.blocks("layers")]
        named = [block for block in blocks if block.text("name") == name]
        return named[min(nth, len(named) - 1)] if named else self.tree

    @contextmanager
    def located(self, nth: Callable[[str], int] = lambda _: 0) -> Iterator[None]:
        """Give faults that are found while the message is used their place in the text.

        `nth` tells which of several layers of a name is used.
        """
        try:
            yield
        except SpecError as error:
            faults = error.faults
            raise SpecError(
                each
                if each.where
                else replace(each, where=self.where(each.layer, each.field, nth(each.layer)))
                for each in faults
            ) from None
        except LayerError as error:
            if error.layer and not error.located:
                where = self.where(error.layer, error.field, nth(error.layer))
                error.where = f"{where}: {error.where}"
                error.located = True
            elif not error.where:
                # a layer without a name
                error.where = str(self.path)
            raise


def read_net(path: str | Path, faults: list[Fault] | None = None) -> Spec[NetParameter]:
    """A net from a .yaml or .prototxt file, upgraded from older forms.

    A name such as `deep64` is looked for as `find_net` says. Raises SpecError with all faults of
    the file, OtherKind for a solver, CatdogError where there is no such file. Where a list is
    given, faults of the text go there, and what has none is read.
    """
    path = find_net(path)
    return net_of_text(_read_text(path, (NETS,)), path, faults)


def read_solver(path: str | Path, faults: list[Fault] | None = None) -> Spec[SolverParameter]:
    """A solver from a .yaml or .prototxt file; as `read_net`."""
    path = find_solver(path)
    return solver_of_text(_read_text(path, (SOLVERS,)), path, faults)


def net_of_text(text: str, path: Path, faults: list[Fault] | None = None) -> Spec[NetParameter]:
    """A net from a text that a file of this path has or will have; faults as `read_net`."""
    spec = _of_text(text, path, NetParameter(), faults)
    with spec.located():
        return Spec(upgrade_net(spec.message), spec.path, spec.tree)


def solver_of_text(
    text: str, path: Path, faults: list[Fault] | None = None
) -> Spec[SolverParameter]:
    """A solver from a text; as `net_of_text`."""
    spec = _of_text(text, path, SolverParameter(), faults)
    with spec.located():
        return Spec(upgrade_solver(spec.message), spec.path, spec.tree)


def read_spec(
    path: str | Path, faults: list[Fault] | None = None
) -> Spec[NetParameter] | Spec[SolverParameter]:
    """A net or a solver, as `read_net` or `read_solver` read it."""
    path = find_spec(path)
    if not path.exists():
        raise no_such_spec(path, NETS, SOLVERS)
    try:
        return read_net(path, faults)
    except OtherKind:
        return read_solver(path, faults)


def read_message(path: str | Path, message: M, faults: list[Fault] | None = None) -> Spec[M]:
    """Any message from a file, as it stands there; as `read_net`."""
    path = Path(path)
    return _of_text(_read_text(path, _KINDS.get(type(message), ())), path, message, faults)


def _of_text(text: str, path: Path, message: M, faults: list[Fault] | None) -> Spec[M]:
    """A message from the text of a file, whose ending says what it is written in."""
    parse = parse_yaml if path.suffix in _YAML else parse_prototxt
    found: list[Fault] = []
    tree = parse(text, message, str(path), found)
    if found:
        check_kind(tree, message, path)
    _tell(found, faults)
    return Spec(message, path, tree)


def parse_yaml(text: str, message: M, name: str, faults: list[Fault] | None = None) -> Block:
    """Fill a message from YAML; gives the tree.

    Raises SpecError with every fault, or puts them into the list.
    """
    tree, found = yaml_tree.parse(text, name)
    checker = Checker(name)
    checker.fill(message, tree)
    _tell([*found, *checker.found], faults)
    return tree


def parse_prototxt(text: str, message: M, name: str, faults: list[Fault] | None = None) -> Block:
    """Fill a message from prototxt; gives the tree, and faults as `parse_yaml`."""
    tree = prototxt_tree.parse(text, name)
    try:
        text_format.Parse(text, message)
    except text_format.ParseError as error:
        message.Clear()
        checker = Checker(name, prototxt=True)
        checker.fill(message, tree)
        what = str(error).split(" : ", 1)[-1]
        where = f"{name}:{error.GetLine()}:{error.GetColumn()}"
        _tell(checker.found or [Fault(what, where=where)], faults)
    return tree


def override(message: M, assignments: Sequence[str], within: str = "") -> M:
    """A copy with `FIELD=VALUE` set, VALUE as in YAML; FIELD may be `message.field`.

    A repeated field is replaced. Raises SpecError for a field or value that does not fit; it shows
    what was written before FIELD, `within`, too.
    """
    changed = type(message)()
    changed.CopyFrom(message)
    for assignment in assignments:
        field_name, sign, value = assignment.partition("=")
        if not sign or not field_name.strip():
            raise CatdogError(f'"{assignment}" is no FIELD=VALUE', where="--set")
        keys = field_name.strip().split(".")
        text = "".join(f"{'  ' * i}{key}:\n" for i, key in enumerate(keys))
        given = type(message)()
        try:
            parse_yaml(f"{text.rstrip()} {value}\n", given, "--set")
        except SpecError as error:
            # lines and columns would be those of a text that nobody wrote
            where = f"--set {within}{assignment}"
            raise SpecError(replace(fault, where=where) for fault in error.faults) from None
        _clear(changed, keys)
        changed.MergeFrom(given)
    return changed


def _clear(message: Message, keys: Sequence[str]) -> None:
    """Clear the field at the end of a path of fields."""
    for key in keys[:-1]:
        message = getattr(message, key)
    message.ClearField(keys[-1])


def _tell(found: Sequence[Fault], faults: list[Fault] | None) -> None:
    """Raise what was found, in the order of the text, or add it to the faults."""
    ordered = sorted(found, key=_order)
    if faults is None and ordered:
        raise SpecError(ordered)
    if faults is not None:
        faults += ordered


def _order(fault: Fault) -> tuple[int, int]:
    line, column = fault.where.rsplit(":", 2)[-2:]
    return int(line), int(column)


def _read_text(path: Path, kinds: Sequence[str]) -> str:
    try:
        # -sig: Windows editors put a byte order mark before the text
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise no_such_spec(path, *kinds) from None
    except IsADirectoryError:
        raise CatdogError("is a folder", where=str(path), remedy="name a file in it") from None
    except UnicodeDecodeError:
        raise CatdogError(
            "is not text",
            where=str(path),
            remedy="a spec is .yaml or .prototxt; of a .caffemodel, which goes to --weights of "
            "other tools, convert.py writes the net as text",
        ) from None
    except OSError as error:
        raise CatdogError(str(error.strerror), where=str(path)) from None
