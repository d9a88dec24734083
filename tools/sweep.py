"""Try values for fields of a solver and of its nets, many trainings in search of the best.

    python tools/sweep.py --solver solvers/small.yaml base_lr=1e-4..1e-1:log momentum=0.9,0.95

FIELD=LOW..HIGH is a range (:log on a logarithmic scale), FIELD=A,B,C some values; a field of a
layer is net.LAYER.FIELD; stages=a,b+c are stages of the nets' rules. Each trial is an ordinary run
in a folder of its own. Ctrl-C stops; the same command goes on.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from catdog.cli import main as cli
from catdog.cli.arguments import Parser, device_of
from catdog.pycaffe.install import install
from catdog.training.options import Options
from catdog.training.sweep import (
    PRUNERS,
    SAMPLERS,
    Plan,
    command_of_best,
    draw,
    parse_axis,
    sweep,
    table,
    write_csv,
)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the tool."""
    parser = Parser(__doc__)
    parser.add_argument("--solver", required=True, type=Path, help="the solver")
    parser.add_argument("axes", metavar="FIELD=VALUES", nargs="+", help="what to try")
    parser.add_argument("--trials", type=int, default=20, help="in all (default: 20)")
    parser.add_argument("--workers", type=int, default=1, help="trials at once (default: 1)")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of values")
    parser.add_argument("--metric", default="", help="a test output (default: accuracy)")
    parser.add_argument("--sampler", choices=SAMPLERS, default="tpe", help="(default: tpe)")
    parser.add_argument(
        "--pruner", choices=PRUNERS, default="median", help="ends bad trials (default: median)"
    )
    parser.add_argument("--folds", type=int, default=0, metavar="K", help="cross-validate each")
    parser.add_argument(
        "--out", type=Path, default=Path(), metavar="DIR", help="(default: <snapshot_prefix>_sweep)"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="for all trials"
    )
    parser.add_weights(of_solver=True)
    parser.add_state()
    parser.add_device()
    parser.add_argument(
        "--allow-python", action="store_true", help="build Python layers: they run code"
    )
    parser.add_precision()
    args = parser.parse(argv)
    chosen = args.gpu is not None or args.device is not None
    options = Options(
        weights=args.weights,
        device=device_of(args) if chosen else None,
        overrides=args.set,
        level=args.level,
        stages=args.stage,
        provide_caffe=install if args.allow_python else None,
        amp=args.amp,
    )
    plan = Plan(
        args.solver,
        [parse_axis(text) for text in args.axes],
        options,
        args.out,
        args.metric,
        args.trials,
        args.seed,
        args.sampler,
        args.pruner,
        args.folds,
    )
    found = sweep(plan, tell, args.workers)
    print(table(found))
    if any(trial.value is not None for trial in found.trials):
        write_csv(found, found.plan.folder / "sweep.csv")
        draw(found, found.plan.folder / "sweep.png")
    if found.best:
        print(f"\nbest: {command_of_best(found, found.best)}")
    if found.waiting:
        print(f"\n{found.waiting} trials are left: the same command goes on")


def tell(line: str) -> None:
    """A line about a trial, from any of the processes."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    cli.tool(main)
