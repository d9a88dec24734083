"""What runs in each task of a Slurm job: a command of catdog, stopped in time and queued again.

submitit calls the `SlurmTask`. When Slurm's warning comes (SIGUSR2: the time is nearly over, or
another job goes first), submitit asks the first task's `checkpoint` for what is to run later, and
has the job queued again. The processes of a training stop at the same iteration when one is asked
to.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType

import submitit.helpers

#: Seconds that Slurm gets to end a task that it has sent SIGTERM, or to queue it again.
_PATIENCE = 600
_WARNINGS = (signal.SIGTERM, signal.SIGUSR2)


class SlurmTask:
    """A tool with its arguments; of it and its words alone a job consists."""

    def __init__(self, tool: str, words: Sequence[str]) -> None:
        self._tool, self._words = tool, tuple(words)
        self._pid = 0
        self._told_to_end = False

    def __call__(self) -> None:
        """Run the command, and end with its exit code."""
        _join_the_others()
        command = [sys.executable, "-m", f"catdog.tools.{self._tool}", *self._words]
        with subprocess.Popen(command) as process:
            self._pid = process.pid
            signal.signal(signal.SIGTERM, self._hand_on)
            self._wait()
        # warnings come to all processes of a task, also to a command that is not yet ready for them
        if self._told_to_end or -process.returncode in _WARNINGS:
            print("catdog has stopped: Slurm ends this job or queues it again", flush=True)
            time.sleep(_PATIENCE)
        if process.returncode:
            sys.exit(process.returncode)

    def checkpoint(self) -> submitit.helpers.DelayedSubmission:
        """Have the command stop, and wait for its snapshot; what is to run in its place."""
        self._stop()
        self._wait()
        return submitit.helpers.DelayedSubmission(SlurmTask(self._tool, self._words))

    def _hand_on(self, _: int, __: FrameType | None) -> None:
        # from scancel, or from a Slurm that queues the job again by itself once it is killed
        self._told_to_end = True
        self._stop()

    def _stop(self) -> None:
        if self._pid:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGTERM)

    def _wait(self) -> None:
        # Popen.wait holds a lock, and this is called by what interrupts it too
        if self._pid:
            with suppress(ChildProcessError):
                os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOWAIT)


def _join_the_others() -> None:
    """Tell the command which of the processes it is, in torchrun's variables."""
    submitit.helpers.TorchDistributedEnvironment().export(
        set_cuda_visible_devices=False, overwrite=True
    )
    if cpus := os.environ.get("SLURM_CPUS_PER_TASK"):
        os.environ.setdefault("OMP_NUM_THREADS", cpus)
