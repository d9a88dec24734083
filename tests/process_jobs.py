"""Trainings in two processes, as torchrun starts them, and tools in processes of their own.

All are forks of one process that has torch loaded, which takes longer than the trainings.
A job is `{"overrides": [...], "options": {...}, "killed_at": iteration}`; killed is rank 1, or a
machine, at the first try.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from typing import Any
from uuid import uuid4

import torch
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from catdog.cli.main import Main, run_tool
from catdog.runtime.distributed.group import Group
from catdog.runtime.distributed.join import joined
from catdog.training.options import Options
from catdog.training.train import train

Job = dict[str, Any]
#: A tool that takes longer is ended.
SECONDS = 600


def with_torch() -> ForkServerContext:
    """Where processes start as forks of one that has this module loaded."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    # now, whatever signals the caller blocks later
    forkserver.ensure_running()
    return context


def in_two_processes(jobs: Sequence[Job]) -> None:
    """Run trainings one after the other; a process that is killed is started again, once."""
    _launched(1, _run, jobs)


def a_tool_in_two_processes(main: Main, words: Sequence[str]) -> None:
    """Run a tool as torchrun does. Raises ChildFailedError where a process does not end well."""
    _launched(0, run_tool, main, words)


def _launched(restarts: int, work: Callable[..., None], *given: object) -> None:
    with_torch()
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=2,
        run_id=uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        local_addr="localhost",
        max_restarts=restarts,
        start_method="forkserver",
    )
    elastic_launch(config, work)(*given)


def agent(job: Job, port: int, *, hosts: bool = False) -> BaseProcess:
    """One of two machines that train together, as far as processes go: torchrun with one worker.

    They find each other at a port of the one that hosts. Where the job has `killed_at`, both
    processes of the machine end, as where it loses its power.
    """
    process = with_torch().Process(target=_agent, args=(job, port, hosts))
    process.start()
    return process


def _agent(job: Job, port: int, hosts: bool) -> None:
    # else torch's agents look for each other in the store of one that is dead
    os.environ["TORCH_DISABLE_SHARE_RDZV_TCP_STORE"] = "1"
    config = LaunchConfig(
        min_nodes=2,
        max_nodes=2,
        nproc_per_node=1,
        run_id="machines",
        rdzv_backend="c10d",
        rdzv_endpoint=f"localhost:{port}",
        rdzv_configs={"is_host": hosts, "keep_alive_interval": 1, "keep_alive_max_attempt": 2},
        local_addr="localhost",
        max_restarts=3,
        start_method="forkserver",
    )
    elastic_launch(config, _run)([job], os.getpid())


@contextmanager
def a_tool(main: Main, words: Sequence[str]) -> Iterator[tuple[BaseProcess, Iterator[str]]]:
    """A tool in a process of its own, and the lines that it writes; waits for its end."""
    context = with_torch()
    reader, writer = context.Pipe(duplex=False)
    program = context.Process(target=_run_tool, args=(main, words, writer))
    program.start()
    writer.close()
    watchdog = threading.Timer(SECONDS, program.terminate)
    watchdog.start()
    try:
        with os.fdopen(os.dup(reader.fileno()), encoding="utf-8") as lines:
            yield program, lines
            lines.read()
    except BaseException:
        program.terminate()
        raise
    finally:
        program.join()
        watchdog.cancel()
        reader.close()


def _run_tool(main: Main, words: Sequence[str], writer: Connection) -> None:
    os.dup2(writer.fileno(), 1)
    os.dup2(writer.fileno(), 2)
    writer.close()
    run_tool(main, words)


def _run(jobs: Sequence[Job], agent: int = 0) -> None:
    torch.set_num_threads(1)
    with joined() as group:
        for job in jobs:
            first_try = os.environ["TORCHELASTIC_RESTART_COUNT"] == "0"
            if "killed_at" in job and (agent or group.rank == 1) and first_try:
                _killed(group, job["killed_at"], agent)
            options = Options(
                overrides=job["overrides"], device=torch.device("cpu"), **job.get("options", {})
            )
            train("solver.yaml", options, group=group)


def _killed(group: Group, iteration: int, agent: int) -> None:
    """Have this process end without a word when the processes agree for the n-th time."""
    agree, left = group.highest, [iteration]

    def highest(number: int) -> int:
        left[0] -= 1
        if left[0] < 0:
            for pid in filter(None, (agent, os.getpid())):
                os.kill(pid, signal.SIGKILL)
        return agree(number)

    group.highest = highest  # type: ignore[method-assign]
