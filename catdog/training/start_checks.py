"""What keeps a training from starting: asked by its start, and by `check` without numbers."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from catdog.data.feed import check_one_pass
from catdog.data.sources import Source
from catdog.errors import Fault, SpecError
from catdog.net.freezing import parameter_faults
from catdog.net.net import Net
from catdog.net.resolved import ResolvedNet
from catdog.proto.caffe_pb2 import TRAIN, SolverParameter
from catdog.solver.faults import solver_faults
from catdog.spec import Spec
from catdog.spec.solver_nets import net_faults
from catdog.training.epochs import epoch_faults, stand_in
from catdog.training.label_checks import label_faults


def start_faults(solver: SolverParameter) -> Iterator[Fault]:
    """Everything in a solver that keeps it from training, whatever its nets are."""
    yield from epoch_faults(solver)
    solver = stand_in(solver)
    yield from solver_faults(solver)
    yield from net_faults(solver)
    if not solver.HasField("max_iter"):
        yield Fault(
            "max_iter is missing", remedy="write how many iterations to train, or max_epoch"
        )
    yield from _prefix_faults(solver.snapshot_prefix)


def _prefix_faults(prefix: str) -> Iterator[Fault]:
    """A place where no snapshot can be written."""
    there = next((folder for folder in Path(prefix).parents if folder.exists()), Path())
    if not there.is_dir():
        what = f"no snapshots can be written to {prefix}: {there} is a file"
        yield Fault(what, "name another snapshot_prefix", field="snapshot_prefix")
    elif not os.access(there, os.W_OK | os.X_OK):
        what = f"no snapshots can be written to {prefix}: {there} is not writable"
        yield Fault(what, "name another snapshot_prefix", field="snapshot_prefix")


def check_net(
    solver: Spec[SolverParameter], resolved: ResolvedNet, net: Net, sources: Sequence[Source]
) -> None:
    """Check a net of a solver with its data, as far as these are there.

    Raises SpecError, LayerError and DataError, with places, for what cannot be frozen, for labels
    beyond the classes, and for test data without an end where the solver does not say how much.
    """
    if resolved.state.phase == TRAIN:
        with solver.located():
            raise_any(parameter_faults(net, resolved.freeze))
    with resolved.located():
        raise_any(label_faults(net, sources))
        if resolved.state.phase != TRAIN and resolved.iterations is None:
            raise_any(_endless(sources))
            check_one_pass(sources)


def _endless(sources: Sequence[Source]) -> Iterator[Fault]:
    for source in sources:
        if source.size is None:
            what = f"({source.layer.type}) has no end, so no test can see all of it"
            yield Fault(what, "give test_iter in the solver", layer=source.name, field="type")


def unfed(resolved: ResolvedNet) -> list[str]:
    """A line for each layer of a net that gets its data from a script alone."""
    return [
        f'layer "{layer.name}" ({layer.type}) has no data of its own: only a script that fills it '
        "can train or test this net"
        for layer in resolved.running.layer
        if layer.type in ("Input", "MemoryData")
    ]


def raise_any(faults: Iterable[Fault]) -> None:
    """Raise SpecError where there are faults."""
    if found := list(faults):
        raise SpecError(found)
