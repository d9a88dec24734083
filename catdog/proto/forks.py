"""What is still open of a net from a fork's file, and the fork that settles it."""

from catdog.errors import CatdogError, some_of
from catdog.proto.caffe_pb2 import NetParameter
from catdog.proto.fork_reading import ForkedNet, has_open, read_forked
from catdog.proto.fork_table import fork_named
from catdog.proto.fork_writing import write_forked

#: Forks that are named of those that read a field alike.
_SHOWN = 3


def settled(net: NetParameter, fork: str = "") -> NetParameter:
    """The net with every field in one meaning: the same, or with a fork a new one.

    `fork` says what the fields alone leave open, and whose numbers are written. Raises CatdogError
    where something stays open, and for a fork that is not known.
    """
    named = [fork_named(fork)] if fork else []
    if not named and not has_open(memoryview(net.SerializePartialToString())):
        return net
    found = read_forked(write_forked(net), named)
    check_settled(found)
    if named and not found.net.fork:
        found.net.fork = named[0]
    return found.net


def check_settled(found: ForkedNet) -> None:
    """Raise CatdogError where fields may mean one thing in one fork and another in others."""
    if not found.open:
        return
    first, *others = found.open
    more = f" (and {len(others)} fields more)" if others else ""
    meant = [
        f"{reading} in {some_of(having, _SHOWN)}" for reading, having in first.readings.items()
    ]
    (usual, *_), *_ = first.readings.values()
    raise CatdogError(
        f"field {first.number} of {first.message} is {', '.join(meant[:-1])} or {meant[-1]}{more}",
        where=f'layer "{first.layer}"',
        remedy=f"say whose file it is: --fork {usual}",
    )
