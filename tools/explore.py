"""Look at labelled photos before training: sizes, classes, doubles, files that cannot be read.

    python tools/explore.py input
    python tools/explore.py input --weights snapshots/quick/deep64_iter_700.caffemodel
    python tools/explore.py input --find-errors

writes exploration/index.html, its drawings as .png, and photos.csv with a row for each photo. With
a trained net it shows the photos that the net finds hardest, and those that may be mislabelled.

--find-errors ranks what is likely wrong: labels, photos unlike all others, doubles of another
class, dark, blurred and odd ones. findings.html is a page to decide on them, which saves
review.csv for `create_lmdb.py --review`. Photos are compared by EfficientNet-Lite0's features, or
those of --weights.
"""

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from catdog.analysis import error_search, photo_quality
from catdog.analysis.exploration import Trained, explore, summary, write_exploration
from catdog.analysis.label_errors import cleanlab
from catdog.analysis.labelled import collect, labelled_photos, predict_photos
from catdog.analysis.photo_features import imagenet_net
from catdog.analysis.survey import survey
from catdog.cli.argument_types import at_least
from catdog.cli.arguments import Parser, device_of
from catdog.cli.main import run_tool
from catdog.data.build.folder_layouts import find_photos
from catdog.data.build.packed_photos import find_packed, packed_places
from catdog.errors import CatdogError
from catdog.inference.open_nets import NetOptions
from catdog.inference.predictor import Predictor
from catdog.runtime.progress import progress
from catdog.training.out_of_fold import OutOfFolds, out_of_fold
from catdog.training.trained_folds import trained_folds
from catdog.weights import read_weights

_FOLDS = 5


def main(argv: Sequence[str] | None = None) -> None:
    """Run the tool."""
    args = _arguments(argv)
    packed = packed_places(args.folder)
    listing = find_packed(packed) if packed else find_photos(args.folder)
    photos = [*listing.train, *(listing.validation or [])]
    # a net that is not for these photos is found out before they are read
    asked = _search(args) if args.find_errors else None
    predictor = None if asked else _predictor(args)
    if predictor:
        cleanlab("filter")
    data = labelled_photos(photos, listing.classes, predictor) if predictor else None
    measured = survey(photos, photo_quality.measure) if asked else survey(photos)
    looks = list(progress(measured, "look", len(photos)))
    trained = None
    if predictor and data:
        found = progress(predict_photos(predictor, data), "judge", len(photos))
        trained = Trained(args.weights, predictor.classes, data, collect(found))
    result = explore(args.folder, listing, looks, tiny=args.tiny, trained=trained)
    print(*summary(result), sep="\n")
    errors = error_search.search(asked, result.seen, listing.classes) if asked else None
    written = write_exploration(result, Path(args.out))
    if errors:
        print("", *error_search.summary(errors), "", sep="\n")
        written += error_search.write_errors(errors, Path(args.out))
    for path in written:
        print(f"written  {path}")


def _arguments(argv: Sequence[str] | None) -> Namespace:
    parser = Parser(__doc__)
    add = parser.add_argument
    add("folder", metavar="DIR", help="labelled photos, or a .zip or .tar of them")
    add("--out", default="exploration", help="a folder (default: exploration)")
    add("--weights", "--model", help="a snapshot: show what it stumbles over")
    add("--tiny", type=at_least(1), default=64, help="pixels (default: 64)")
    add("--find-errors", action="store_true", help="rank what is likely wrong, with a page")
    by = parser.add_mutually_exclusive_group()
    about = f"of the classifier that judges labels, each photo unseen (default: {_FOLDS})"
    by.add_argument("--folds", type=at_least(2), metavar="K", help=about)
    about = "judge labels by the nets of train.py --folds, by their snapshot_prefix"
    by.add_argument("--folds-of", metavar="RUN", help=about)
    parser.add_device()
    args = parser.parse(argv)
    for flag in ("folds", "folds_of"):
        if getattr(args, flag) and not args.find_errors:
            where = f"--{flag.replace('_', '-')}"
            raise CatdogError("is of --find-errors", where=where, remedy="give it too")
    return args


def _predictor(args: Namespace) -> Predictor | None:
    if not args.weights:
        return None
    return Predictor(read_weights(args.weights), device=device_of(args))


def _search(args: Namespace) -> error_search.ErrorSearch:
    error_search.check_ready(Path(args.out))
    net = _predictor(args) or imagenet_net(device_of(args))
    trained = _of_folds(args) if args.folds_of else None
    return error_search.ErrorSearch(net, args.folds or _FOLDS, trained)


def _of_folds(args: Namespace) -> OutOfFolds:
    folds = trained_folds(args.folds_of)
    with progress(what="predict", total=sum(len(fold.unseen) for fold in folds)) as bar:
        return out_of_fold(folds, NetOptions(device=device_of(args)).open, bar.update)


if __name__ == "__main__":
    run_tool(main)
