"""Look at labelled photos before training: sizes, classes, doubles, files that cannot be read.

    python tools/explore.py input
    python tools/explore.py input --weights snapshots/quick/deep64_iter_700.caffemodel

writes exploration/index.html, its drawings as .png, and photos.csv with a row for each photo. With
a trained net it shows the photos that the net finds hardest, and those that may be mislabelled.
"""

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from catdog.analysis.exploration import Trained, explore, summary, write_exploration
from catdog.analysis.labelled import collect, labelled_photos, predict_photos
from catdog.analysis.survey import survey
from catdog.cli.argument_types import at_least
from catdog.cli.arguments import Parser, device_of
from catdog.cli.main import run_tool
from catdog.data.build.folder_layouts import find_photos
from catdog.data.build.packed_photos import find_packed, packed_places
from catdog.inference.predictor import Predictor
from catdog.runtime.progress import progress
from catdog.weights import read_weights


def main(argv: Sequence[str] | None = None) -> None:
    """Run the tool."""
    parser = Parser(__doc__)
    parser.add_argument("folder", metavar="DIR", help="labelled photos, or a .zip or .tar of them")
    parser.add_argument("--out", default="exploration", help="a folder (default: exploration)")
    parser.add_argument("--weights", "--model", help="a snapshot: show what it stumbles over")
    parser.add_argument("--tiny", type=at_least(1), default=64, help="pixels (default: 64)")
    parser.add_device()
    args = parser.parse(argv)
    packed = packed_places(args.folder)
    listing = find_packed(packed) if packed else find_photos(args.folder)
    photos = [*listing.train, *(listing.validation or [])]
    # a net that is not for these photos is found out before they are read
    predictor = _predictor(args)
    data = labelled_photos(photos, listing.classes, predictor) if predictor else None
    looks = list(progress(survey(photos), "look", len(photos)))
    trained = None
    if predictor and data:
        found = progress(predict_photos(predictor, data), "judge", len(photos))
        trained = Trained(args.weights, predictor.classes, data, collect(found))
    result = explore(args.folder, listing, looks, tiny=args.tiny, trained=trained)
    print(*summary(result), sep="\n")
    for path in write_exploration(result, Path(args.out)):
        print(f"written  {path}")


def _predictor(args: Namespace) -> Predictor | None:
    if not args.weights:
        return None
    return Predictor(read_weights(args.weights), device=device_of(args))


if __name__ == "__main__":
    run_tool(main)
