"""A folder of photos to a trained net, a report and a page, in one command.

    python tools/fit.py photos
    python tools/fit.py photos.zip --out flowers --minutes 10

looks at the photos, takes the net that is best for so many of them on this machine, writes its
specs, builds the data, trains, tests and reports, all in one folder. Every step is a tool whose
command is printed. The same command goes on where an earlier one was interrupted.
"""

import shlex
from argparse import Namespace
from collections.abc import Sequence

from catdog.cli.argument_types import at_least, positive_number
from catdog.cli.arguments import Parser, device_of
from catdog.cli.main import run_tool
from catdog.project.fitting import fit
from catdog.project.folder import folder_for


def main(argv: Sequence[str] | None = None) -> None:
    """Run the tool."""
    args = _arguments(argv)
    device_of(args)
    fitted = fit(
        args.photos,
        args.out or folder_for(args.photos),
        net=args.net,
        epochs=args.epochs,
        lr=args.lr,
        batch=args.batch,
        size=args.size,
        minutes=args.minutes,
        seed=args.seed,
        device=_device(args),
    )
    right = ""
    if fitted.accuracy is not None and fitted.interval:
        between = fitted.interval.words(".0%")
        right = f": accuracy {fitted.accuracy:.1%} ({between}) in validation"
    print(f"\n{fitted.folder}: {fitted.net}{right}, {fitted.seconds / 60:.1f} minutes")
    for title, page in (("report", fitted.report), ("photos", fitted.page)):
        if page.exists():
            print(f"{title:7}  {page}")
    print(f"predict  catdog predict --weights {shlex.quote(str(fitted.weights))} PHOTOS")


def _device(args: Namespace) -> str:
    return f"cuda:{args.gpu}" if args.gpu is not None else args.device or ""


def _arguments(argv: Sequence[str] | None) -> Namespace:
    parser = Parser(__doc__)
    add = parser.add_argument
    add("photos", help="a folder, a list file, a table of labels, or a zip of any of these")
    add("--out", help="folder of the project (default: that of the photos with _fit)")
    about = "a net that ships, torchvision:NAME, timm:NAME, or a file (default: the best for the "
    add("--net", default="", help=f"{about}photos)")
    add("--epochs", type=positive_number, default=0, help="passes over the photos")
    add("--lr", type=positive_number, default=0, help="base_lr of the solver")
    add("--batch", type=at_least(1), default=0, help="photos an iteration")
    add("--size", type=at_least(1), default=0, help="pixels of a side")
    about = "as good as it gets in so many minutes, all included; not with --epochs"
    add("--minutes", type=positive_number, default=0, help=about)
    add("--seed", type=at_least(0), default=1, help="of the split and the training (default: 1)")
    parser.add_device()
    return parser.parse(argv)


if __name__ == "__main__":
    run_tool(main)
