"""Photos that should be looked at before a training, the likeliest faults first, with reasons."""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catdog.analysis.duplicates import groups
from catdog.analysis.label_errors import cleanlab, doubted
from catdog.analysis.labelled import LabelledPredictions
from catdog.analysis.photo_features import Features
from catdog.analysis.photo_quality import photo_faults
from catdog.analysis.review_candidates import DOUBLE, HARD, MISLABELLED, OUTLIER, note_of_net
from catdog.analysis.survey import PhotoInfo
from catdog.data.build.review import ReviewRow
from catdog.errors import one_line
from catdog.runtime.files import replacing

#: The share of photos, those farthest from their neighbours, that are called unlike the others.
_FARTHEST = 0.02
#: What a fault of the picture, or being unlike the others, weighs beside a label that is wrong.
_WEIGHT = 0.5
_NEIGHBOURS = 10


@dataclass(frozen=True)
class Reason:
    """Why a photo should be looked at: MISLABELLED, OUTLIER, DOUBLE or a fault of
    `photo_quality.KINDS`; how bad it is from 0 to 1; and what a person is told."""

    kind: str
    badness: float
    told: str


@dataclass(frozen=True)
class Finding:
    """A photo with its reasons, the worst first; `at` is its place among those that were seen.

    `suggested` is the class that it should have by what other photos say; empty where nothing
    speaks against its own.
    """

    at: int
    photo: str
    label: str
    suggested: str
    reasons: tuple[Reason, ...]

    @property
    def badness(self) -> float:
        """What the photo is ranked by: the sum of its reasons."""
        return sum(reason.badness for reason in self.reasons)

    @property
    def row(self) -> ReviewRow:
        """It as a row of a review without a decision."""
        return ReviewRow(self.photo, self.label, note="; ".join(each.told for each in self.reasons))


@dataclass(frozen=True)
class Evidence:
    """What findings are made of.

    Args:
        seen: the photos.
        classes: the names of the labels.
        predictions: out-of-fold, their `index` into `seen`.
        features: seen x numbers, NaN where a photo has none; None: not looked at.
    """

    seen: Sequence[PhotoInfo]
    classes: Sequence[str]
    predictions: LabelledPredictions | None
    features: Features | None


def findings(evidence: Evidence) -> list[Finding]:
    """The photos with a reason, the worst first. Raises CatdogError where a library is missing."""
    reasons: dict[int, list[Reason]] = {}
    taken = dict(_taken_for(evidence.predictions, evidence.classes))
    for at, reason in _reasons(evidence):
        reasons.setdefault(at, []).append(reason)
    found = [
        Finding(
            at,
            evidence.seen[at].photo.name,
            evidence.classes[evidence.seen[at].photo.label],
            taken.get(at, ""),
            tuple(sorted(each, key=lambda reason: -reason.badness)),
        )
        for at, each in reasons.items()
    ]
    return sorted(found, key=lambda each: (-each.badness, each.photo))


def kinds_of(found: Iterable[Finding]) -> dict[str, int]:
    """How many photos have each kind of reason, the commonest first."""
    count = Counter(kind for each in found for kind in {reason.kind for reason in each.reasons})
    return dict(count.most_common())


def write_findings(found: Sequence[Finding], path: Path) -> Path:
    """Write them as CSV: rank, photo, class, suggested, badness, and the reasons in words."""
    with (
        replacing(path) as beside,
        beside.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("rank", "photo", "class", "suggested", "score", "reasons"))
        for rank, each in enumerate(found, start=1):
            told = "; ".join(f"{one.told} [{one.badness:.3f}]" for one in each.reasons)
            row = each.photo, each.label, each.suggested, f"{each.badness:.4f}", told
            writer.writerow((rank, *row))
    return path


def _reasons(evidence: Evidence) -> Iterator[tuple[int, Reason]]:
    yield from _mislabelled(evidence)
    yield from _outliers(evidence.features)
    yield from _doubles(evidence)
    faults = photo_faults([info.measures for info in evidence.seen])
    for at, found in enumerate(faults):
        for fault in found:
            yield at, Reason(fault.kind, _WEIGHT * (1 - fault.score), fault.kind)


def _taken_for(
    predictions: LabelledPredictions | None, classes: Sequence[str]
) -> Iterator[tuple[int, str]]:
    """The class that a photo is taken for, where that is not its own."""
    if predictions:
        for place in np.flatnonzero(predictions.predicted != predictions.label):
            yield int(predictions.index[place]), classes[predictions.predicted[place]]


def _mislabelled(evidence: Evidence) -> Iterator[tuple[int, Reason]]:
    predictions = evidence.predictions
    if predictions is None:
        return
    quality = cleanlab("rank").get_label_quality_scores(
        predictions.label, predictions.probabilities, method="self_confidence"
    )
    sure = doubted(predictions)
    for place in np.flatnonzero(predictions.predicted != predictions.label):
        taken = int(predictions.predicted[place])
        share = float(predictions.probabilities[place, taken])
        kind = MISLABELLED if sure[place] else HARD
        told = note_of_net(kind, evidence.classes[taken], share)
        yield int(predictions.index[place]), Reason(kind, 1 - float(quality[place]), told)


def _outliers(features: Features | None) -> Iterator[tuple[int, Reason]]:
    """Photos that are far from their nearest neighbours, by cleanlab's score of each."""
    if features is None:
        return
    known = np.flatnonzero(np.isfinite(features).all(axis=1))
    if len(known) <= _NEIGHBOURS:
        return
    model = cleanlab("outlier").OutOfDistribution({"k": _NEIGHBOURS})
    score: NDArray[np.float64] = model.fit_score(features=features[known], verbose=False)
    # the score is exp(-distance / median distance)
    far = -np.log(np.maximum(score, np.finfo(np.float64).tiny))
    for place in np.argsort(score, kind="stable")[: max(1, round(_FARTHEST * len(known)))]:
        told = f"{OUTLIER}: {far[place]:.1f} times as far from its neighbours as is usual"
        yield int(known[place]), Reason(OUTLIER, _WEIGHT * (1 - float(score[place])), told)


def _doubles(evidence: Evidence) -> Iterator[tuple[int, Reason]]:
    """Photos that are nearly the same as one of another class: one of the labels is wrong."""
    seen = evidence.seen
    for members in groups([info.hash for info in seen]):
        labels = Counter(seen[at].photo.label for at in members)
        for at in members if len(labels) > 1 else ():
            other = next(each for each in members if seen[each].photo.label != seen[at].photo.label)
            photo = seen[other].photo
            told = f"{DOUBLE}: nearly {one_line(photo.name)}, {evidence.classes[photo.label]}"
            yield at, Reason(DOUBLE, 1.0, told)
