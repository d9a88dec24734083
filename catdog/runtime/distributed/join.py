"""How a process that torchrun started finds the others, and how all of them end together."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist
from torch.distributed import PrefixStore  # type: ignore[attr-defined]
from torch.distributed.rendezvous import rendezvous

from catdog.errors import CatdogError
from catdog.runtime.distributed.group import ALONE, Group, Members
from catdog.runtime.distributed.start import name_of_start

#: How long a process waits for the others before it takes them for lost.
TIMEOUT = timedelta(minutes=10)
_GOING_ON = "--snapshot auto goes on from the newest snapshot"
_VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
# gloo raises plain RuntimeErrors; what to say of them
_LOST = {
    "closed by peer": "one has ended",
    "reset by peer": "one has ended",
    "imed out": "they do not answer",
    "NCCL": "NCCL says more above",
    "gloo": "the connection broke",
}


class ToldElsewhere(CatdogError):
    """Another process reports why the job failed: this one ends silently."""

    def __init__(self) -> None:
        super().__init__("")


def is_member() -> bool:
    """Whether torchrun, or something like it, started this process as one of several."""
    return all(name in os.environ for name in _VARIABLES) and int(os.environ["WORLD_SIZE"]) > 1


@contextmanager
def joined(timeout: timedelta = TIMEOUT, going_on: str = _GOING_ON) -> Iterator[Group]:
    """The group of this process, ALONE where nothing says that there are others.

    Inside, an error of one process ends all, and is told once: it is raised in the process that
    is the first to fail; in the others a ToldElsewhere is. Raises CatdogError where the others
    are lost, with how to go on then.
    """
    if not is_member():
        yield ALONE
        return
    group = _join(timeout, going_on)
    try:
        yield group
    except (Exception, KeyboardInterrupt) as error:
        if not group.speaks():
            raise ToldElsewhere from error
        if _is_loss(error):
            raise _lost(error, going_on) from error
        raise
    dist.destroy_process_group()


def _join(timeout: timedelta, going_on: str) -> Members:
    several = torch.cuda.is_available() and dist.is_nccl_available()
    try:
        store, rank, world = next(iter(rendezvous("env://", timeout=timeout)))
        store = PrefixStore(name_of_start(store, rank, world, timeout), store)
        dist.init_process_group(
            # what the processes agree on goes past the GPUs
            "cpu:gloo,cuda:nccl" if several else "gloo",
            store=PrefixStore("group", store),
            rank=rank,
            world_size=world,
            timeout=timeout,
        )
    except RuntimeError as error:
        raise _lost(error, going_on) from error
    local_world = int(os.environ.get("LOCAL_WORLD_SIZE", world))
    local_rank, failed = int(os.environ["LOCAL_RANK"]), PrefixStore("failed", store)

    def claim() -> bool:
        first: bool = failed.add("speakers", 1) == 1
        return first

    return Members(rank, world, local_rank, local_world, claim)


def _is_loss(error: BaseException) -> bool:
    if isinstance(error, dist.DistError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in _LOST)


def _lost(error: BaseException, going_on: str) -> CatdogError:
    text = str(error)
    reason = next((reason for sign, reason in _LOST.items() if sign in text), text.split("\n")[0])
    return CatdogError(
        f"lost the other processes ({reason})",
        remedy=f"see what ended them; {going_on}",
    )
