"""How many wrong labels `explore.py --find-errors` finds, and what mending them is worth.

    python experiments/turned_labels.py photos --share 0.05 --seeds 3

Every sixth photo of each class is held out with its right label. Of the others a share gets the
label of another class. They are ranked as `--find-errors` ranks them; then a linear classifier of
EfficientNet-Lite0's features is fitted to the right labels, to those with the wrong ones, and to
those after a review that takes each suggestion, and judged on the held-out photos.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from catdog.analysis.error_search import features_of
from catdog.analysis.findings import Evidence, findings
from catdog.analysis.linear_probe import Examples, fit, score
from catdog.analysis.photo_features import Features, imagenet_net
from catdog.analysis.photo_quality import measure
from catdog.analysis.survey import PhotoInfo, survey
from catdog.analysis.unseen_predictions import by_probe
from catdog.cli.argument_types import at_least, positive_number
from catdog.cli.arguments import Parser, device_of
from catdog.cli.main import run_tool
from catdog.data.build.folder_layouts import find_photos
from catdog.runtime.progress import progress
from catdog.runtime.text_table import text_table

_FOLDS, _SIXTH, _FIRST = 5, 6, 0.1

Labels = NDArray[np.int64]


class Outcome(NamedTuple):
    """What came of a seed: how many were turned, the share of them in the first tenth of the
    ranking and among the suggestions, photos with a right label that got a suggestion, and
    accuracies with right, turned and reviewed labels."""

    turned: int
    first: float
    suggested: float
    wronged: int
    right: float
    before: float
    after: float


def main(argv: Sequence[str] | None = None) -> None:
    """Turn, search, mend and print."""
    parser = Parser(__doc__)
    parser.add_argument("folder", metavar="DIR", help="photos whose labels are right")
    parser.add_argument("--share", type=positive_number, default=0.05, help="(default: 0.05)")
    parser.add_argument("--seeds", type=at_least(1), default=1, help="so many runs (default: 1)")
    parser.add_device()
    args = parser.parse(argv)
    listing = find_photos(args.folder)
    looks = list(progress(survey(listing.train, measure), "look", len(listing.train)))
    seen = [info for info in looks if isinstance(info, PhotoInfo)]
    features = features_of(imagenet_net(device_of(args)), seen)
    rows = []
    for seed in range(args.seeds):
        one = outcome(seen, features, listing.classes, args.share, seed)
        shares = (f"{each:.2%}" for each in (one.right, one.before, one.after))
        found = f"{one.first:.1%}", f"{one.suggested:.1%}", f"{one.wronged}"
        rows.append((f"{seed}", f"{one.turned}", *found, *shares))
    head = ("seed", "turned", "first tenth", "suggested", "wronged", "right", "wrong", "reviewed")
    print(text_table(head, rows))


def outcome(
    seen: Sequence[PhotoInfo], features: Features, classes: Sequence[str], share: float, seed: int
) -> Outcome:
    """What comes of one seed."""
    right = np.array([info.photo.label for info in seen])
    chance = np.random.default_rng(seed)
    held = _sixth(right, chance)
    kept = np.flatnonzero(~held)
    labels = right.copy()
    turned = chance.choice(kept, round(share * len(kept)), replace=False)
    labels[turned] = (labels[turned] + chance.integers(1, len(classes), len(turned))) % len(classes)
    changed = [_labelled(seen[at], int(labels[at])) for at in kept.tolist()]
    judged = by_probe(features[kept], labels[kept], len(classes), _FOLDS)
    ranked = findings(Evidence(changed, classes, judged, features[kept]))
    first = {int(kept[each.at]) for each in ranked[: round(_FIRST * len(kept))]}
    reviewed = labels.copy()
    for each in ranked:
        if each.suggested:
            reviewed[kept[each.at]] = classes.index(each.suggested)
    mended = {int(at) for at in np.flatnonzero(reviewed != labels)}
    wrong = {int(at) for at in turned}
    tested = Examples(features[held].astype(np.float64), right[held])
    accuracies = [
        score(fit("logistic", Examples(features[kept].astype(np.float64), each[kept]))[0], tested)
        for each in (right, labels, reviewed)
    ]
    return Outcome(
        len(turned),
        len(first & wrong) / len(wrong),
        len(mended & wrong) / len(wrong),
        len(mended - wrong),
        *(each.accuracy for each in accuracies),
    )


def _sixth(labels: Labels, chance: np.random.Generator) -> NDArray[np.bool_]:
    """One in six of each class."""
    held = np.zeros(len(labels), np.bool_)
    for label in np.unique(labels):
        held[chance.permutation(np.flatnonzero(labels == label))[::_SIXTH]] = True
    return held


def _labelled(info: PhotoInfo, label: int) -> PhotoInfo:
    return info._replace(photo=info.photo._replace(label=label))


if __name__ == "__main__":
    run_tool(main)
