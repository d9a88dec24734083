"""A sweep as a table, and the command that repeats its best trial."""

import csv
import shlex
from pathlib import Path

from catdog.runtime.files import replacing
from catdog.runtime.text_table import text_table
from catdog.solver.solverstate import best_path
from catdog.training.sweep.storage import STUDY, place_of
from catdog.training.sweep.sweep import Sweep, Trial

#: Of the files in a sweep's folder.
TABLE, PICTURE = "sweep.csv", "sweep.png"


def table(sweep: Sweep) -> str:
    """A line for each trial, the best first."""
    fields = [axis.field for axis in sweep.plan.axes]
    rows = [
        (
            str(trial.number),
            trial.state,
            "-" if trial.value is None else f"{trial.value:.5g}",
            "-" if trial.iteration is None else str(trial.iteration),
            "-" if trial.seconds is None else f"{trial.seconds:.1f}",
            *(trial.values.get(name, "-") for name in fields),
        )
        for trial in sweep.ranked()
    ]
    return text_table(("trial", "state", sweep.plan.metric, "at", "seconds", *fields), rows)


def write_csv(sweep: Sweep, path: Path) -> None:
    """The same, and where each trial lies and why it ended, as CSV."""
    fields = [axis.field for axis in sweep.plan.axes]
    with replacing(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        head = ["trial", "state", sweep.plan.metric, "iteration", "seconds", *fields]
        writer.writerow([*head, "folder", "reason"])
        for trial in sweep.ranked():
            numbers = (trial.value, trial.iteration, trial.seconds)
            values = (trial.values.get(name) for name in fields)
            writer.writerow(
                [trial.number, trial.state, *numbers, *values, trial.folder, trial.reason]
            )


def places(sweep: Sweep) -> str:
    """Lines: where the files of the sweep are, and those of its best trial."""
    folder, best = sweep.plan.folder, sweep.best
    names = {"table": TABLE, "picture": PICTURE, "Optuna's study": STUDY}
    rows = [(what, str(folder / name)) for what, name in names.items()]
    rows = [row for row in rows if Path(row[1]).exists()]
    if sweep.plan.storage:
        rows.append(("Optuna's study", place_of(sweep.plan)))
    if best:
        # only a solver with snapshot_best keeps the weights of the score
        prefix = str(Path(best.folder, sweep.plan.stem))
        kept = [path for hdf5 in (False, True) if (path := best_path(prefix, hdf5=hdf5)).exists()]
        rows.append(("best trial", str(kept[0] if kept else best.folder)))
    return text_table(None, rows)


def command_of_best(sweep: Sweep, best: Trial) -> str:
    """The command line of one training with the values of the best trial, in a place of its own.

    Of a field that was set several times the last value counts, and only that is written.
    """
    plan, options = sweep.plan, sweep.plan.options
    place = f"snapshot_prefix={plan.folder / 'best' / plan.stem}"
    words = ["python", "tools/train.py", "--solver", str(plan.solver)]
    assignments = [*options.overrides, *plan.values(dict(best.values)), place]
    last = {assignment.partition("=")[0]: assignment for assignment in assignments}
    for assignment in last.values():
        words += ["--set", assignment]
    given = {
        "--stage": ",".join(options.stages),
        "--level": str(options.level or ""),
        "--amp": options.amp,
        "--device": str(options.device or ""),
        "--weights": ",".join(options.weights or ()),
    }
    for flag, value in given.items():
        words += [flag, value] if value else []
    words += ["--allow-python"] if options.provide_caffe else []
    words += ["--weights"] if options.weights is None else []
    return shlex.join(words)
