"""Find a learning rate: train with one that grows until the loss explodes, and draw the losses.

    python tools/lr_find.py --solver solvers/small.yaml

Writes lr_find.png and lr_find.csv, and prints the command that trains with the rate that the
curve suggests. Nothing of a run is read or written. Ctrl-C ends it with what was measured.
"""

import argparse
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from catdog.cli.argument_types import at_least, file_path, positive_number
from catdog.cli.arguments import Parser, tell
from catdog.cli.main import INTERRUPTED, run_tool
from catdog.cli.training import (
    add_batch,
    add_class_weights,
    add_solver_options,
    field_for,
    options_of,
)
from catdog.runtime.picture_style import check_suffix, save_figure
from catdog.runtime.progress import progress
from catdog.solver.events import Display, Event, Noted, Warned
from catdog.training.range_test import RateRange, measure

#: Flags of this tool that a training has not; each takes a value.
_OWN = ("from", "to", "iterations", "out", "seed")
_DEFAULT = RateRange()


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, draw, suggest."""
    words = sys.argv[1:] if argv is None else list(argv)
    args = _arguments(words)
    check_suffix(args.out)
    wanted = RateRange(args.low, args.high, args.iterations)
    options = options_of(args)
    seed = [] if args.seed is None else [f"random_seed={args.seed}"]
    options = replace(
        options,
        overrides=[*options.overrides, *seed],
        freeze=args.freeze,
        class_weights=args.class_weights,
        force=args.force,
    )
    with progress(total=args.iterations, what="lr_find", unit="iterations") as bar:

        def hear(event: Event) -> None:
            if isinstance(event, Display):
                bar.update()
            elif isinstance(event, Noted | Warned):
                bar.write(_line(event), file=sys.stderr)

        found = measure(args.solver, options, wanted, listeners=[hear], say=tell)
    if len(found.rates) > 1:
        save_figure(found.curve(), args.out, dpi=130)
        found.write(args.out.with_suffix(".csv"))
        print(f"written: {args.out}, {args.out.with_suffix('.csv')}")
    print(found.in_words())
    if found.suggestion is not None:
        print(_command(words, found.suggestion))
    if found.interrupted:
        sys.exit(INTERRUPTED)


def _line(event: Noted | Warned) -> str:
    return event.what if isinstance(event, Noted) else f"warning: {event.what}"


def _command(words: Sequence[str], rate: float) -> str:
    """The command that trains with a rate, and with what else was said."""
    kept, left = [], iter(words)
    for word in left:
        name, sign, _ = word.lstrip("-").partition("=")
        if word.startswith("-") and name in _OWN:
            if not sign:
                next(left, None)
        else:
            kept.append(word)
    return shlex.join(["catdog", "train", *kept, "--lr", f"{rate:g}"])


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = Parser(__doc__)
    add = parser.add_argument
    add("--solver", required=True, help="the solver, or the name of one that ships")
    about = "(default: %(default)g)"
    for flag, name, most in (("--from", "low", "least"), ("--to", "high", "largest")):
        add(
            flag,
            dest=name,
            type=positive_number,
            default=getattr(_DEFAULT, name),
            metavar="RATE",
            help=f"the {most} rate {about}",
        )
    about = f"from one to the other (default: {_DEFAULT.iterations})"
    add("--iterations", type=at_least(2), default=_DEFAULT.iterations, metavar="N", help=about)
    about = "the picture; the numbers go beside it as .csv (default: lr_find.png)"
    add("--out", type=file_path, default=Path("lr_find.png"), metavar="FILE", help=about)
    add("--seed", type=int, help="of weights and data (default: the solver's)")
    add("--freeze", action="append", default=[], metavar="'conv*,fc6'", help="as train takes it")
    add("--force", action="store_true", help="also where the memory seems too small")
    add_batch(parser)
    add_class_weights(parser)
    parser.set_defaults(lr=None, epochs=None)
    add_solver_options(parser)
    return parser.parse(words, field_for)


if __name__ == "__main__":
    run_tool(main)
