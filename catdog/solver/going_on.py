"""What a run that goes on from a snapshot has otherwise than the run that wrote it."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from catdog.errors import WeightsError
from catdog.proto.caffe_pb2 import FedData, FeedState, RunState, SolverParameter
from catdog.solver.updates import UPDATES


def check_type(run: RunState, param: SolverParameter) -> None:
    """Raise WeightsError for a state whose history means something else to this solver's type."""
    if not run.type or run.type not in UPDATES:
        return
    theirs, mine = UPDATES[run.type], UPDATES[param.type]
    if theirs.keeps != mine.keeps:
        raise WeightsError(
            f"is the state of a solver of type {run.type}, which keeps {theirs.keeps}; "
            f"{param.type} keeps {mine.keeps}",
            remedy=f"go on with --set type={run.type}, or begin anew from its weights: --weights",
        )


def differences(
    run: RunState,
    history: Sequence[NDArray[np.float32]],
    param: SolverParameter,
    feeds: Iterable[tuple[FeedState, Sequence[FedData]]],
) -> str:
    """A warning, or nothing: type, iter_size, data and batch_size that are not the snapshot's.

    `feeds` are the states of the feeds with what they read now.
    """
    found = [*_of_solver(run, history, param)]
    for state, data in feeds:
        named = {each.layer: each for each in state.data}
        for now in data:
            found += _of_data(named.get(now.layer, now), now)
    return f"not as in the snapshot: {'; '.join(found)}" if found else ""


def _of_solver(
    run: RunState, history: Sequence[NDArray[np.float32]], param: SolverParameter
) -> Iterator[str]:
    if run.type and run.type != param.type:
        yield f"type was {run.type} and is {param.type}"
    if not run.type and not UPDATES[param.type].squares and _no_momentum(history):
        yield (
            f"its history has no number below 0, as that of AdaGrad or RMSProp and not of "
            f"{param.type}"
        )
    if run.HasField("iter_size") and run.iter_size != param.iter_size:
        yield f"iter_size was {run.iter_size} and is {param.iter_size}"


def _no_momentum(history: Sequence[NDArray[np.float32]]) -> bool:
    """Whether numbers that should go both ways are all 0 or more."""
    return any(blob.any() for blob in history) and all((blob >= 0).all() for blob in history)


def _of_data(before: FedData, now: FedData) -> Iterator[str]:
    layer = f'layer "{now.layer}"'
    if (before.source, before.size) != (now.source, now.size):
        yield f"{layer} read {_words(before)} and reads {_words(now)}"
    if before.batch_size != now.batch_size:
        yield f"{layer} had batch_size {before.batch_size} and has {now.batch_size}"


def _words(data: FedData) -> str:
    source = data.source or "its data"
    return f"{source} ({data.size:,} examples)" if data.HasField("size") else source
