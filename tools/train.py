"""Train a net as a solver file says.

    python tools/train.py --solver solvers/small.yaml

Snapshots and train.log go where snapshot_prefix says. Ctrl-C snapshots and stops; go on with
--snapshot auto.
"""

import argparse
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace

from catdog.cli.arguments import Parser, device_in, devices_of
from catdog.cli.main import run_tool
from catdog.cli.training import add_class_weights, add_numbers, field_for, options_of
from catdog.runtime.distributed.group import Group
from catdog.runtime.distributed.join import is_member, joined
from catdog.runtime.distributed.launch import launch
from catdog.solver.action import Action
from catdog.solver.events import Event, Interrupted, Listener, Missing
from catdog.solver.signals import EFFECTS
from catdog.tracking.annotation import annotation
from catdog.tracking.console import LOGS
from catdog.tracking.elsewhere.table import NAMES
from catdog.tracking.listeners import EVERY, TrackingOptions
from catdog.tracking.shell_hook import OCCASIONS, WhenDone
from catdog.tracking.tensorboard import HISTOGRAMS
from catdog.training.cross_validation import cross_validate, table
from catdog.training.options import Options
from catdog.training.train import train

#: What a shell adds to the number of a signal.
_SIGNALLED = 128
#: Of a training whose files lack something.
_INCOMPLETE = 1


class Outcome:
    """Listens to trainings; `code` is what the process ends with."""

    def __init__(self) -> None:
        self.code = 0

    def __call__(self, event: Event) -> None:
        """Take what ends a training from an event."""
        if isinstance(event, Missing):
            self.code = _INCOMPLETE
        if isinstance(event, Interrupted) and event.signal:
            self.code = _SIGNALLED + event.signal


def main(argv: Sequence[str] | None = None) -> None:
    """Run the tool, with the others where it is one of several processes."""
    with joined() as group:
        code = run(sys.argv[1:] if argv is None else argv, group)
    # of several, whoever started them says how it ended
    if code and not is_member():
        sys.exit(code)


def run(argv: Sequence[str], group: Group) -> int:
    """Train, or start the processes that do; gives the exit code."""
    args = _arguments(argv)
    count = len(devices_of(args))
    if count > 1 and not is_member():
        stops = [number for number in launch("train", argv, count) if _stops(args, number)]
        return _SIGNALLED + stops[0] if stops else 0
    options = _options(args, group)
    command = args.when_done if group.leads else ""
    outcome = Outcome()
    with WhenDone(command, args.when_done_on, sys.stderr) as listener:
        _train(args, options, [listener, outcome], group)
    return outcome.code


def _stops(args: argparse.Namespace, number: int) -> bool:
    effects = {signal.SIGINT: args.sigint_effect, signal.SIGHUP: args.sighup_effect}
    return EFFECTS[effects.get(signal.Signals(number), "stop")] is Action.STOP


def _train(
    args: argparse.Namespace, options: Options, listeners: Sequence[Listener], group: Group
) -> None:
    def run_one(options: Options) -> bool:
        return train(
            args.solver,
            options,
            stream=sys.stderr,
            sigint=EFFECTS[args.sigint_effect],
            sighup=EFFECTS[args.sighup_effect],
            listeners=listeners,
            group=group,
        ).stopped

    if not args.folds:
        run_one(options)
        return
    runs = list(cross_validate(args.solver, options, args.folds, run_one))
    if group.leads and runs:
        print(table(runs))


def _options(args: argparse.Namespace, group: Group) -> Options:
    cached = ["cache_features=true"] if args.cache_features else []
    options = options_of(args, lambda args: device_in(args, group))
    return replace(
        options,
        freeze=args.freeze,
        snapshot=args.snapshot,
        overrides=[*options.overrides, *cached],
        compile=args.compile,
        force=args.force,
        class_weights=args.class_weights,
        tracking=TrackingOptions(
            tensorboard=args.tensorboard or bool(args.tensorboard_histograms),
            track=tuple(dict.fromkeys(args.track)),
            histograms=args.tensorboard_histograms,
            resources=args.resources,
            log=args.log,
            annotation=annotation(args.note, args.tag),
        ),
    )


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = Parser(__doc__)
    add = parser.add_argument
    add(
        "--solver",
        required=True,
        help="the solver, .yaml or .prototxt, or the name of one that ships",
    )
    about = "go on from a snapshot; `auto`: the newest, if there is one"
    add("--snapshot", default="", help=about)
    _add_start(parser)
    parser.add_state()
    parser.add_device(several=True)
    add_numbers(parser)
    add_class_weights(parser)
    parser.add_set()
    _add_signals(parser)
    parser.add_python()
    parser.add_precision()
    about = "cross-validate: train K times, each time tested on another part of the train data"
    add("--folds", type=int, metavar="K", help=about)
    add("--compile", action="store_true", help="run the net through torch.compile")
    add("--force", action="store_true", help="train even where the memory seems too small")
    _add_tracking(parser)
    _add_log(parser)
    _add_annotation(parser)
    _add_end(parser)
    return parser.parse(argv, field_for)


def _add_start(parser: Parser) -> None:
    """What the training starts from, and what of it stays."""
    parser.add_weights(of_solver=True)
    parser.add_argument(
        "--freeze",
        action="append",
        default=[],
        metavar="'conv*,fc6'",
        help="layers that keep their weights and statistics",
    )
    about = "compute what the frozen layers make of the data once"
    parser.add_argument("--cache-features", action="store_true", help=about)


def _add_signals(parser: Parser) -> None:
    """What signals do."""
    for name, default in (("sigint", "stop"), ("sighup", "snapshot")):
        parser.add_argument(
            f"--{name}_effect",
            choices=EFFECTS,
            default=default,
            help=f"what {name.upper()} does (default: {default})",
        )


def _add_tracking(parser: Parser) -> None:
    """What is kept beside the log."""
    about = "write event files for TensorBoard"
    parser.add_argument("--tensorboard", action="store_true", help=about)
    parser.add_argument(
        "--tensorboard-histograms",
        choices=HISTOGRAMS,
        default="",
        help="histograms of parameters and gradients too, at displays or after tests",
    )
    parser.add_argument(
        "--track",
        action="append",
        choices=NAMES,
        default=[],
        metavar="|".join(NAMES),
        help="keep the run in this program too, as its own variables say, or else beside the run; "
        "may be given for several",
    )
    parser.add_argument(
        "--resources",
        type=float,
        default=EVERY,
        metavar="SECONDS",
        help=f"look at memory and load this often; 0: never (default: {EVERY:g})",
    )


def _add_log(parser: Parser) -> None:
    """What a terminal shows."""
    parser.add_argument(
        "--log",
        choices=LOGS,
        default=LOGS[0],
        help="what a terminal shows: rows for people, or Caffe's lines, which train.log, pipes and "
        "files get always (default: people)",
    )


def _add_annotation(parser: Parser) -> None:
    """What is written to the run."""
    about = "words for the run's record, which `runs` shows"
    parser.add_argument("--note", default="", metavar="TEXT", help=about)
    about = "a word by which `runs --tag` finds the run; may be given for several"
    parser.add_argument("--tag", action="append", default=[], metavar="WORD", help=about)


def _add_end(parser: Parser) -> None:
    """What runs when the training has ended."""
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


if __name__ == "__main__":
    run_tool(main)
