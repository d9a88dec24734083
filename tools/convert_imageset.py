"""Store the pictures of a list file in an LMDB, as Caffe's convert_imageset does.

Each line of the list file is `path label`; ROOTFOLDER goes before the path.

  python tools/convert_imageset.py --resize_width 256 --resize_height 256 photos/ list.txt out_lmdb
"""

import argparse
import sys
from collections.abc import Sequence

from catdog.cli.arguments import Parser
from catdog.cli.main import run_tool
from catdog.data.build.imageset import PictureFormat, convert

_FLAGS = {
    "gray": "read in grey",
    "shuffle": "in random order",
    "check_size": "stop at a picture of another size",
    "encoded": "store picture files instead of pixels",
}
_BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def _boolean(text: str) -> bool:
    if text.lower() not in _BOOLEANS:
        raise argparse.ArgumentTypeError(f'"{text}" is neither true nor false')
    return _BOOLEANS[text.lower()]


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(__doc__)
    for name, meaning in _FLAGS.items():
        about = f"{meaning}; also --{name}=false"
        parser.add_argument(f"--{name}", type=_boolean, default=False, metavar="", help=about)
    parser.add_argument("--encode_type", default="", help="jpg or png (default: as each file is)")
    parser.add_argument("--resize_width", type=int, default=0, help="0: as it is")
    parser.add_argument("--resize_height", type=int, default=0, help="0: as it is")
    parser.add_argument("--backend", choices=["lmdb"], type=str.lower, default="lmdb")
    parser.add_argument("--seed", type=int, default=0, help="of --shuffle (default: 0)")
    for name in ("root", "list", "target"):
        metavar = {"root": "ROOTFOLDER", "list": "LISTFILE", "target": "DB_NAME"}[name]
        parser.add_argument(name, metavar=metavar)
    # a flag alone means true and, as in Caffe's tools, never takes the next word
    words = sys.argv[1:] if argv is None else argv
    return parser.parse([f"{word}=true" if word.lstrip("-") in _FLAGS else word for word in words])


def main(argv: Sequence[str] | None = None) -> None:
    """Convert, and name the files that were left out."""
    args = _arguments(argv)
    width, height = max(0, args.resize_width), max(0, args.resize_height)
    wanted = PictureFormat(
        args.gray, width, height, args.encoded or bool(args.encode_type), args.encode_type
    )
    seed = args.seed if args.shuffle else None
    done = convert(args.root, args.list, args.target, wanted, seed=seed, check_size=args.check_size)
    for name, reason in done.skipped:
        print(f"skipped {name}: {reason}", file=sys.stderr)
    print(f"Processed {done.count} files.")
    if done.in_runs:
        print(
            "warning: the labels come in runs: a training needs them mixed; --shuffle does it",
            file=sys.stderr,
        )


if __name__ == "__main__":
    run_tool(main)
