"""Build the LMDBs that a net is trained and tested on from labelled photos.

Reads a folder: train/ with cat.0.jpg, dog.0.jpg ... in it (Kaggle), train/ with a folder for each
class, train/ beside val/, or the photos themselves; or a list file. Each photo is decoded to BGR,
the histogram of each channel is equalised, and it is stretched to SIZE x SIZE. Every sixth photo
of the shuffled list goes to validation. Without photos, cats and dogs are drawn.

  python tools/create_lmdb.py                        input/train -> input/train_lmdb ...
  python tools/create_lmdb.py --data photos --out input --size 64
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from catdog import cli
from catdog.arguments import Parser
from catdog.dataset import DEFAULT_FOLDER, ListFiles, create
from catdog.proto.caffe_pb2 import DatasetParameter


def _positive(text: str) -> int:
    return _at_least(1, text)


def _two_or_more(text: str) -> int:
    return _at_least(2, text)


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
    add(
        "--validation-every",
        type=_two_or_more,
        default=6,
        metavar="N",
        help="every N-th photo is for validation (default: 6)",
    )
    add("--list", type=Path, help="list file, `path label` in each line, paths from --data")
    add("--validation-list", type=Path, help="list file of the validation photos")
    add("--labels", type=Path, help="file with the name of a class in each line")
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
        validation_every=args.validation_every,
        seed=args.seed,
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Build and tell what was built."""
    args = _arguments(argv)
    lists = ListFiles(args.list, args.labels, args.validation_list) if args.list else None
    out = args.out or DEFAULT_FOLDER
    print(create(args.data, out, _dataset(args), lists=lists, workers=args.workers))


if __name__ == "__main__":
    cli.tool(main)
