"""Nets and solvers in serialised form, of BVLC Caffe or a fork."""

from dataclasses import dataclass, field
from pathlib import Path

from google.protobuf.message import DecodeError

from catdog.errors import CatdogError
from catdog.proto.caffe_pb2 import NetParameter, SolverParameter
from catdog.proto.fork_reading import ForkedNet, read_forked
from catdog.proto.fork_writing import write_forked
from catdog.proto.forks import check_settled
from catdog.proto.parse import NotUTF8, parse
from catdog.spec.upgrade import needs_upgrade, upgrade_net, upgrade_solver

#: What a snapshot carries beside the net, which is no text.
_CARRIED = ("dataset", "mean", "deploy", "fork")


@dataclass(frozen=True)
class BinarySpec:
    """A serialised net or solver: its bytes, what they say, and of a net what its fork says.

    Args:
        fork: the fork that the user names, or "".
    """

    path: Path
    content: bytes
    message: NetParameter | SolverParameter
    fork: str = ""
    found: ForkedNet = field(default_factory=lambda: ForkedNet(NetParameter()))

    def for_text(self) -> NetParameter | SolverParameter:
        """The net without its parameters, or the solver; upgraded.

        Raises CatdogError where fields of the net may mean one thing or another.
        """
        if isinstance(self.message, SolverParameter):
            return upgrade_solver(self.message)
        try:
            check_settled(self.found)
        except CatdogError as error:
            error.where = f"{self.path}: {error.where}"
            raise
        net = upgrade_net(self.message)
        for layer in net.layer:
            del layer.blobs[:]
        for carried in _CARRIED:
            net.ClearField(carried)
        return net

    def upgraded(self) -> bytes:
        """The same in the present form, serialised; to the byte where it has that form already."""
        if isinstance(self.message, SolverParameter):
            return serialized(upgrade_solver(self.message))
        if not self.fork and not needs_upgrade(self.message):
            return self.content
        return serialized(upgrade_net(self.message))

    def left_out(self) -> list[str]:
        """The fields that the text does not have: of forks, and those that nobody knows."""
        return [
            f"{name} ({', '.join(forks[:2])})" if forks else name
            for name, forks in self.found.kept.items()
        ]


def serialized(message: NetParameter | SolverParameter, fork: str = "") -> bytes:
    """A net, in the field numbers of its fork, or a solver, as bytes."""
    if isinstance(message, SolverParameter):
        return message.SerializeToString(deterministic=True)
    if fork:
        message.fork = fork
    return write_forked(message)


def read_binary(path: Path, fork: str = "") -> BinarySpec:
    """A net or a solver: what has layers is a net, though both may read the same.

    `fork` settles what the fields of a net leave open. Raises CatdogError for other bytes.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CatdogError(str(error.strerror), where=str(path)) from None
    try:
        found = _net(content, fork)
        if found and (found.net.layer or found.net.layers):
            return BinarySpec(path, content, found.net, fork, found)
        return BinarySpec(path, content, parse(SolverParameter, content), fork)
    except NotUTF8 as error:
        raise CatdogError(str(error), where=str(path), remedy="get the file again") from error
    except DecodeError:
        raise CatdogError("is no net and no solver, or a damaged one", where=str(path)) from None


def _net(content: bytes, fork: str) -> ForkedNet | None:
    try:
        found = read_forked(content, [fork] if fork else [])
    except NotUTF8:
        raise
    except DecodeError:
        return None
    if fork and not found.net.fork:
        found.net.fork = fork
    return found
