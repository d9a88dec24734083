"""Train a net as a solver file says.

    python tools/train.py --solver solvers/small.yaml

Snapshots and train.log go where snapshot_prefix says. Ctrl-C snapshots and stops; go on with
--snapshot auto.
"""

import sys
from collections.abc import Sequence

from catdog.cli import main as cli
from catdog.cli.arguments import Parser, device_in, devices_of
from catdog.pycaffe.install import install
from catdog.runtime.distributed.group import Group
from catdog.runtime.distributed.join import is_member, joined
from catdog.runtime.distributed.launch import launch
from catdog.solver.signals import EFFECTS
from catdog.tracking.listeners import EVERY, TrackingOptions
from catdog.tracking.shell_hook import OCCASIONS, WhenDone
from catdog.tracking.tensorboard import HISTOGRAMS
from catdog.training.cross_validation import cross_validate, table
from catdog.training.options import Options
from catdog.training.train import train


def main(argv: Sequence[str] | None = None) -> None:
    """Run the tool, with the others where it is one of several processes."""
    with joined() as group:
        run(sys.argv[1:] if argv is None else argv, group)


def run(argv: Sequence[str], group: Group) -> None:
    """Parse the arguments and train."""
    parser = Parser(__doc__)
    parser.add_argument("--solver", required=True, help="the solver, .yaml or .prototxt")
    parser.add_argument(
        "--snapshot", default="", help="go on from a snapshot; `auto`: the newest, if there is one"
    )
    parser.add_weights(of_solver=True)
    parser.add_argument(
        "--freeze",
        action="append",
        default=[],
        metavar="'conv*,fc6'",
        help="layers that keep their weights and statistics",
    )
    parser.add_argument(
        "--cache-features",
        action="store_true",
        help="compute what the frozen layers make of the data once",
    )
    parser.add_state()
    parser.add_device(several=True)
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="change a field of the solver, or of its nets: net.LAYER.FIELD=VALUE (for one phase "
        "train_net. or test_net.); may be given for several",
    )
    for name, default in (("sigint", "stop"), ("sighup", "snapshot")):
        parser.add_argument(
            f"--{name}_effect",
            choices=EFFECTS,
            default=default,
            help=f"what {name.upper()} does (default: {default})",
        )
    parser.add_argument(
        "--allow-python", action="store_true", help="build Python layers: they run code"
    )
    parser.add_precision()
    parser.add_argument(
        "--folds",
        type=int,
        metavar="K",
        help="cross-validate: train K times, each time tested on another part of the train data",
    )
    parser.add_argument("--compile", action="store_true", help="run the net through torch.compile")
    parser.add_argument(
        "--tensorboard", action="store_true", help="write event files for TensorBoard"
    )
    parser.add_argument(
        "--tensorboard-histograms",
        choices=HISTOGRAMS,
        default="",
        help="histograms of parameters and gradients too, at displays or after tests",
    )
    parser.add_argument(
        "--resources",
        type=float,
        default=EVERY,
        metavar="SECONDS",
        help=f"look at memory and load this often; 0: never (default: {EVERY:g})",
    )
    parser.add_argument(
        "--when-done",
        default="",
        metavar="COMMAND",
        help="for the shell, when the training has ended; CATDOG_STATUS and others tell it how",
    )
    parser.add_argument(
        "--when-done-on",
        choices=OCCASIONS,
        default="always",
        help="after which ends (default: always, stopped ones too)",
    )
    args = parser.parse(argv)
    count = len(devices_of(args))
    if count > 1 and not is_member():
        launch("train", argv, count)
        return
    cached = ["cache_features=true"] if args.cache_features else []
    chosen = args.gpu is not None or args.device is not None
    options = Options(
        weights=args.weights,
        freeze=args.freeze,
        snapshot=args.snapshot,
        device=device_in(args, group) if chosen else None,
        overrides=[*args.set, *cached],
        level=args.level,
        stages=args.stage,
        provide_caffe=install if args.allow_python else None,
        amp=args.amp,
        compile=args.compile,
        tracking=TrackingOptions(
            tensorboard=args.tensorboard or bool(args.tensorboard_histograms),
            histograms=args.tensorboard_histograms,
            resources=args.resources,
        ),
    )
    effects = {"sigint": EFFECTS[args.sigint_effect], "sighup": EFFECTS[args.sighup_effect]}
    command = args.when_done if group.leads else ""
    with WhenDone(command, args.when_done_on, sys.stderr) as listener:

        def run_one(options: Options) -> bool:
            run = train(
                args.solver,
                options,
                stream=sys.stderr,
                **effects,
                listeners=[listener],
                group=group,
            )
            return run.stopped

        if not args.folds:
            run_one(options)
            return
        records = list(cross_validate(args.solver, options, args.folds, run_one))
        if group.leads:
            print(table(records))


if __name__ == "__main__":
    cli.tool(main)
