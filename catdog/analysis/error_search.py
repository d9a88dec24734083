"""The search for errors among labelled photos: what is asked, found and written."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from catdog.analysis import html, photo_quality
from catdog.analysis.findings import Evidence, Finding, findings, kinds_of, write_findings
from catdog.analysis.findings_page import write_page
from catdog.analysis.label_errors import cleanlab
from catdog.analysis.photo_features import Features, photo_features
from catdog.analysis.survey import PhotoInfo
from catdog.analysis.unseen_predictions import LEAST, by_folds, by_probe
from catdog.data.build.review import propose, read_review
from catdog.data.images import Unreadable
from catdog.errors import DataError
from catdog.inference.predictor import Predictor
from catdog.runtime.optional import scikit
from catdog.runtime.progress import progress
from catdog.runtime.text_table import text_table
from catdog.runtime.wording import counted
from catdog.training.out_of_fold import OutOfFolds

TABLE, PAGE, REVIEW = "findings.csv", "findings.html", "review.csv"
#: Findings that a terminal shows.
_SHOWN = 20


@dataclass(frozen=True)
class ErrorSearch:
    """How errors are looked for.

    Args:
        net: whose features tell which photos are alike.
        folds: into which photos are divided for a classifier of these features.
        trained: the predictions of a training with folds, in place of that classifier's.
    """

    net: Predictor
    folds: int
    trained: OutOfFolds | None = None


@dataclass(frozen=True)
class FoundErrors:
    """The findings, the photos that they are of, and lines about what could not be judged."""

    found: Sequence[Finding]
    evidence: Evidence
    remarks: Sequence[str]


def check_ready(out: Path) -> None:
    """Raise CatdogError, with the command to run, where a library is missing, and DataError where
    the folder has a review that cannot be added to."""
    cleanlab("filter")
    scikit("linear_model")
    photo_quality.check_ready()
    html.check_ready()
    if (out / REVIEW).exists():
        read_review(out / REVIEW)


def search(asked: ErrorSearch, seen: Sequence[PhotoInfo], classes: Sequence[str]) -> FoundErrors:
    """What is likely wrong among photos, which were surveyed with `photo_quality.measure`.

    Raises DataError where no photo can be read, and as `by_folds`.
    """
    if not seen:
        raise DataError("there is no photo that can be read")
    features = features_of(asked.net, seen)
    labels = np.array([info.photo.label for info in seen])
    predictions = (
        by_folds(asked.trained, seen, classes)
        if asked.trained
        else by_probe(features, labels, len(classes), asked.folds)
    )
    judged = 0 if predictions is None else len(predictions.label)
    evidence = Evidence(seen, classes, predictions, features)
    return FoundErrors(findings(evidence), evidence, list(_remarks(asked, judged, len(seen))))


def summary(errors: FoundErrors) -> Iterator[str]:
    """The findings as lines for a terminal: how many of each kind, and the first of them."""
    yield from errors.remarks
    if judged := errors.evidence.predictions:
        agreed = np.mean(judged.predicted == judged.label)
        yield f"{agreed:.2%} of the labels are what the net says, which has not seen the photo"
    seen, found = len(errors.evidence.seen), errors.found
    yield f"{len(found):,} of {counted(seen, 'photo')} to look at"
    if not found:
        return
    yield text_table(None, [(kind, f"{count:,}") for kind, count in kinds_of(found).items()])
    rows = [
        (f"{rank}", each.photo, each.label, each.suggested, each.row.note)
        for rank, each in enumerate(found[:_SHOWN], start=1)
    ]
    yield text_table(("rank", "photo", "class", "rather", "why"), rows)


def write_errors(errors: FoundErrors, out: Path) -> list[Path]:
    """Write the table, the review with rows to decide on, and the page; gives their paths.

    Decisions that the review has stay. Raises Unwritable, and DataError as `read_review`.
    """
    found, review = errors.found, out / REVIEW
    out.mkdir(parents=True, exist_ok=True)
    propose(review, [each.row for each in found])
    files = [errors.evidence.seen[each.at].photo.file for each in found]
    page = write_page(found, files, errors.evidence.classes, read_review(review), out / PAGE)
    return [page, review, write_findings(found, out / TABLE)]


def features_of(net: Predictor, seen: Sequence[PhotoInfo]) -> Features:
    """The features of photos, seen x numbers; NaN for one that went away since it was seen."""
    photos = [info.photo.file for info in seen]
    rows = list(progress(photo_features(net, photos), "features", len(photos)))
    size = next((len(row) for row in rows if not isinstance(row, Unreadable)), 0)
    nothing = np.full(size, np.nan, np.float32)
    return np.stack([nothing if isinstance(row, Unreadable) else row for row in rows])


def _remarks(asked: ErrorSearch, judged: int, count: int) -> Iterator[str]:
    if judged == count:
        return
    why = f"of a class with fewer than {LEAST}, or of the only class"
    if asked.trained:
        why = "not among those that the folds were trained on"
    yield f"the labels of {counted(count - judged, 'photo')} are not judged: {why}"
