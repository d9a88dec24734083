"""Draw cats and dogs to train on: FOLDER/train/cat.0.jpg ... and FOLDER/test1/1.jpg ...

python tools/draw_sample.py demo && python tools/create_lmdb.py --data demo
"""

from collections.abc import Sequence

from catdog.cli.argument_types import at_least, names
from catdog.cli.arguments import Parser
from catdog.cli.main import run_tool
from catdog.data.build.synthetic import ANIMALS, CLASSES, draw_sample
from catdog.errors import CatdogError, did_you_mean


def main(argv: Sequence[str] | None = None) -> None:
    """Draw them."""
    parser = Parser(__doc__)
    parser.add_argument("folder", metavar="FOLDER", nargs="?", default="demo")
    parser.add_argument(
        "--train", type=at_least(1), default=2500, help="labelled ones (default: 2500)"
    )
    parser.add_argument(
        "--test", type=at_least(0), default=100, help="without labels (default: 100)"
    )
    parser.add_argument(
        "--classes",
        type=names,
        default=list(CLASSES),
        metavar="NAME,NAME",
        help=f"of {', '.join(ANIMALS)} (default: {','.join(CLASSES)})",
    )
    parser.add_argument("--seed", type=int, default=0, help="another seed, other drawings")
    args = parser.parse(argv)
    _check(args.classes)
    draw_sample(args.folder, train=args.train, test=args.test, seed=args.seed, classes=args.classes)
    print(f"{args.train} drawings in {args.folder}/train, {args.test} in {args.folder}/test1")


def _check(classes: Sequence[str]) -> None:
    for name in classes:
        if name not in ANIMALS:
            remedy = did_you_mean(name, ANIMALS) or f"there are {', '.join(ANIMALS)}"
            raise CatdogError(f'no drawings of "{name}"', where="--classes", remedy=remedy)
    if len(set(classes)) < max(2, len(classes)):
        raise CatdogError("names two classes or more, each once", where="--classes")


if __name__ == "__main__":
    run_tool(main)
