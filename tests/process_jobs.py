"""Trainings in two processes, as torchrun starts them, for test_distributed.py.

Each is `{"overrides": [...], "options": {...}, "killed_at": iteration}`; killed is rank 1, at the
first try.
"""

import multiprocessing
import os
import signal
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import torch
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from catdog.runtime.distributed.group import Group
from catdog.runtime.distributed.join import joined
from catdog.training.train import Options, train

Job = dict[str, Any]


def in_two_processes(jobs: Sequence[Job]) -> None:
    """Run trainings one after the other; a process that is killed is started again, once.

    The processes are forks of one that has torch loaded, which takes longer than the trainings.
    """
    multiprocessing.set_forkserver_preload([__name__])
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=2,
        run_id=uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        local_addr="localhost",
        max_restarts=1,
        start_method="forkserver",
    )
    elastic_launch(config, _run)(jobs)


def _run(jobs: Sequence[Job]) -> None:
    torch.set_num_threads(1)
    with joined() as group:
        for job in jobs:
            first_try = os.environ["TORCHELASTIC_RESTART_COUNT"] == "0"
            if "killed_at" in job and group.rank == 1 and first_try:
                _killed(group, job["killed_at"])
            options = Options(
                overrides=job["overrides"], device=torch.device("cpu"), **job.get("options", {})
            )
            train("solver.yaml", options, group=group)


def _killed(group: Group, iteration: int) -> None:
    """Have this process end without a word when the processes agree for the n-th time."""
    agree, left = group.highest, [iteration]

    def highest(number: int) -> int:
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return agree(number)

    group.highest = highest  # type: ignore[method-assign]
