"""A command of catdog as a Slurm job, submitted through submitit."""

import contextlib
import io
import shutil
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from catdog.errors import CatdogError
from catdog.runtime.optional import optional

#: Options of sbatch that follow from a SlurmJob's own fields, or that it needs as they are.
OWN = (
    "nodes",
    "ntasks-per-node",
    "gpus-per-node",
    "cpus-per-task",
    "time",
    "signal",
    "requeue",
    "output",
    "error",
    "open-mode",
)


@dataclass(frozen=True)
class SlurmJob:
    """What is asked of Slurm.

    Args:
        name: of the job.
        nodes, tasks: how many machines, and processes on each.
        gpus, cpus: of each machine, and of each process; 0 for as the cluster has it.
        minutes: after which Slurm ends it.
        warning: so many seconds before that it stops by itself and is queued again.
        times: how often it is queued again because its time was over.
        options: others of sbatch, by name; True for those without a value.
        setup: lines of shell before the command.
        folder: of the job's files and logs, which all machines see.
    """

    name: str
    nodes: int
    tasks: int
    gpus: int
    cpus: int
    minutes: int
    warning: int
    times: int
    folder: Path
    options: Mapping[str, str | bool] = field(default_factory=dict)
    setup: Sequence[str] = ()


@dataclass(frozen=True)
class SubmittedJob:
    """A job that Slurm has taken: its number, and the log of its first process."""

    number: str
    log: Path


def script(job: SlurmJob) -> str:
    """What sbatch gets."""
    executor = _executor(job)
    return str(executor._make_submission_file_text(executor._submitit_command_str, ""))


def submit(job: SlurmJob, tool: str, words: Sequence[str]) -> SubmittedJob:
    """Hand a tool with its arguments to Slurm.

    Raises CatdogError where there is no Slurm, and what sbatch says where it refuses.
    """
    for program in ("sbatch", "srun"):
        if shutil.which(program) is None:
            raise CatdogError(
                f"{program} not found: this is no machine of a Slurm cluster",
                remedy="run it on the cluster's login node; --dry-run prints the script",
            )
    executor = _executor(job)
    # it is made of submitit, which is known to be there only now
    from catdog.runtime.distributed.slurm_task import SlurmTask

    said = io.StringIO()
    with _nothing_left(job.folder), contextlib.redirect_stderr(said):
        try:
            made = executor.submit(SlurmTask(tool, words))
        except (RuntimeError, OSError) as error:
            why = said.getvalue().strip() or str(error)
            raise CatdogError(why.splitlines()[-1], where="sbatch") from error
    return SubmittedJob(str(made.job_id), Path(made.paths.stdout))


def _executor(job: SlurmJob) -> Any:
    submitit: Any = optional("submitit", "this needs submitit", "pip install submitit")

    class Executor(submitit.SlurmExecutor):  # type: ignore[misc]
        @classmethod
        def affinity(cls) -> int:
            # a script can be made where there is no Slurm
            return 2

    executor = Executor(job.folder, max_num_timeout=job.times)
    # the others would wait for one that has failed; what is each task's, srun is to be told again
    srun = ["--kill-on-bad-exit=1", *([f"--cpus-per-task={job.cpus}"] if job.cpus else [])]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        executor.update_parameters(
            job_name=job.name,
            nodes=job.nodes,
            ntasks_per_node=job.tasks,
            time=job.minutes,
            signal_delay_s=job.warning,
            stderr_to_stdout=True,
            setup=list(job.setup) or None,
            gpus_per_node=job.gpus or None,
            cpus_per_task=job.cpus or None,
            wckey=None,
            srun_args=srun,
            additional_parameters={"requeue": True, **job.options},
        )
    return executor


@contextlib.contextmanager
def _nothing_left(folder: Path) -> Iterator[None]:
    """Where a submission fails, the folder is as it was."""
    before = set(folder.iterdir()) if folder.is_dir() else None
    try:
        yield
    except CatdogError:
        for path in folder.iterdir() if folder.is_dir() else ():
            if path not in (before or ()):
                path.unlink()
        if before is None and folder.is_dir():
            folder.rmdir()
        raise
