"""Draw the learning curve of a log: losses, test accuracy, drops of the learning rate.

python tools/plot_learning_curve.py train.log [curve.png]
"""

from collections.abc import Sequence
from pathlib import Path

from catdog import cli
from catdog.arguments import Parser
from catdog.curves import plot


def main(argv: Sequence[str] | None = None) -> None:
    """Run the tool."""
    parser = Parser(__doc__)
    parser.add_argument("log", type=Path, help="a log of Caffe, NVCaffe or catdog")
    parser.add_argument("out", type=Path, nargs="?", help="the picture (default: LOG.png)")
    args = parser.parse(argv)
    print(plot(args.log, args.out))


if __name__ == "__main__":
    cli.tool(main)
