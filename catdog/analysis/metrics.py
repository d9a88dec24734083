"""How good probabilities are: accuracy, log loss, AUC, confusion, calibration, by scikit-learn."""

import importlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from catdog.analysis.labelled import Judged
from catdog.errors import CatdogError
from catdog.inference.predictor import tempered
from catdog.inference.submission import CLIP
from catdog.runtime.optional import scikit

Numbers = NDArray[np.float64]

#: Bars of equal width of the calibration (Guo et al., On Calibration of Modern Neural Networks).
BINS = 15
#: Temperatures between which the best one is looked for.
_COLDEST, _HOTTEST = 0.05, 20.0


@dataclass(frozen=True)
class ClassScore:
    """Numbers of one class; precision is None where nothing was taken for it, recall where there
    is none of it."""

    name: str
    photos: int
    precision: float | None
    recall: float | None
    auc: float | None


@dataclass(frozen=True)
class Bin:
    """The photos of about the same confidence: its mean, and the share of them that is right."""

    photos: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Scores:
    """All numbers of a report.

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
    classes: tuple[ClassScore, ...]
    confusion: tuple[tuple[int, ...], ...]
    bins: tuple[Bin, ...]

    def as_dict(self) -> dict[str, Any]:
        """The numbers as JSON takes them."""
        return asdict(self)


class Curve(NamedTuple):
    """The ROC curve of a class against the rest."""

    name: str
    false: Numbers
    true: Numbers


def scores(judged: Judged, classes: Sequence[str]) -> Scores:
    """The numbers of judged photos. Raises CatdogError where scikit-learn is not installed."""
    metrics, labels = scikit("metrics"), list(range(len(classes)))
    confusion = metrics.confusion_matrix(judged.label, judged.predicted, labels=labels)
    bins, error = _calibration(judged)
    return Scores(
        photos=len(judged.label),
        accuracy=float(metrics.accuracy_score(judged.label, judged.predicted)),
        log_loss=_log_loss(judged.label, judged.probabilities),
        clipped_log_loss=_clipped(judged) if len(classes) == 2 else None,
        auc=_auc(judged, len(classes)),
        calibration_error=error,
        classes=tuple(_class_scores(judged, classes)),
        confusion=tuple(tuple(row) for row in confusion.tolist()),
        bins=bins,
    )


def roc_curves(judged: Judged, classes: Sequence[str]) -> list[Curve]:
    """Of two classes the curve of the second; of more one for each that is there."""
    of = [1] if len(classes) == 2 else range(len(classes))
    curves = []
    for number in of:
        positive = judged.label == number
        if positive.any() and not positive.all():
            curve = scikit("metrics").roc_curve(positive, judged.probabilities[:, number])
            curves.append(Curve(classes[number], curve[0], curve[1]))
    return curves


def fit_temperature(judged: Judged) -> float:
    """The temperature for which the log loss of these photos is least.

    `judged` has probabilities at temperature 1. Raises CatdogError where all are right or there is
    nothing to tell the net's confidence by.
    """
    scikit("metrics")
    optimize = importlib.import_module("scipy.optimize")
    if (judged.predicted == judged.label).all():
        raise CatdogError(
            "all photos are right: there is no best temperature",
            remedy="fit it on more photos, that the net was not trained on",
        )

    def loss(log: float) -> float:
        return _log_loss(judged.label, tempered(judged.probabilities, float(np.exp(log))))

    bounds = (np.log(_COLDEST), np.log(_HOTTEST))
    found = optimize.minimize_scalar(loss, bounds=bounds, method="bounded")
    return float(np.exp(found.x))


def _log_loss(labels: NDArray[np.int64], probabilities: Numbers) -> float:
    numbers = list(range(probabilities.shape[1]))
    return float(scikit("metrics").log_loss(labels, probabilities, labels=numbers))


def _clipped(judged: Judged) -> float:
    one = np.clip(judged.probabilities[:, 1], CLIP, 1 - CLIP)
    return _log_loss(judged.label, np.stack((1 - one, one), axis=1))


def _auc(judged: Judged, classes: int) -> float | None:
    if len(np.unique(judged.label)) < classes:
        return None
    score = scikit("metrics").roc_auc_score
    if classes == 2:
        return float(score(judged.label, judged.probabilities[:, 1]))
    return float(score(judged.label, judged.probabilities, multi_class="ovr"))


def _class_scores(judged: Judged, classes: Sequence[str]) -> list[ClassScore]:
    metrics = scikit("metrics")
    precision, recall, _, photos = metrics.precision_recall_fscore_support(
        judged.label, judged.predicted, labels=list(range(len(classes))), zero_division=np.nan
    )
    found = []
    for number, name in enumerate(classes):
        own = judged.label == number
        mixed = own.any() and not own.all()
        auc = metrics.roc_auc_score(own, judged.probabilities[:, number]) if mixed else None
        found.append(
            ClassScore(
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


def _calibration(judged: Judged) -> tuple[tuple[Bin, ...], float]:
    """The bins that have photos, and the expected calibration error."""
    confidence = judged.probabilities.max(axis=1)
    right = judged.predicted == judged.label
    accuracies, means = scikit("calibration").calibration_curve(right, confidence, n_bins=BINS)
    edges = np.linspace(0, 1, BINS + 1)
    counts = np.bincount(np.searchsorted(edges[1:-1], confidence), minlength=BINS)
    counts = counts[counts > 0]
    error = float(np.sum(counts * np.abs(accuracies - means)) / len(right))
    bins = zip(counts.tolist(), means.tolist(), accuracies.tolist(), strict=True)
    return tuple(Bin(*values) for values in bins), error
