"""Choose records of an LMDB that differ as much as possible, the same number of each class.

Differing is the mean distance between two of the chosen of a class, of their pixels, of a blob of a
net, or of numbers in an .npz.

  python tools/select_subset.py --lmdb input/train_lmdb --count 100 --out chosen.txt
  python tools/select_subset.py --lmdb input/train_lmdb --total 1000 --compare
  python tools/select_subset.py --lmdb input/train_lmdb --model net.yaml --weights w.caffemodel \\
      --blob fc1 --distance cosine --out chosen.txt --out-lmdb chosen_lmdb --sheet chosen.png

The list has the place of a record in each line; a Data layer takes them by `index_file`.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from catdog.analysis.subset import METHODS, METRICS, Settings
from catdog.analysis.subset.from_lmdb import (
    LITE0,
    PIXELS,
    FeatureOptions,
    SubsetFiles,
    SubsetJob,
    subset_lines,
)
from catdog.analysis.subset.select import SubsetOptions
from catdog.cli.argument_types import at_least, number_from_0
from catdog.cli.arguments import Parser, device_of
from catdog.cli.main import run_tool
from catdog.cli.specs import net_file
from catdog.errors import CatdogError


def main(argv: Sequence[str] | None = None) -> None:
    """Choose, tell what the choice is worth, and write it."""
    args = _arguments(argv)
    for line in subset_lines(_job(args), device_of(args)):
        print(line)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(__doc__)
    add = parser.add_argument
    add("--lmdb", type=Path, required=True, metavar="DIR", help="the records to choose from")
    number = parser.add_mutually_exclusive_group()
    number.add_argument(
        "--count", type=at_least(1), default=100, help="of each class (default: 100)"
    )
    number.add_argument("--total", type=at_least(1), help="in all, the same of each class")
    add("--method", choices=METHODS, default="exchange", help="(default: exchange)")
    add("--compare", action="store_true", help="run all methods and tell how they compare")
    _add_features(parser)
    add("--distance", choices=METRICS, default=METRICS[0], help=f"(default: {METRICS[0]})")
    add("--draws", type=at_least(1), default=10_000, help="of method draws (default: 10000)")
    about = "of coverage in representative (default: 1)"
    add("--weight", type=number_from_0, default=1.0, help=about)
    add("--seed", type=int, default=0, help="of what is drawn (default: 0)")
    add("--out", type=Path, metavar="FILE", help="the list of the chosen records")
    add("--out-lmdb", type=Path, metavar="DIR", help="the chosen records as an LMDB")
    add("--sheet", type=Path, metavar="PNG", help="the chosen records as a picture")
    parser.add_device()
    args = parser.parse(argv)
    if not (args.compare or args.out or args.out_lmdb or args.sheet):
        raise CatdogError("nothing to do", remedy="give --out, --out-lmdb, --sheet or --compare")
    if args.model and args.features:
        raise CatdogError("--model and --features", remedy="keep one of them")
    return args


def _add_features(parser: Parser) -> None:
    """What the records are compared by."""
    add = parser.add_argument
    add(
        "--features",
        metavar="WHICH",
        help=f"{PIXELS} (default), {LITE0} (its spec in net_specs, its weights installed), or an "
        ".npz with a row for each record",
    )
    add("--model", type=net_file, help="features of this net instead, .yaml or .prototxt")
    parser.add_weights()
    add("--blob", default="", help="of the net (default: what its last InnerProduct reads)")
    parser.add_state()
    add("--side", type=at_least(1), default=0, help="stretch pictures to this before the net")
    add("--write-features", type=Path, metavar="NPZ", help="keep the features for --features")


def _job(args: argparse.Namespace) -> SubsetJob:
    each, total = (0, args.total) if args.total else (args.count, 0)
    settings = Settings(args.draws, args.weight)
    return SubsetJob(
        args.lmdb,
        args.method,
        args.compare,
        SubsetOptions(each, total, args.distance, args.seed, settings),
        _features(args),
        SubsetFiles(args.out, args.out_lmdb, args.sheet),
    )


def _features(args: argparse.Namespace) -> FeatureOptions:
    return FeatureOptions(
        source=args.features or PIXELS,
        model=args.model or "",
        weights=args.weights,
        level=args.level,
        stages=args.stage,
        blob=args.blob,
        side=args.side,
        keep=args.write_features,
    )


if __name__ == "__main__":
    run_tool(main)
