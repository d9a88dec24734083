"""Metrics of probabilities: accuracy, log loss, AUC, confusion, calibration, by scikit-learn."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from catdog.analysis.labelled import LabelledPredictions
from catdog.errors import CatdogError
from catdog.inference import calibration
from catdog.inference.submission import CLIP
from catdog.runtime.optional import scikit

Numbers = NDArray[np.float64]

#: Bins of equal width of the calibration error (Guo et al., 2017: see `inference.calibration`).
BINS = 15


@dataclass(frozen=True)
class ClassMetrics:
    """Metrics of one class; precision is None where it was never predicted, recall where no
    photo has this label."""

    name: str
    photos: int
    precision: float | None
    recall: float | None
    auc: float | None


@dataclass(frozen=True)
class CalibrationBin:
    """The photos of one bin of confidence: their number, mean confidence and accuracy."""

    photos: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Metrics:
    """All metrics of a report.

    `auc` is None where a class is missing; of more than two classes it is the mean over each
    against the rest. `clipped_log_loss`, of two classes only, is that of a submission.
    `calibration_error` is the expected one (ECE).
    """

    photos: int
    accuracy: float
    log_loss: float
    clipped_log_loss: float | None
    auc: float | None
    calibration_error: float
    classes: tuple[ClassMetrics, ...]
    confusion: tuple[tuple[int, ...], ...]
    bins: tuple[CalibrationBin, ...]

    def as_dict(self) -> dict[str, Any]:
        """The metrics as a dict for JSON."""
        return asdict(self)


class RocCurve(NamedTuple):
    """The ROC curve of a class against the rest: false and true positive rates."""

    name: str
    false: Numbers
    true: Numbers


def compute_metrics(predictions: LabelledPredictions, classes: Sequence[str]) -> Metrics:
    """The metrics of predictions. Raises CatdogError where scikit-learn is not installed."""
    metrics, labels = scikit("metrics"), list(range(len(classes)))
    confusion = metrics.confusion_matrix(predictions.label, predictions.predicted, labels=labels)
    bins, error = _calibration(predictions)
    return Metrics(
        photos=len(predictions.label),
        accuracy=float(metrics.accuracy_score(predictions.label, predictions.predicted)),
        log_loss=_log_loss(predictions.label, predictions.probabilities),
        clipped_log_loss=_clipped(predictions) if len(classes) == 2 else None,
        auc=_auc(predictions, len(classes)),
        calibration_error=error,
        classes=tuple(_class_metrics(predictions, classes)),
        confusion=tuple(tuple(row) for row in confusion.tolist()),
        bins=bins,
    )


def roc_curves(predictions: LabelledPredictions, classes: Sequence[str]) -> list[RocCurve]:
    """The curve of the second of two classes; of more classes, one for each that has photos."""
    of = [1] if len(classes) == 2 else range(len(classes))
    curves = []
    for number in of:
        positive = predictions.label == number
        if positive.any() and not positive.all():
            curve = scikit("metrics").roc_curve(positive, predictions.probabilities[:, number])
            curves.append(RocCurve(classes[number], curve[0], curve[1]))
    return curves


def fit_temperature(predictions: LabelledPredictions) -> float:
    """The temperature that minimises the log loss of these photos.

    `predictions` are those at temperature 1. Raises CatdogError where all are right.
    """
    if (predictions.predicted == predictions.label).all():
        raise CatdogError(
            "all photos are right: there is no best temperature",
            remedy="fit it on more photos, that the net was not trained on",
        )
    scores = calibration.scores_of(predictions.probabilities)
    return calibration.fit_temperature(scores, predictions.label)


def _log_loss(labels: NDArray[np.int64], probabilities: Numbers) -> float:
    numbers = list(range(probabilities.shape[1]))
    return float(scikit("metrics").log_loss(labels, probabilities, labels=numbers))


def _clipped(predictions: LabelledPredictions) -> float:
    one = np.clip(predictions.probabilities[:, 1], CLIP, 1 - CLIP)
    return _log_loss(predictions.label, np.stack((1 - one, one), axis=1))


def _auc(predictions: LabelledPredictions, classes: int) -> float | None:
    if len(np.unique(predictions.label)) < classes:
        return None
    score = scikit("metrics").roc_auc_score
    if classes == 2:
        return float(score(predictions.label, predictions.probabilities[:, 1]))
    return float(score(predictions.label, predictions.probabilities, multi_class="ovr"))


def _class_metrics(predictions: LabelledPredictions, classes: Sequence[str]) -> list[ClassMetrics]:
    metrics = scikit("metrics")
    precision, recall, _, photos = metrics.precision_recall_fscore_support(
        predictions.label,
        predictions.predicted,
        labels=list(range(len(classes))),
        zero_division=np.nan,
    )
    found = []
    for number, name in enumerate(classes):
        own = predictions.label == number
        mixed = own.any() and not own.all()
        auc = metrics.roc_auc_score(own, predictions.probabilities[:, number]) if mixed else None
        found.append(
            ClassMetrics(
                name,
                int(photos[number]),
                _number(precision[number]),
                _number(recall[number]),
                None if auc is None else float(auc),
            )
        )
    return found


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _calibration(predictions: LabelledPredictions) -> tuple[tuple[CalibrationBin, ...], float]:
    """The bins that have photos, and the expected calibration error."""
    confidence = predictions.probabilities.max(axis=1)
    right = predictions.predicted == predictions.label
    accuracies, means = scikit("calibration").calibration_curve(right, confidence, n_bins=BINS)
    edges = np.linspace(0, 1, BINS + 1)
    counts = np.bincount(np.searchsorted(edges[1:-1], confidence), minlength=BINS)
    counts = counts[counts > 0]
    error = float(np.sum(counts * np.abs(accuracies - means)) / len(right))
    bins = zip(counts.tolist(), means.tolist(), accuracies.tolist(), strict=True)
    return tuple(CalibrationBin(*values) for values in bins), error
