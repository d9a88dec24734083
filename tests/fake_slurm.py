"""sbatch, srun and scontrol of a cluster that is this machine, as far as a job of ours sees it.

The name that the file is called by says which program it is. State lies in $FAKE_SLURM: job.sh,
`submissions`, `requeues`, the processes of the tasks in `tasks`, and what the job's script ended
with in `ended`. A signal that Slurm sends reaches every process of every task.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

JOB = "4711"


def sbatch(words: list[str]) -> int:
    """Takes a script and runs it, again whenever it was queued again meanwhile."""
    text = Path(words[-1]).read_text()
    if "--partition=closed" in text:
        sys.stderr.write("sbatch: error: invalid partition specified: closed\n")
        return 1
    here = state()
    (here / "job.sh").write_text(text)
    log = (here / "slurm.log").open("a")
    subprocess.Popen(
        [sys.executable, __file__, "run"], stdout=log, stderr=log, start_new_session=True
    )
    print(f"Submitted batch job {JOB}")
    return 0


def run(_: list[str]) -> int:
    """The daemon of the cluster."""
    here = state()
    while True:
        (here / "tasks").write_text("")
        code = subprocess.call(["bash", str(here / "job.sh")], env={**os.environ, **job()})
        if not (here / "requeue").exists():
            (here / "ended").write_text(str(code))
            return 0
        (here / "requeue").unlink()
        with (here / "requeues").open("a") as file:
            file.write("again\n")


def job() -> dict[str, str]:
    """What a job finds in its environment."""
    options = dict(
        line.removeprefix("#SBATCH --").partition("=")[::2]
        for line in (state() / "job.sh").read_text().splitlines()
        if line.startswith("#SBATCH")
    )
    nodes, tasks = int(options["nodes"]), int(options["ntasks-per-node"])
    return {
        "SLURM_JOB_ID": JOB,
        "SLURM_JOB_NUM_NODES": str(nodes),
        "SLURM_NTASKS": str(nodes * tasks),
        "SLURM_JOB_NODELIST": "localhost",
    }


def srun(words: list[str]) -> int:
    """Starts the tasks; where one fails, the others are ended."""
    at = words.index("--output")
    command = words[next(i for i, word in enumerate(words) if word.endswith("python")) :]
    tasks = []
    for rank in range(int(os.environ["SLURM_NTASKS"])):
        name = words[at + 1].replace("%j", JOB).replace("%t", str(rank))
        log = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        numbers = {"SLURM_PROCID": str(rank), "SLURM_NODEID": str(rank), "SLURM_LOCALID": "0"}
        tasks.append(
            subprocess.Popen(
                command,
                env={**os.environ, **numbers},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        )
    (state() / "tasks").write_text(" ".join(str(task.pid) for task in tasks))
    codes: list[int] = []
    while tasks:
        pid, status = os.wait()
        codes.append(os.waitstatus_to_exitcode(status))
        tasks = [task for task in tasks if task.pid != pid]
        if codes[-1]:
            for task in tasks:
                os.killpg(task.pid, signal.SIGKILL)
    return max(codes, key=abs)


def scontrol(words: list[str]) -> int:
    """Queues the job again: its tasks are ended."""
    assert words == ["requeue", JOB]
    (state() / "requeue").touch()
    return 0


def send(folder: Path, number: int) -> None:
    """What Slurm does before it takes a job its machines: not to srun, but to all of its tasks."""
    for task in (folder / "tasks").read_text().split():
        os.killpg(int(task), number)


def state() -> Path:
    """The folder of this cluster."""
    return Path(os.environ["FAKE_SLURM"])


if __name__ == "__main__":
    name = Path(sys.argv[0]).stem
    name, words = (name, sys.argv[1:]) if name != "fake_slurm" else (sys.argv[1], sys.argv[2:])
    sys.exit({"sbatch": sbatch, "srun": srun, "scontrol": scontrol, "run": run}[name](words))
