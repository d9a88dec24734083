"""Compute the mean picture of an LMDB, as Caffe's compute_image_mean does.

python tools/compute_image_mean.py input/train_lmdb input/mean.binaryproto
"""

from collections.abc import Sequence

from catdog.cli.arguments import Parser
from catdog.cli.main import run_tool
from catdog.data.mean import compute_mean_file


def main(argv: Sequence[str] | None = None) -> None:
    """Compute, write if a file is named, and tell the mean of each channel."""
    parser = Parser(__doc__)
    parser.add_argument("lmdb", metavar="LMDB")
    parser.add_argument("out", metavar="OUT", nargs="?", help=".binaryproto to write")
    parser.add_argument("--backend", choices=["lmdb"], type=str.lower, default="lmdb")
    args = parser.parse(argv)
    print("\n".join(compute_mean_file(args.lmdb, args.out)))


if __name__ == "__main__":
    run_tool(main)
