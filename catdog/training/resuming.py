"""What a training goes on from, and what of other runs lies under its prefix."""

from dataclasses import dataclass
from pathlib import Path

from catdog.errors import CatdogError, WeightsError
from catdog.runtime.distributed.group import Group
from catdog.solver.snapshot_search import AUTO, check_whole, find, newest
from catdog.solver.solverstate import read_state
from catdog.tracking.run_file import read_run, run_name, run_path
from catdog.tracking.runs import RunRecord


@dataclass(frozen=True)
class Start:
    """Where a training starts.

    Args:
        state: the state that it goes on from; None where it begins.
        resumed: it goes on in the log, tables and run file that are there.
        notes: what is told of that.
    """

    state: Path | None = None
    resumed: bool = False
    notes: tuple[str, ...] = ()


def start_of(snapshot: str, prefix: str, group: Group) -> Start:
    """What `--snapshot`, or its absence, means under a prefix; all processes must find the same.

    Raises WeightsError for a snapshot that is not there or not whole, and CatdogError where the
    processes find different ones.
    """
    notes: list[str] = []
    state, run = None, ""
    if snapshot == AUTO:
        found = newest(prefix, run_name(prefix))
        state, run = found.path, found.run
        if found.nameless:
            notes.append(f"{found.path} does not tell of which run it is; going on from it")
        if found.passed_over:
            notes.append(f"--snapshot {AUTO} passes over {found.passed_over}")
        if state is None:
            notes.append(f"--snapshot {AUTO}: there is no snapshot to go on from: a new run begins")
    elif snapshot:
        state = find(snapshot)
        run = check_whole(state).run.id
    _agree(state, group)
    earlier = run_name(prefix)
    resumed = state is not None and (not earlier or not run or earlier == run)
    if not resumed and (line := _earlier(prefix)):
        notes.append(line)
    return Start(state, resumed, tuple(notes))


def check_passes(path: Path, examples: int | None) -> None:
    """Raise WeightsError for a snapshot whose iterations are not of so many examples.

    Iterations that are worked out from max_epoch count from the first one, at one size.
    """
    run = read_state(path).run
    if examples is None or not run.train.data or not run.train.data[0].batch_size:
        return
    before = run.train.data[0].batch_size * max(run.iter_size, 1) * (1 + len(run.process))
    if before != examples:
        raise WeightsError(
            f"its iterations are of {before:,} examples, those of this training of {examples:,}: "
            "they cannot be counted together as epochs",
            where=str(path),
            remedy="go on with the same batch size, iter_size and processes, "
            "or say how far: --set max_iter=N",
        )


def _agree(state: Path | None, group: Group) -> None:
    if len(set(group.gather(state and state.name))) > 1:
        raise CatdogError(
            "the processes find different snapshots",
            where="--snapshot",
            remedy="let all machines see the folder of snapshot_prefix",
        )


def _earlier(prefix: str) -> str:
    """What becomes of another run under this prefix; empty where there is none."""
    try:
        run = RunRecord(prefix, read_run(run_path(prefix)))
    except CatdogError:
        return ""
    name, at = run.content.get("run") or "without a name", run.content.get("iteration")
    return (
        f"{prefix} has a run from before ({name}, {run.status} at iteration {at}): its log, "
        "tables, run file and best weights are put aside at the first iteration, snapshots of it "
        "are replaced as this run comes to theirs"
    )
