"""Draw learning curves: losses, test accuracy, drops of the learning rate, the best test.

    python tools/plot_learning_curve.py train.log [curve.png]
    python tools/plot_learning_curve.py snapshots/quick snapshots/small curves.png

Of several runs there is one picture with a color for each.
"""

from collections.abc import Sequence
from pathlib import Path

from catdog.cli.argument_types import at_least
from catdog.cli.arguments import Parser
from catdog.cli.main import run_tool
from catdog.tracking.curves.data import ACROSS, Style
from catdog.tracking.curves.files import plot

_PICTURES = {".png", ".pdf", ".svg", ".jpg", ".jpeg", ".eps", ".webp", ".tif", ".tiff"}


def main(argv: Sequence[str] | None = None) -> None:
    """Run the tool."""
    parser = Parser(__doc__)
    parser.add_argument(
        "log",
        type=Path,
        nargs="+",
        help="logs of Caffe, NVCaffe or catdog, or folders of runs; then the picture "
        "(default: LOG.png, of several curves.png)",
    )
    parser.add_argument(
        "--smooth",
        type=at_least(0),
        default=0,
        metavar="N",
        help="draw the mean of N displays as train loss (default: by their number; 1: as it is)",
    )
    parser.add_argument("--log-scale", action="store_true", help="a logarithmic axis for losses")
    parser.add_argument(
        "--x", choices=ACROSS, default=ACROSS[0], help="what to draw over (default: iteration)"
    )
    args = parser.parse(argv)
    logs, out = _split(args.log)
    style = Style(smooth=args.smooth, log_scale=args.log_scale, across=args.x)
    print(plot(logs, out, style))


def _split(paths: list[Path]) -> tuple[list[Path], Path | None]:
    """Logs, and the picture where the last one is that."""
    *logs, last = paths
    # without a suffix it is a run whose name is misspelt
    is_picture = last.suffix.lower() in _PICTURES or (bool(last.suffix) and not last.exists())
    return (logs, last) if logs and is_picture else (paths, None)


if __name__ == "__main__":
    run_tool(main)
