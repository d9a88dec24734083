"""The arguments of tools/predict.py."""

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from catdog.cli.argument_types import at_least, file_name, share
from catdog.cli.arguments import Parser
from catdog.cli.specs import net_file
from catdog.engines.table import INT8, TORCH
from catdog.errors import CatdogError
from catdog.inference.engine_choice import NAMES
from catdog.inference.gallery import MOST
from catdog.inference.page import MOST as PAGE_PHOTOS
from catdog.inference.photos import FEW, are_few

OUT = "submission.csv"


def prediction_arguments(about: str | None, argv: Sequence[str]) -> argparse.Namespace:
    """What is asked; `answer` says that it is a few photos, and no submission.

    Raises CatdogError for arguments that do not go together.
    """
    parser = Parser(about)
    parser.add_argument(
        "photos", nargs="*", help="photos, folders of them (also deeper ones), zip archives"
    )
    parser.add_argument(
        "--weights",
        type=file_name,
        metavar="FILE[,FILE]",
        help="a file, a run or its folder, a published folder or hf:USER/NAME; of several nets the "
        "mean (default: the newest run's below snapshots/, its best)",
    )
    _add_folds(parser)
    add_nets(parser)
    _add_ends(parser)
    _add_page(parser)
    parser.add_argument(
        "--resume", action="store_true", help="go on with the rows that an interrupted run left"
    )
    parser.add_views()
    add_confidence(parser)
    parser.add_precision(INT8)
    add_engine(parser)
    parser.add_python()
    parser.add_device(several=True)
    args = parser.parse(argv)
    _check(args, parser)
    # few photos are answered on the terminal, and nothing is written that nobody asked for.
    asked = args.out or args.resume or args.probability
    args.answer = not asked and are_few(args.photos)
    args.out = args.out or OUT
    _check_apart(args)
    return args


def add_confidence(parser: Parser) -> None:
    """What is told of how far an answer can be trusted."""
    parser.add_argument(
        "--coverage",
        type=share,
        default=0.0,
        metavar="SHARE",
        help="tell of each photo a set of classes that holds the right one so often, such as 0.95, "
        "by weights that were calibrated (evaluate --calibrate)",
    )
    parser.add_argument(
        "--reject",
        type=share,
        default=0.0,
        metavar="SHARE",
        help="say neither of what is more foreign than this share of known photos, such as 0.01, "
        "by weights that were calibrated",
    )


def add_engine(parser: Parser) -> None:
    """What computes the net."""
    parser.add_argument(
        "--engine",
        choices=NAMES,
        default=TORCH,
        help="what computes the net, on the CPU; auto: the fastest that is installed (default: "
        "torch)",
    )


def add_nets(parser: Parser) -> None:
    """What weights do not carry, or carry otherwise."""
    parser.add_argument(
        "--model", type=net_file, help="the deploy net, where the weights carry none"
    )
    add = partial(parser.add_argument, type=file_name)
    add("--dataset", help="dataset.yaml, where the weights carry none")
    add("--mean", help="mean.binaryproto, where the weights carry none")
    add("--labels", help="names of the classes, one a line, in place of the net's")


def _add_folds(parser: Parser) -> None:
    """The nets of a cross-validation."""
    parser.add_argument(
        "--folds-of",
        type=file_name,
        metavar="RUN",
        help="the mean of the nets of a training with --folds, by its snapshot_prefix",
    )
    parser.add_argument(
        "--out-of-fold",
        type=file_name,
        metavar="FILE.csv",
        help="with --folds-of: each training photo by the net that has not seen it",
    )


def _add_ends(parser: Parser) -> None:
    """Where predictions go."""
    parser.add_argument(
        "--out",
        type=file_name,
        metavar="FILE.csv",
        help=f"(default: {OUT}; none for up to {FEW} photos that are named one by one)",
    )
    parser.add_argument(
        "--probability",
        action="store_true",
        help="write the probability of class 1; of more classes, or of several labels, of each",
    )
    parser.add_argument(
        "--table",
        type=file_name,
        metavar="FILE.csv",
        help="write of each photo its file and its five likeliest classes",
    )
    parser.add_argument(
        "--picture", type=file_name, help="draw the first photos with what they were taken for"
    )
    parser.add_argument(
        "--picture-photos",
        type=at_least(1),
        default=MOST,
        metavar="N",
        help=f"how many of them (default: {MOST})",
    )
    parser.add_argument(
        "--sort-into",
        type=file_name,
        metavar="DIR",
        help="copy each photo to DIR/CLASS/, by its likeliest class",
    )
    parser.add_argument("--link", action="store_true", help="with --sort-into: links, no copies")


def _add_page(parser: Parser) -> None:
    """The page of predictions."""
    parser.add_argument(
        "--page",
        type=file_name,
        metavar="FILE.html",
        help="write a page to look through, in one file",
    )
    parser.add_argument(
        "--page-photos",
        type=at_least(1),
        default=PAGE_PHOTOS,
        metavar="N",
        help=f"how many of them, from the first on (default: {PAGE_PHOTOS:,})",
    )


def _check(args: argparse.Namespace, parser: Parser) -> None:
    """Raise CatdogError for arguments that do not go together."""
    if not (args.photos or args.out_of_fold):
        parser.error("the following arguments are required: photos")
    if args.out_of_fold and not args.folds_of:
        raise CatdogError("says of which run?", where="--out-of-fold", remedy="add --folds-of RUN")
    if args.out_of_fold and args.engine != TORCH:
        remedy = "leave --engine out"
        raise CatdogError("--out-of-fold is computed by torch", where="--engine", remedy=remedy)
    if args.folds_of and args.weights:
        raise CatdogError("--folds-of and --weights exclude each other", remedy="keep one of them")
    if args.link and not args.sort_into:
        raise CatdogError("is for --sort-into", where="--link", remedy="leave it out")


def _check_apart(args: argparse.Namespace) -> None:
    """Raise CatdogError where two outputs would be written to one place."""
    places: dict[Path, str] = {}
    for name in ("out", "out_of_fold", "table", "picture", "page", "sort_into"):
        if (given := getattr(args, name)) and not (name == "out" and args.answer):
            flag, place = f"--{name.replace('_', '-')}", Path(given).resolve()
            if place in places:
                what = f"{places[place]} and {flag} name the same place"
                raise CatdogError(what, where=given, remedy="give each its own")
            places[place] = flag
