"""max_epoch and test_epoch of a solver as iterations: how many examples it trains on, how fast."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from fractions import Fraction
from math import ceil
from typing import NamedTuple

from catdog.data.sources import SOURCES, Context, open_source
from catdog.errors import CatdogError, Fault, SpecError
from catdog.net.resolved import ResolvedNet
from catdog.proto.caffe_pb2 import TRAIN, SolverParameter
from catdog.spec import Spec

#: What is given in iterations, and the same in epochs.
FIELDS = {"max_iter": "max_epoch", "test_interval": "test_epoch"}
#: The largest int32, which max_iter is.
_MOST = 2**31 - 1
_REMEDY = "write max_iter and test_interval"


class Epoch(NamedTuple):
    """Examples of one pass, and of one iteration of all processes."""

    examples: int
    batch: int

    def iterations(self, epochs: float) -> int:
        """The iterations that so many passes take, rounded up; 1 or more."""
        # a float32 has no more digits than these: 0.1 is no more than a tenth
        return max(1, ceil(Fraction(f"{epochs:.7g}") * self.examples / self.batch))


def in_epochs(solver: SolverParameter) -> bool:
    """Whether a solver has numbers that only its data make iterations of."""
    return any(solver.HasField(field) for field in FIELDS.values())


def epoch_faults(solver: SolverParameter) -> Iterator[Fault]:
    """What is wrong with a solver's epochs before the data are looked at."""
    for iterations, epochs in FIELDS.items():
        if not solver.HasField(epochs):
            continue
        if solver.HasField(iterations):
            what = f"{iterations} and {epochs} are both given"
            yield Fault(what, "leave one of them out", field=epochs)
        if not 0 < getattr(solver, epochs) < float("inf"):
            what = f"{epochs} must be a number above 0, not {getattr(solver, epochs):g}"
            yield Fault(what, field=epochs)


def stand_in(solver: SolverParameter) -> SolverParameter:
    """A copy of a solver with 1 iteration for its epochs, to be checked before the data are."""
    return _with(solver, dict.fromkeys(FIELDS, 1))


def in_iterations(
    spec: Spec[SolverParameter], trained: ResolvedNet, world: int = 1
) -> Spec[SolverParameter]:
    """The solver with max_iter and test_interval for its epochs, of so many processes.

    Raises as `epoch_of`.
    """
    if not in_epochs(spec.message):
        return spec
    solver = spec.message
    epoch = epoch_of(trained, solver.iter_size * world)
    numbers = {
        iterations: epoch.iterations(getattr(solver, epochs))
        for iterations, epochs in FIELDS.items()
        if solver.HasField(epochs)
    }
    with spec.located():
        if large := [FIELDS[name] for name, number in numbers.items() if number > _MOST]:
            raise SpecError([Fault("is more iterations than can be counted", field=large[0])])
    return spec.of(_with(solver, numbers))


def epoch_of(trained: ResolvedNet, batches: int = 1) -> Epoch:
    """One pass over the data of a net that is trained on so many batches in each iteration.

    Raises CatdogError where it has no data, or these are not there, have no end or are not equally
    many for all data layers.
    """
    if not trained.data_layers:
        where = str(trained.spec.path)
        what = "has no data layer in the TRAIN phase, so there are no epochs"
        raise CatdogError(what, where=where, remedy=_REMEDY)
    context = Context(TRAIN, locate=trained.locate)
    with trained.located(), ExitStack() as stack:
        size = 0
        for layer in trained.data_layers:
            source = stack.enter_context(closing(open_source(layer, context)))
            if source.size is None:
                raise source.error("has no end, so there are no epochs", remedy=_REMEDY)
            size = size or source.size
            if source.size != size:
                what = f"has {source.size} examples and the data layer before it another number"
                raise source.error(f"{what}, so there are no epochs", remedy=_REMEDY)
        batch = source.shapes[source.tops[0]][0]
    return Epoch(size, batch * max(1, batches))


def batch_fields(trained: ResolvedNet) -> list[str]:
    """LAYER.MESSAGE.batch_size of each data layer of a net that has one.

    Raises CatdogError where none has.
    """
    found = []
    for layer in trained.data_layers:
        name = SOURCES[layer.type].messages[0]
        if "batch_size" in getattr(layer, name).DESCRIPTOR.fields_by_name:
            found.append(f"{layer.name}.{name}.batch_size")
    if not found:
        where = str(trained.spec.path)
        raise CatdogError("has no data layer with a batch_size in the TRAIN phase", where=where)
    return found


def _with(solver: SolverParameter, numbers: dict[str, int]) -> SolverParameter:
    """A copy of a solver with these iterations in place of its epochs."""
    copy = SolverParameter()
    copy.CopyFrom(solver)
    for iterations, epochs in FIELDS.items():
        if copy.HasField(epochs):
            copy.ClearField(epochs)
            setattr(copy, iterations, numbers[iterations])
    return copy
