"""Build the LMDBs that a net is trained and tested on from labelled photos.

Reads a folder: train/ with cat.0.jpg, dog.0.jpg ... in it (Kaggle), train/ with a folder for each
class, train/ beside val/ and test/, or the photos themselves; CIFAR-10's batches; a list file; a
table of labels. Each photo is decoded to BGR, the histogram of each channel is equalised, and it is
stretched to SIZE x SIZE. Every sixth photo of the shuffled list goes to validation, with
--stratify a sixth of each class, or what --validation says. Without photos in input/, cats and dogs
are drawn.

With --shards each LMDB is divided, and several processes may make the shards together.

  python tools/create_lmdb.py                        input/train -> input/train_lmdb ...
  python tools/create_lmdb.py --data photos --out input --size 64
  python tools/create_lmdb.py --data cifar10 --out cifar10 --size 32 --no-equalize --validation 5000
  torchrun --nproc-per-node=2 tools/create_lmdb.py --data photos --out input --shards 16
"""

import argparse
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from catdog.cli.argument_types import at_least, share_or_count
from catdog.cli.arguments import Parser
from catdog.cli.main import run_tool
from catdog.data.build.dataset import DEFAULT_FOLDER, LabelFiles, create
from catdog.errors import CatdogError
from catdog.proto.caffe_pb2 import DatasetParameter
from catdog.runtime.distributed.join import joined

_SIZE, _QUALITY = 227, 95
_USUAL = {"resize": "STRETCH", "interpolation": "CUBIC"}
_, *_ENCODINGS = DatasetParameter.Encoding.keys()
#: Processes that have made their shards wait for the others as long as that takes.
_PATIENCE = timedelta(days=30)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(__doc__)
    add = parser.add_argument
    add(
        "--data",
        default=str(DEFAULT_FOLDER),
        help="folder of photos, a .zip or .tar of one, WebDataset's tars: a path, a pattern or an "
        "address (default: input)",
    )
    add("--out", type=Path, help="where the LMDBs go (default: input)")
    _add_preparation(parser)
    add("--seed", type=int, default=0, help="of the shuffled order (default: 0)")
    _add_split(parser)
    add("--test", type=Path, metavar="DIR", help="labelled test photos (default: test/ if any)")
    _add_lists(parser)
    about = "decisions on photos: which are left out, which get another class (docs/data.md)"
    add("--review", type=Path, metavar="FILE.csv", help=about)
    _add_shards(parser)
    add("--workers", type=at_least(1), default=0, help="threads (default: one for each core)")
    add("--resume", action="store_true", help="go on with the build that was interrupted")
    return parser.parse(argv)


def _add_preparation(parser: Parser) -> None:
    """What is done to a photo before it is stored."""
    add = parser.add_argument
    add("--size", type=at_least(1), help=f"width and height (default: {_SIZE})")
    add("--width", type=at_least(1), help="instead of --size")
    add("--height", type=at_least(1), help="instead of --size")
    add(
        "--resize",
        type=str.upper,
        choices=DatasetParameter.Resize.keys(),
        default=_USUAL["resize"],
        help="of other proportions: stretch (default), pad with the mean colour, or crop",
    )
    add("--no-equalize", action="store_true", help="leave the histograms as they are")
    add(
        "--interpolation",
        type=str.upper,
        choices=DatasetParameter.Interpolation.keys(),
        default=_USUAL["interpolation"],
        help="how photos are stretched (default: CUBIC)",
    )
    add("--gray", action="store_true", help="one channel instead of blue, green and red")
    add(
        "--encoded",
        type=str.upper,
        choices=_ENCODINGS,
        help="store files instead of pixels: prepared photos as JPEGs, or keep the photos' own, "
        "which are neither equalised nor stretched then",
    )
    add("--quality", type=int, metavar="Q", help="of --encoded jpeg, 1 to 100 (default: 95)")


