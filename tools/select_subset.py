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
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from catdog.analysis.subset import METHODS, METRICS, Settings
from catdog.analysis.subset.lmdb_features import (
    NetFeatures,
    Table,
    check_rows,
    labels,
    net_features,
    pixels,
    read_features,
)
from catdog.analysis.subset.select import (
    Subset,
    SubsetOptions,
    class_counts,
    comparison_table,
    select,
)
from catdog.analysis.subset.write import draw_sheet, write_lmdb
from catdog.cli import main as cli
from catdog.cli.arguments import Parser, device_of
from catdog.data.sources.index_file import write_index
from catdog.errors import CatdogError
from catdog.runtime.files import check_free, replacing
from catdog.spec import read_net

_PIXELS, _LITE0 = "pixels", "efficientnet_lite0"
#: Pixels to which pictures are stretched for EfficientNet-Lite0, unless --side says otherwise.
_LITE0_SIDE = 96


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(__doc__)
    add = parser.add_argument
    add("--lmdb", type=Path, required=True, metavar="DIR", help="the records to choose from")
    number = parser.add_mutually_exclusive_group()
    number.add_argument("--count", type=_positive, default=100, help="of each class (default: 100)")
    number.add_argument("--total", type=_positive, help="in all, the same of each class")
    add("--method", choices=METHODS, default="exchange", help="(default: exchange)")
    add("--compare", action="store_true", help="run all methods and tell how they compare")
    add(
        "--features",
        metavar="WHICH",
        help=f"{_PIXELS} (default), {_LITE0} (its spec in net_specs, its weights installed), or an "
        ".npz with a row for each record",
    )
    add("--model", help="features of this net instead, .yaml or .prototxt")
    parser.add_weights()
    add("--blob", default="", help="of the net (default: what its last InnerProduct reads)")
    parser.add_state()
    add("--side", type=_positive, default=0, help="stretch pictures to this before the net")
    add("--write-features", type=Path, metavar="NPZ", help="keep the features for --features")
    add("--distance", choices=METRICS, default=METRICS[0], help=f"(default: {METRICS[0]})")
    add("--draws", type=_positive, default=10_000, help="of method draws (default: 10000)")
    add("--weight", type=_weight, default=1.0, help="of coverage in representative (default: 1)")
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


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'"{text}" is no whole number from 1 on')
    return int(text)


def _weight(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f'"{text}" is no number from 0 on')
    return number


def _options(args: argparse.Namespace) -> SubsetOptions:
    settings = Settings(args.draws, args.weight)
    each = 0 if args.total else args.count
    return SubsetOptions(each, args.total or 0, args.distance, args.seed, settings)


def _features(args: argparse.Namespace) -> tuple[str, Table]:
    """What the features are called, and a row for each record."""
    if args.model:
        spec, rules = read_net(args.model), (args.level, args.stage)
        wanted = NetFeatures(spec, args.weights, args.blob, args.side, *rules)
    elif args.features == _LITE0:
        spec = read_net(f"net_specs/{_LITE0}.yaml")
        wanted = NetFeatures(spec, [_LITE0], args.blob, args.side or _LITE0_SIDE)
    elif args.features in (None, _PIXELS):
        return _PIXELS, pixels(args.lmdb)
    else:
        return args.features, read_features(args.features, args.blob)
    return net_features(args.lmdb, wanted, device_of(args))


def _write_features(path: Path, name: str, table: Table) -> None:
    with replacing(path) as beside, beside.open("wb") as file:
        np.savez(file, allow_pickle=False, **{name: table})


def _progress(classes: Iterable[int]) -> Iterable[int]:
    bar: Iterable[int] = tqdm(list(classes), "choose", unit=" classes")
    return bar


def main(argv: Sequence[str] | None = None) -> None:
    """Choose, tell what the choice is worth, and write it."""
    args = _arguments(argv)
    classes = labels(args.lmdb)
    options = _options(args)
    # what cannot be had is told before minutes of features
    class_counts(classes, options)
    if args.out_lmdb:
        check_free(args.out_lmdb)
    name, table = _features(args)
    check_rows(table, len(classes), name)
    if args.write_features:
        _write_features(args.write_features, name, table)
    methods = list(METHODS) if args.compare else [args.method]
    subsets = select(table, classes, methods, options, _progress)
    print(
        f"{len(classes)} records of {len(np.unique(classes))} classes; {table.shape[1]} features "
        f"of each ({name}), {args.distance} distance"
    )
    print(comparison_table(subsets))
    _write(args, subsets.by_method[args.method])


def _write(args: argparse.Namespace, subset: Subset) -> None:
    indices = subset.all_indices
    if args.out:
        write_index(args.out, indices)
        print(f"written  {args.out}: {len(indices)} records, by {args.method}")
    if args.out_lmdb:
        how = f"{len(indices)} records by {args.method}, seed {args.seed}"
        write_lmdb(args.lmdb, indices, args.out_lmdb, how)
        print(f"written  {args.out_lmdb}")
    if args.sheet:
        of_class = {label: some.tolist() for label, some in subset.indices.items()}
        draw_sheet(args.lmdb, of_class, args.sheet)
        print(f"written  {args.sheet}")


if __name__ == "__main__":
    cli.tool(main)
