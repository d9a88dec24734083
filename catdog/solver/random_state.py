"""Random states of all processes, for a resume that equals going on."""

from collections.abc import Iterable, Sequence

import torch

from catdog.errors import WeightsError
from catdog.proto.caffe_pb2 import GeneratorState, ProcessState, RunState
from catdog.runtime.distributed.group import Group
from catdog.runtime.randomness import Randomness


def states(randomness: Randomness, group: Group) -> tuple[list[GeneratorState], list[ProcessState]]:
    """The generators of rank 0 and those of the other processes, for all to have."""
    mine = ProcessState(
        generator=[GeneratorState(device=d, state=s) for d, s in randomness.state().items()]
    )
    first, *others = map(ProcessState.FromString, group.gather(mine.SerializeToString()))
    return list(first.generator), others


def restore(run: RunState, randomness: Randomness, group: Group, device: torch.device) -> str:
    """Put this process's generators where they stood; gives a warning or nothing.

    Where the snapshot is of another number of processes, those it does not know get new numbers.
    Raises WeightsError for a state that is none.
    """
    known: Sequence[Iterable[GeneratorState]] = [
        run.generator,
        *(process.generator for process in run.process),
    ]
    if group.rank < len(known):
        try:
            randomness.load_state(dict(_here(known[group.rank], device)))
        except (RuntimeError, ValueError, TypeError) as error:  # torch has no error of its own
            what = "the state of its random numbers is damaged"
            raise WeightsError(what, remedy="take another snapshot") from error
    if len(known) == group.world or not run.generator:
        return ""
    return (
        f"the snapshot is of {_processes(len(known))}, this is a training in "
        f"{_processes(group.world)}: it goes on at the same place in the data, with "
        f"{group.world} batches in each iteration instead of {len(known)}"
    )


def _here(
    generators: Iterable[GeneratorState], device: torch.device
) -> Iterable[tuple[str, bytes]]:
    """The states by devices that are here: a GPU is this process's, whatever its number was.

    A run may go on on a machine without the GPU that it began on.
    """
    for each in generators:
        kind = torch.device(each.device).type
        if kind == "cpu":
            yield each.device, each.state
        elif kind == device.type:
            yield str(device), each.state


def _processes(count: int) -> str:
    return "1 process" if count == 1 else f"{count} processes"
