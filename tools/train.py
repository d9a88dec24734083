"""Train a net as a solver file says.

    python tools/train.py --solver solvers/small.yaml

Snapshots and train.log go where snapshot_prefix says. Ctrl-C snapshots and stops; go on with
--snapshot auto.
"""

import sys
from collections.abc import Sequence

from catdog import cli
from catdog.arguments import Parser, device_of
from catdog.precision import NAMES
from catdog.signals import EFFECTS
from catdog.train import Options, train


def main(argv: Sequence[str] | None = None) -> None:
    """Run the tool."""
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
    parser.add_device()
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="change a field of the solver; may be given for several",
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
    parser.add_argument("--amp", choices=NAMES, default="", help="mixed precision")
    parser.add_argument("--compile", action="store_true", help="run the net through torch.compile")
    args = parser.parse(argv)
    cached = ["cache_features=true"] if args.cache_features else []
    chosen = args.gpu is not None or args.device is not None
    options = Options(
        weights=args.weights,
        freeze=args.freeze,
        snapshot=args.snapshot,
        device=device_of(args) if chosen else None,
        overrides=[*args.set, *cached],
        level=args.level,
        stages=args.stage,
        allow_python=args.allow_python,
        amp=args.amp,
        compile=args.compile,
    )
    sigint, sighup = EFFECTS[args.sigint_effect], EFFECTS[args.sighup_effect]
    train(args.solver, options, stream=sys.stderr, sigint=sigint, sighup=sighup)


if __name__ == "__main__":
    cli.tool(main)
