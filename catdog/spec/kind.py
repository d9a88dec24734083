"""Read a spec that may be a net or a solver: its fields decide."""

from pathlib import Path

from catdog.errors import SpecError
from catdog.proto.caffe_pb2 import NetParameter, SolverParameter
from catdog.spec.read import Spec, read_net, read_solver


def read_spec(path: str | Path) -> Spec[NetParameter] | Spec[SolverParameter]:
    """A net or a solver, as `read_net` or `read_solver` read it.

    A text with faults is what it has fewer of; those are raised.
    """
    try:
        return read_net(path)
    except SpecError as as_net:
        try:
            return read_solver(path)
        except SpecError as as_solver:
            raise min(as_net, as_solver, key=lambda error: len(error.faults)) from None
