"""Run a catdog command as a Slurm job, which goes on where it was after it was preempted.

    python tools/launch.py --nodes 2 --gpus-per-node 4 --time 12:00:00 -- train --solver s1

What stands behind -- is a command of catdog: train and predict share their work among all tasks of
the job, one for each GPU; of sweep --storage each task is a worker. docs/clusters.md tells more.
"""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from catdog.cli.argument_types import at_least, file_path, minutes
from catdog.cli.arguments import Parser
from catdog.cli.main import names, run_tool, tool_named
from catdog.errors import CatdogError
from catdog.runtime.distributed.slurm import OWN, SlurmJob, script, submit
from catdog.runtime.provenance import without_passwords
from catdog.runtime.wording import counted

#: Tools of which a job may have several processes.
_SHARING = ("train", "predict", "sweep")
#: Options of sbatch that have flags of the same name.
_NAMED = ("partition", "account", "qos", "mem", "constraint")


def main(argv: Sequence[str] | None = None) -> None:
    """Submit the job, or print what would be submitted."""
    own, tool, words = _divided(sys.argv[1:] if argv is None else list(argv))
    args = _arguments(own)
    job = _job(args, tool)
    words = _going_on(tool, words)
    command = without_passwords(shlex.join(["catdog", tool, *words]))
    if args.dry_run:
        print(f"{script(job)}# each task: {command}")
        return
    made = submit(job, tool, words)
    shape = f"{counted(job.nodes, 'node')}, {counted(job.nodes * job.tasks, 'task')}"
    print(f"job {made.number}, {shape}: {command}")
    print(f"log     {made.log}")
    print(f"watch   {shlex.join(['tail', '-F', str(made.log)])}")
    print(f"state   squeue -j {made.number}")
    print(f"cancel  scancel {made.number}")


def _divided(words: list[str]) -> tuple[list[str], str, list[str]]:
    """Flags of this tool, and the tool with its arguments behind --."""
    if "--" not in words:
        if command := next((word for word in words if word in names()), ""):
            raise CatdogError("there is no -- before it", where=command, remedy=f"-- {command} ...")
        return words, "", []
    at = words.index("--")
    if at + 1 == len(words):
        raise CatdogError("there is no command behind --", remedy="write -- train --solver ...")
    return words[:at], tool_named(words[at + 1]), words[at + 2 :]


def _going_on(tool: str, words: list[str]) -> list[str]:
    """A training goes on from its newest snapshot each time the job starts."""
    given = any(word.lstrip("-").partition("=")[0] == "snapshot" for word in words)
    return words if tool != "train" or given else [*words, "--snapshot", "auto"]


def _job(args: argparse.Namespace, tool: str) -> SlurmJob:
    if not tool:
        raise CatdogError("there is no command", remedy="write -- and it: -- train --solver ...")
    tasks = args.tasks_per_node or args.gpus_per_node or 1
    if args.nodes * tasks > 1 and tool not in _SHARING:
        raise CatdogError(
            f"{tool} does its work in one process, these are {args.nodes * tasks}",
            remedy="--nodes 1 --tasks-per-node 1",
        )
    if args.warning >= args.time * 60:
        what = f"{args.warning} seconds before its end is not within the {args.time * 60} of --time"
        raise CatdogError(what, where="--warning", remedy="give a shorter one, or more time")
    named = {name: value for name in _NAMED if (value := getattr(args, name))}
    options = {**named, **dict(map(_option, args.slurm))}
    # a script of sbatch has an option on each line
    if broken := [
        name for name, value in {**options, "name": args.name}.items() if _ends_line(value)
    ]:
        raise CatdogError("has a line break in it", where=f"--{broken[0]}", remedy="leave it out")
    if "%" in str(args.folder):
        what = "has a %, for which Slurm puts something else"
        raise CatdogError(what, where=f"--folder {args.folder}", remedy="give another folder")
    return SlurmJob(
        name=args.name or f"catdog-{tool}",
        nodes=args.nodes,
        tasks=tasks,
        gpus=args.gpus_per_node,
        cpus=args.cpus_per_task,
        minutes=args.time,
        warning=args.warning,
        times=args.requeues,
        folder=args.folder,
        options=options,
        setup=args.setup,
    )


def _ends_line(value: str | bool) -> bool:
    return isinstance(value, str) and len(value.splitlines()) > 1


def _option(text: str) -> tuple[str, str | bool]:
    """An option of sbatch from KEY=VALUE, or KEY alone."""
    name, sign, value = text.partition("=")
    name = name.lstrip("-").replace("_", "-")
    if not name or (sign and not value):
        remedy = "write --slurm KEY=VALUE, or KEY alone for one without a value"
        raise CatdogError(f'"{text}" is no option of sbatch', where="--slurm", remedy=remedy)
    if name in OWN:
        raise CatdogError(f"{name} is set by catdog launch", where="--slurm", remedy="leave it out")
    return name, value if sign else True


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = Parser(__doc__)
    add = parser.add_argument
    add("--nodes", type=at_least(1), default=1, help="machines (default: 1)")
    about = "GPUs of each (default: none)"
    add("--gpus-per-node", type=at_least(0), default=0, metavar="N", help=about)
    about = "processes on each (default: one for each GPU)"
    add("--tasks-per-node", type=at_least(1), default=0, metavar="N", help=about)
    about = "cores of each process (default: the cluster's)"
    add("--cpus-per-task", type=at_least(1), default=0, metavar="N", help=about)
    about = "at most, as sbatch takes it: 12:00:00, 2-00:00:00"
    add("--time", type=minutes, required=True, help=about)
    for name in _NAMED:
        add(f"--{name}", default="", help="as sbatch takes it (default: the cluster's)")
    about = "any other option of sbatch; may be given for several"
    add("--slurm", action="append", default=[], metavar="KEY=VALUE", help=about)
    add("--name", default="", help="of the job (default: catdog-TOOL)")
    about = "of shell before the command, as 'module load cuda'; may be given for several"
    add("--setup", action="append", default=[], metavar="LINE", help=about)
    about = "so long before the end of its time it snapshots and is queued again (default: 120)"
    add("--warning", type=at_least(1), default=120, metavar="SECONDS", help=about)
    about = "how often, at most, after its time is over (default: 100)"
    add("--requeues", type=at_least(0), default=100, metavar="N", help=about)
    about = "of its logs, which all machines see (default: slurm)"
    add("--folder", type=file_path, default=Path("slurm"), metavar="DIR", help=about)
    add("--dry-run", action="store_true", help="print the script of the job, submit nothing")
    return parser.parse(words)


if __name__ == "__main__":
    run_tool(main)
