"""Whether a text is a net or a solver: its fields decide."""

from pathlib import Path

from google.protobuf.message import Message

from catdog.errors import Fault, SpecError
from catdog.proto.caffe_pb2 import DatasetParameter, NetParameter, SolverParameter
from catdog.spec.tree import Block

_NAMES: dict[type[Message], str] = {
    NetParameter: "a net",
    SolverParameter: "a solver",
    DatasetParameter: "a dataset's record",
}


class OtherKind(SpecError):
    """The text is that of a net where a solver is wanted, or the like."""


def check_kind(tree: Block, wanted: Message, path: Path) -> None:
    """Raise OtherKind where the fields of a text are more those of another message."""
    likeliest = max(_NAMES, key=lambda kind: (_known(tree, kind), kind is type(wanted)))
    if type(wanted) in _NAMES and likeliest is not type(wanted):
        what = f"is {_NAMES[likeliest]}, not {_NAMES[type(wanted)]}"
        raise OtherKind([Fault(what, _remedy(tree, wanted, path), str(path))])


def _known(tree: Block, kind: type[Message]) -> int:
    return sum(entry.key in kind.DESCRIPTOR.fields_by_name for entry in tree.entries)


def _remedy(tree: Block, wanted: Message, path: Path) -> str:
    if isinstance(wanted, SolverParameter):
        return f"name a solver, which names its net: `net: {path}`"
    net = tree.text("net") or tree.text("train_net")
    return f"its net is {net}" if net else "name another file"
