"""Store photos with boxes in an LMDB for AnnotatedData, as SSD's create_annoset does.

Each line of the list is `photo annotation.xml`, the annotation in the form of Pascal VOC; the label
map names the classes.

  python tools/create_annoset.py list.txt train_lmdb --root VOCdevkit --label-map labelmap.prototxt
"""

import sys
from collections.abc import Sequence

from catdog.cli.arguments import Parser, tell
from catdog.cli.main import run_tool
from catdog.data.build.annoset import convert_annoset
from catdog.errors import some_of


def main(argv: Sequence[str] | None = None) -> None:
    """Convert, and name the photos that were left out."""
    parser = Parser(__doc__)
    parser.add_argument("list", metavar="LIST")
    parser.add_argument("out", metavar="OUT", help="the folder of the new LMDB")
    parser.add_argument("--root", default="", help="the folder that the paths of the list are in")
    parser.add_argument("--label-map", required=True, metavar="FILE")
    parser.add_argument("--shuffle", action="store_true", help="in random order")
    parser.add_argument("--seed", type=int, default=0, help="of --shuffle (default: 0)")
    args = parser.parse(argv)
    seed = args.seed if args.shuffle else None
    done = convert_annoset(args.list, args.out, args.label_map, root=args.root, seed=seed)
    for name, reason in done.skipped:
        print(f"skipped {name}: {reason}", file=sys.stderr)
    if done.beyond:
        tell(f"boxes reach beyond {some_of(done.beyond)}; they are stored as they are")
    print(f"{done.count} photos with {done.boxes} boxes, {done.empty} of them without any")


if __name__ == "__main__":
    run_tool(main)