def _add_split(parser: Parser) -> None:
    """Which photos are for validation."""
    cut = parser.add_mutually_exclusive_group()
    cut.add_argument(
        "--validation-every",
        type=at_least(2),
        default=6,
        metavar="N",
        help="every N-th photo is for validation (default: 6)",
    )
    parser.add_argument(
        "--stratify",
        action="store_true",
        help="keep each class's share: one in N of each class, in the shuffled order, is for "
        "validation",
    )
    cut.add_argument(
        "--validation",
        type=share_or_count,
        metavar="SHARE",
        help="instead: such a share of each class, 0.1, or so many photos in all, 5000; 0: none",
    )


def _add_shards(parser: Parser) -> None:
    """How many LMDBs each part is divided into."""
    add = parser.add_argument
    add("--shards", type=at_least(1), default=0, metavar="N", help="divide each LMDB into N")
    add(
        "--rebuild",
        nargs="+",
        default=[],
        metavar="SHARD",
        help="make these shards of the build again, input/train_lmdb/shard-00003, and those that "
        "are missing",
    )


def _add_lists(parser: Parser) -> None:
    """Files that name photos and their labels."""
    add = parser.add_argument
    add("--list", type=Path, help="list file, `path label` in each line, paths from --data")
    add("--validation-list", type=Path, help="list file of the validation photos")
    add(
        "--labels",
        type=Path,
        metavar="FILE",
        help="several labels for each photo, a CSV of `file,label,...`; with --list: names of its "
        "classes, one in each line",
    )


def _dataset(args: argparse.Namespace) -> DatasetParameter:
    validation = args.validation
    if validation is None and args.stratify:
        validation = 1 / args.validation_every
    keep = args.encoded == "KEEP"
    jpegs = args.encoded == "JPEG"
    return DatasetParameter(
        width=None if keep else args.width or args.size or _SIZE,
        height=None if keep else args.height or args.size or _SIZE,
        equalize=not (args.no_equalize or keep),
        interpolation=args.interpolation,
        resize=args.resize,
        encoding=args.encoded,
        quality=(args.quality or _QUALITY) if jpegs else None,
        shards=args.shards or None,
        channel_order=DatasetParameter.GRAY if args.gray else DatasetParameter.BGR,
        validation_every=args.validation_every if validation is None else None,
        validation=validation,
        seed=args.seed,
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Build and tell what was built."""
    args = _arguments(argv)
    files = LabelFiles(args.list, args.labels, args.validation_list, args.test, args.review)
    if args.labels and args.test and not args.list:
        raise CatdogError(
            "test photos have one label each, those of a table several",
            where="--test",
            remedy="build the test set from a table of its own, with --validation 0",
        )
    if args.validation_list and not args.list:
        raise CatdogError(
            "the training photos need a list too", where="--validation-list", remedy="give --list"
        )
    if args.labels and args.stratify and not args.list:
        raise CatdogError(
            "photos of a table have several labels each, there is no class to have a share of",
            where="--stratify",
            remedy="leave it out",
        )
    _check_encoding(args)
    if args.rebuild and (args.resume or not args.shards):
        remedy = "give --shards and what else the build was made with, without --resume"
        raise CatdogError("takes shards of a build that is there", where="--rebuild", remedy=remedy)
    with joined(_PATIENCE, "--resume keeps the shards that are done") as group:
        report = create(
            args.data,
            args.out or DEFAULT_FOLDER,
            _dataset(args),
            files=files,
            workers=args.workers,
            resume=args.resume,
            rebuild=args.rebuild,
            group=group,
        )
    if group.leads:
        print(report)


def _check_encoding(args: argparse.Namespace) -> None:
    if args.quality is not None and (args.encoded != "JPEG" or not 1 <= args.quality <= 100):
        what = "is that of JPEGs, from 1 to 100"
        raise CatdogError(what, where="--quality", remedy="give --encoded jpeg with it")
    given = [name for name in ("size", "width", "height", "gray") if getattr(args, name)]
    given += [name for name, usual in _USUAL.items() if getattr(args, name) != usual]
    if args.encoded == "KEEP" and given:
        raise CatdogError(
            "keeps the photos as they are, of whatever size and colours",
            where="--encoded keep",
            remedy=f"leave --{given[0]} out, or give --encoded jpeg",
        )


if __name__ == "__main__":
    run_tool(main)
