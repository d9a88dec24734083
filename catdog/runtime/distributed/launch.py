"""Starts several processes of a tool on this machine, by the engine of torchrun."""

import logging
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from uuid import uuid4

from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from catdog.errors import CatdogError, Diverged
from catdog.runtime.distributed.join import ToldElsewhere
from catdog.runtime.parallel import cores

_HANDED_ON = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)


def launch(tool: str, words: Sequence[str], count: int) -> list[int]:
    """Run a tool with these arguments in so many processes; gives the signals that came.

    Those that stop or snapshot are handed on; they agree on what to do. Raises
    ToldElsewhere where they failed and said why, KeyboardInterrupt where a second Ctrl-C ended
    them, CatdogError where one of them was killed.
    """
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=count,
        run_id=uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        local_addr="localhost",
        max_restarts=0,
        # those that this one hands on are not for torch's launcher
        signals_to_handle="SIGQUIT",
    )
    # torch's threads of one process would fight with those of the others
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores() // count)))
    # the process that failed has reported it; torch's launcher would do so again
    logging.disable(logging.ERROR)
    command = ("-m", f"catdog.tools.{tool}", *words)
    with _handing_on() as received:
        try:
            elastic_launch(config, sys.executable)(*command)
        except ChildFailedError as error:
            raise _failure(error, interrupts=received.count(signal.SIGINT)) from error
        except SignalException as error:
            raise CatdogError(f"ended by {error.sigval.name}") from error
        return received


def _failure(error: ChildFailedError, *, interrupts: int) -> BaseException:
    rank, first = error.get_first_failure()
    if interrupts > 1:
        return KeyboardInterrupt()
    if first.exitcode > 0:
        told = ToldElsewhere()
        codes = [failure.exitcode for failure in error.failures.values()]
        # one process says what all of them end with
        told.code = Diverged.code if Diverged.code in codes else told.code
        return told
    return CatdogError(
        f"process {rank} was ended by {signal.Signals(-first.exitcode).name}",
        remedy="--snapshot auto goes on from the newest snapshot",
    )


@contextmanager
def _handing_on() -> Iterator[list[int]]:
    """Send signals on to the processes started by this one; gives those that came."""
    received: list[int] = []

    def hand_on(number: int, _: FrameType | None) -> None:
        received.append(number)
        children = _children()
        if not children and number == signal.SIGINT:
            raise KeyboardInterrupt
        # one asks for a snapshot, and all take part; two that ask late would write two
        for child in children[:1] if number == signal.SIGHUP else children:
            os.kill(child, number)

    before = {number: signal.signal(number, hand_on) for number in _HANDED_ON}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _children() -> list[int]:
    """The processes that this one has started, where the system lists them."""
    lists = Path("/proc/self/task").glob("*/children")
    return [int(word) for each in lists for word in each.read_text().split()]
