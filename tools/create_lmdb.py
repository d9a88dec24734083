"""Build the LMDBs that a net is trained and tested on from labelled photos.

Reads a folder: train/ with cat.0.jpg, dog.0.jpg ... in it (Kaggle), train/ with a folder for each
class, train/ beside val/ and test/, or the photos themselves; CIFAR-10's batches; a list file; a
table of labels. Each photo is decoded to BGR, the histogram of each channel is equalised, and it is
stretched to SIZE x SIZE. Every sixth photo of the shuffled list goes to validation, or what
--validation says. Without photos, cats and dogs are drawn.

  python tools/create_lmdb.py                        input/train -> input/train_lmdb ...
  python tools/create_lmdb.py --data photos --out input --size 64
  python tools/create_lmdb.py --data cifar10 --out cifar10 --size 32 --no-equalize --validation 5000
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from catdog.cli import main as cli
from catdog.cli.arguments import Parser
from catdog.data.build.dataset import DEFAULT_FOLDER, LabelFiles, create
from catdog.errors import CatdogError
from catdog.proto.caffe_pb2 import DatasetParameter


def _positive(text: str) -> int:
    return _at_least(1, text)


def _two_or_more(text: str) -> int:
    return _at_least(2, text)


def _share_or_number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 <= number < float("inf") or (number > 1 and number % 1):
        raise argparse.ArgumentTypeError(f'"{text}" is no share below 1 and no number of photos')
    return number


def _at_least(least: int, text: str) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f'"{text}" is no whole number from {least} on')
    return int(text)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(__doc__)
    add = parser.add_argument
    add("--data", type=Path, default=DEFAULT_FOLDER, help="folder of photos (default: input)")
    add("--out", type=Path, help="where the LMDBs go (default: input)")
    add("--size", type=_positive, default=227, help="width and height (default: 227)")
    add("--width", type=_positive, help="instead of --size")
    add("--height", type=_positive, help="instead of --size")
    add(
        "--resize",
        type=str.upper,
        choices=DatasetParameter.Resize.keys(),
        default="STRETCH",
        help="of other proportions: stretch (default), pad with the mean colour, or crop",
    )
    add("--no-equalize", action="store_true", help="leave the histograms as they are")
    add(
        "--interpolation",
        type=str.upper,
        choices=DatasetParameter.Interpolation.keys(),
        default="CUBIC",
        help="how photos are stretched (default: CUBIC)",
    )
    add("--gray", action="store_true", help="one channel instead of blue, green and red")
    add("--seed", type=int, default=0, help="of the shuffled order (default: 0)")
    cut = parser.add_mutually_exclusive_group()
    cut.add_argument(
        "--validation-every",
        type=_two_or_more,
        default=6,
        metavar="N",
        help="every N-th photo is for validation (default: 6)",
    )
    cut.add_argument(
        "--validation",
        type=_share_or_number,
        metavar="SHARE",
        help="instead: such a share of each class, 0.1, or so many photos in all, 5000; 0: none",
    )
    add("--test", type=Path, metavar="DIR", help="labelled test photos (default: test/ if any)")
    add("--list", type=Path, help="list file, `path label` in each line, paths from --data")
    add("--validation-list", type=Path, help="list file of the validation photos")
    add(
        "--labels",
        type=Path,
        metavar="FILE",
        help="several labels for each photo, a CSV of `file,label,...`; with --list: names of its "
        "classes, one in each line",
    )
    add("--workers", type=_positive, default=0, help="threads (default: one for each core)")
    return parser.parse(argv)


def _dataset(args: argparse.Namespace) -> DatasetParameter:
    return DatasetParameter(
        width=args.width or args.size,
        height=args.height or args.size,
        equalize=not args.no_equalize,
        interpolation=args.interpolation,
        resize=args.resize,
        channel_order=DatasetParameter.GRAY if args.gray else DatasetParameter.BGR,
        validation_every=args.validation_every if args.validation is None else None,
        validation=args.validation,
        seed=args.seed,
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Build and tell what was built."""
    args = _arguments(argv)
    files = LabelFiles(args.list, args.labels, args.validation_list, args.test)
    if args.labels and args.test and not args.list:
        raise CatdogError(
            "test photos have one label each, those of a table several",
            where="--test",
            remedy="build the test set from a table of its own, with --validation 0",
        )
    out = args.out or DEFAULT_FOLDER
    print(create(args.data, out, _dataset(args), files=files, workers=args.workers))


if __name__ == "__main__":
    cli.tool(main)
