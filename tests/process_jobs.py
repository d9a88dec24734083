"""What a process of test_distributed.py does: the trainings of a file, one after the other.

Each is `{"overrides": [...], "options": {...}, "killed_at": iteration}`; killed is rank 1, at the
first try.
"""

import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from catdog.cli import main as cli
from catdog.runtime.distributed.group import Group
from catdog.runtime.distributed.join import joined
from catdog.training.options import Options
from catdog.training.train import train


def killed(group: Group, iteration: int) -> None:
    """Have this process end without a word when the processes agree for the n-th time."""
    agree, left = group.highest, [iteration]

    def highest(number: int) -> int:
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return agree(number)

    group.highest = highest  # type: ignore[method-assign]


def main(argv: Sequence[str] | None = None) -> None:
    (jobs,) = argv or sys.argv[1:]
    with joined() as group:
        for job in json.loads(Path(jobs).read_text()):
            first_try = os.environ["TORCHELASTIC_RESTART_COUNT"] == "0"
            if "killed_at" in job and group.rank == 1 and first_try:
                killed(group, job["killed_at"])
            options = Options(
                overrides=job["overrides"], device=torch.device("cpu"), **job.get("options", {})
            )
            train("solver.yaml", options, group=group)


if __name__ == "__main__":
    cli.tool(main)
