"""Metrics of probabilities: accuracy, log loss, AUC, confusion, calibration, by scikit-learn."""

import importlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from catdog.analysis.labelled import LabelledPredictions
from catdog.inference import calibration
from catdog.inference.intervals import LEVEL, Interval, of_share
from catdog.inference.submission import CLIP
from catdog.runtime.optional import scikit

Numbers = NDArray[np.float64]

#: Bins of equal width of the calibration error (Guo et al., 2017: see `inference.calibration`).
BINS = 15
#: Samples of a bootstrap.
_SAMPLES = 2000


@dataclass(frozen=True)
class ClassMetrics:
    """Metrics of one class; precision is None where it was never predicted, recall where no
    photo has this label.

    `calibration_error` is that of the probability of this class over all photos: how far it is
    from the share of them that are of this class.
    """

    name: str
    photos: int
    precision: float | None
    recall: float | None
    auc: float | None
    precision_interval: Interval | None
    recall_interval: Interval | None
    calibration_error: float


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
    `calibration_error` is the expected one (ECE). Intervals are of 95 %: Wilson's of the accuracy,
    by a bootstrap of the log loss, which has none of a single photo.
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
    accuracy_interval: Interval
    log_loss_interval: Interval | None

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
    right = predictions.predicted == predictions.label
    bins, error = _calibration(predictions.probabilities.max(axis=1), right)
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
        accuracy_interval=of_share(int(right.sum()), len(right)),
        log_loss_interval=_of_mean(predictions),
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


def class_bins(predictions: LabelledPredictions, number: int) -> tuple[CalibrationBin, ...]:
    """The bins of the probability of a class that have photos; their accuracy is its share."""
    return _calibration(predictions.probabilities[:, number], predictions.label == number)[0]


def fit_temperature(predictions: LabelledPredictions) -> float:
    """The temperature that minimises the log loss of these photos.

    `predictions` are those at temperature 1. Where all are right the loss has no least value, and
    the temperature is 1.
    """
    if (predictions.predicted == predictions.label).all():
        return 1.0
    scores = calibration.scores_of(predictions.probabilities)
    return calibration.fit_temperature(scores, predictions.label)


def _log_loss(labels: NDArray[np.int64], probabilities: Numbers) -> float:
    numbers = list(range(probabilities.shape[1]))
    return float(scikit("metrics").log_loss(labels, probabilities, labels=numbers))


def _of_mean(predictions: LabelledPredictions) -> Interval | None:
    """The interval of the log loss, by photos drawn anew (Efron's percentile bootstrap)."""
    losses = -calibration.scores_of(predictions.own[:, None])[:, 0]
    if len(losses) < 2:
        return None
    stats, batch = importlib.import_module("scipy.stats"), max(1, 1_000_000 // len(losses))
    found = stats.bootstrap(
        (losses,),
        np.mean,
        n_resamples=_SAMPLES,
        batch=batch,
        confidence_level=LEVEL,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return Interval(float(found.low), float(found.high))


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
        own, said = predictions.label == number, predictions.probabilities[:, number]
        taken = predictions.predicted == number
        auc = metrics.roc_auc_score(own, said) if own.any() and not own.all() else None
        found.append(
            ClassMetrics(
                name,
                int(photos[number]),
                _number(precision[number]),
                _number(recall[number]),
                None if auc is None else float(auc),
                _share(own & taken, taken),
                _share(own & taken, own),
                _calibration(said, own)[1],
            )
        )
    return found


def _share(some: NDArray[np.bool_], of: NDArray[np.bool_]) -> Interval | None:
    return of_share(int(some.sum()), int(of.sum())) if of.any() else None


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _calibration(
    confidence: Numbers, right: NDArray[np.bool_]
) -> tuple[tuple[CalibrationBin, ...], float]:
    """The bins that have photos, and the expected calibration error."""
    accuracies, means = scikit("calibration").calibration_curve(right, confidence, n_bins=BINS)
    edges = np.linspace(0, 1, BINS + 1)
    counts = np.bincount(np.searchsorted(edges[1:-1], confidence), minlength=BINS)
    counts = counts[counts > 0]
    error = float(np.sum(counts * np.abs(accuracies - means)) / len(right))
    bins = zip(counts.tolist(), means.tolist(), accuracies.tolist(), strict=True)
    return tuple(CalibrationBin(*values) for values in bins), error
