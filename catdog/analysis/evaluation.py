"""A net's predictions and their metrics on some data, and what a calibration changes of them."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from catdog.analysis.candidate import Candidate
from catdog.analysis.comparison import Comparison, compare
from catdog.analysis.coverage import USUAL, Coverage, in_halves
from catdog.analysis.foreign_fit import ForeignMeasure
from catdog.analysis.label_errors import errors, losses
from catdog.analysis.labelled import LabelledPhotos, LabelledPredictions
from catdog.analysis.metrics import Metrics, compute_metrics, fit_temperature
from catdog.inference.calibration import apply_temperature
from catdog.inference.predictor import Predictor


@dataclass(frozen=True)
class Evaluation:
    """Predictions of a net, or of several as one, and their metrics on some data, with the paths.

    `views` is the value of --tta, empty for one view of each photo. Each of several nets has its
    temperature in its predictions already. `coverage` tells of sets of classes, `comparison` of the
    net that it is compared with, `foreign` of photos from elsewhere, where there are such.
    """

    weights: str
    data: str
    classes: Sequence[str]
    predictions: LabelledPredictions
    metrics: Metrics
    views: str = ""
    temperature: float = 1.0
    nets: int = 1
    coverage: Coverage | None = None
    comparison: Comparison | None = None
    foreign: ForeignMeasure | None = None


def evaluation_of(
    candidate: Candidate, predictor: Predictor, data: Path, predictions: LabelledPredictions
) -> Evaluation:
    """The evaluation of a net's predictions on its data."""
    classes = predictor.classes
    return Evaluation(
        str(candidate.weights),
        str(data),
        classes,
        predictions,
        compute_metrics(predictions, classes),
        candidate.views,
        predictor.temperature,
    )


def evaluation_of_mean(
    candidates: Sequence[Candidate], classes: Sequence[str], data: Path, mean: LabelledPredictions
) -> Evaluation:
    """The evaluation of the mean of several nets' predictions on their data."""
    return Evaluation(
        ", ".join(str(each.weights) for each in candidates),
        str(data),
        classes,
        mean,
        compute_metrics(mean, classes),
        candidates[0].views,
        nets=len(candidates),
    )


def compared(evaluation: Evaluation, other: Evaluation) -> Evaluation:
    """An evaluation with what sets it apart from that of another net on the same photos."""
    names = (evaluation.weights, other.weights)
    found = compare(evaluation.predictions, other.predictions, names)
    return replace(evaluation, comparison=found)


def calibrated(evaluation: Evaluation, coverage: float = USUAL) -> Evaluation:
    """An evaluation made at temperature 1, at the temperature that is best for its photos.

    Its sets of classes, for this coverage, are fitted and measured on different halves of them.
    """
    temperature = fit_temperature(evaluation.predictions)
    probabilities = apply_temperature(evaluation.predictions.probabilities, temperature)
    predictions = replace(evaluation.predictions, probabilities=probabilities)
    return replace(
        evaluation,
        predictions=predictions,
        metrics=compute_metrics(predictions, evaluation.classes),
        temperature=temperature,
        coverage=in_halves(evaluation.predictions, coverage),
    )


def calibration_lines(before: Evaluation, after: Evaluation) -> Iterator[str]:
    """What a temperature changed, as lines for a terminal."""
    old, new = before.metrics, after.metrics
    yield f"temperature {after.temperature:.4f}, in {after.weights}; predictions use it"
    if old.accuracy == 1:
        yield "all photos are right: the temperature stays 1"
    yield f"log loss {old.log_loss:.4f} -> {new.log_loss:.4f}"
    yield f"calibration error {old.calibration_error:.2%} -> {new.calibration_error:.2%}"


def as_dict(evaluation: Evaluation, data: LabelledPhotos) -> dict[str, Any]:
    """The report as a dict for JSON: how it was made, the metrics, the misclassified photos."""
    predictions = evaluation.predictions
    return {
        "weights": evaluation.weights,
        "data": evaluation.data,
        "tta": evaluation.views or None,
        "temperature": evaluation.temperature,
        **evaluation.metrics.as_dict(),
        "coverage": asdict(evaluation.coverage) if evaluation.coverage else None,
        "foreign": asdict(evaluation.foreign) if evaluation.foreign else None,
        "against": evaluation.comparison.as_dict() if evaluation.comparison else None,
        "errors": [
            {
                "name": data.names[predictions.index[at]],
                "label": evaluation.classes[predictions.label[at]],
                "taken_for": evaluation.classes[predictions.predicted[at]],
                "probability": float(predictions.probabilities[at].max()),
                "loss": float(losses(predictions)[at]),
            }
            for at in errors(predictions, len(predictions.label))
        ],
        "unreadable": [{"name": e.where, "reason": e.what} for e in predictions.unreadable],
    }
