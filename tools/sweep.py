"""Try values for fields of a solver and of its nets, many trainings in search of the best.

    python tools/sweep.py --solver solvers/small.yaml base_lr=1e-4..1e-1:log momentum=0.9,0.95

FIELD=LOW..HIGH is a range (:log on a logarithmic scale), FIELD=A,B,C some values; a field of a
layer is net.LAYER.FIELD; stages=a,b+c are stages of the nets' rules. Each trial is an ordinary run
in a folder of its own. Ctrl-C stops; the same command goes on. With --storage several machines
share the trials: docs/clusters.md.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from catdog.cli.argument_types import at_least, positive_number
from catdog.cli.arguments import Parser, tell
from catdog.cli.main import INTERRUPTED, run_tool
from catdog.cli.training import add_numbers, add_solver_options, field_for, options_of
from catdog.runtime.wording import counted
from catdog.training.sweep import (
    PICTURE,
    PRUNERS,
    SAMPLERS,
    TABLE,
    Plan,
    command_of_best,
    draw,
    parse_axis,
    places,
    sweep,
    table,
    write_csv,
)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the trials, list them and draw them."""
    args = _arguments(argv)
    found = sweep(_plan(args), tell, args.workers)
    print(table(found))
    if any(trial.value is not None for trial in found.trials):
        write_csv(found, found.plan.folder / TABLE)
        draw(found, found.plan.folder / PICTURE)
    print(f"\n{places(found)}")
    if found.best:
        print(f"\nto train the best again: {command_of_best(found, found.best)}")
    elif any(trial.value is not None for trial in found.trials):
        print("\nno trial was run to its end, so none is the best")
    if found.exhausted:
        print(f"\nall {found.plan.points} combinations of the values were tried")
    if found.at_work:
        print(f"\n{counted(found.at_work, 'trial')} at work elsewhere")
    if found.waiting:
        print(f"\n{found.waiting} trials are left: the same command goes on")
    if found.interrupted:
        sys.exit(INTERRUPTED)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(__doc__)
    add = parser.add_argument
    add("--solver", required=True, type=Path, help="the solver, or the name of one that ships")
    add("axes", metavar="FIELD=VALUES", nargs="+", help="what to try")
    add("--trials", type=at_least(1), default=20, help="in all (default: 20)")
    add("--workers", type=at_least(1), default=1, help="trials at once (default: 1)")
    add("--seed", type=int, default=0, help="of the choice of values")
    add("--metric", default="", help="a test output (default: accuracy)")
    add("--sampler", choices=SAMPLERS, default="tpe", help="(default: tpe)")
    add("--pruner", choices=PRUNERS, default="median", help="ends bad trials (default: median)")
    add("--folds", type=at_least(0), default=0, metavar="K", help="cross-validate each")
    about = "(default: <snapshot_prefix>_sweep)"
    add("--out", type=Path, default=Path(), metavar="DIR", help=about)
    about = (
        "journal:FILE on a shared folder or postgresql://USER@HOST/DATABASE: the study of several"
    )
    add("--storage", default="", help=f"{about} machines (default: a file in DIR, for one)")
    about = "a worker that is silent for so long is dead, its trial is repeated (default: 300)"
    add("--lost-after", type=positive_number, default=300.0, metavar="SECONDS", help=about)
    add_numbers(parser)
    add_solver_options(parser)
    return parser.parse(argv, field_for)


def _plan(args: argparse.Namespace) -> Plan:
    return Plan(
        solver=args.solver,
        axes=[parse_axis(text) for text in args.axes],
        options=options_of(args),
        folder=args.out,
        metric=args.metric,
        trials=args.trials,
        seed=args.seed,
        sampler=args.sampler,
        pruner=args.pruner,
        folds=args.folds,
        storage=args.storage,
        lost_after=args.lost_after,
    )


if __name__ == "__main__":
    run_tool(main)
