"""The report of a net: its metrics as a page with pictures, and as JSON."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from catdog.analysis import charts
from catdog.analysis.candidate import Candidate
from catdog.analysis.error_maps import ErrorMaps
from catdog.analysis.html import Page, beside, cards, figures, matrix, numbers, table, triples
from catdog.analysis.label_errors import errors, losses, photo_cards
from catdog.analysis.labelled import LabelledPhotos, LabelledPredictions
from catdog.analysis.metrics import BINS, Metrics, compute_metrics, fit_temperature, roc_curves
from catdog.inference.calibration import apply_temperature
from catdog.inference.predictor import Predictor
from catdog.runtime.files import replacing
from catdog.runtime.text_table import text_table
from catdog.runtime.wording import counted

SHOWN = 24
_MOST_CURVES, _MOST_CLASSES = 6, 20
_HEAD = ("photos", "precision", "recall", "AUC")


@dataclass(frozen=True)
class Evaluation:
    """Predictions of a net, or of several as one, and their metrics on some data, with the paths.

    `views` is the value of --tta, empty for one view of each photo. Each of several nets has its
    temperature in its predictions already.
    """

    weights: str
    data: str
    classes: Sequence[str]
    predictions: LabelledPredictions
    metrics: Metrics
    views: str = ""
    temperature: float = 1.0
    nets: int = 1


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


def calibrated(evaluation: Evaluation) -> Evaluation:
    """An evaluation made at temperature 1, at the temperature that is best for its photos."""
    temperature = fit_temperature(evaluation.predictions)
    probabilities = apply_temperature(evaluation.predictions.probabilities, temperature)
    predictions = replace(evaluation.predictions, probabilities=probabilities)
    return replace(
        evaluation,
        predictions=predictions,
        metrics=compute_metrics(predictions, evaluation.classes),
        temperature=temperature,
    )


def calibration_lines(before: Evaluation, after: Evaluation) -> Iterator[str]:
    """What a temperature changed, as lines for a terminal."""
    old, new = before.metrics, after.metrics
    yield f"temperature {after.temperature:.4f}, in {after.weights}; predictions use it"
    yield f"log loss {old.log_loss:.4f} -> {new.log_loss:.4f}"
    yield f"calibration error {old.calibration_error:.2%} -> {new.calibration_error:.2%}"


def report_place(wanted: Path, weights: Path) -> Path:
    """The path of the page: that file, in that folder, or beside the weights for an empty path."""
    if wanted == Path():
        return weights.with_name(f"{weights.name.partition('.caffemodel')[0]}.report.html")
    return wanted if wanted.suffix.lower() in (".html", ".htm") else wanted / "report.html"


def summary(evaluation: Evaluation) -> Iterator[str]:
    """The metrics as lines for a terminal."""
    yield text_table(None, _numbers(evaluation.metrics))
    yield ""
    yield text_table(("class", *_HEAD), _class_rows(evaluation.metrics))


def write_report(
    evaluation: Evaluation, data: LabelledPhotos, page: Path, maps: ErrorMaps | None = None
) -> tuple[Path, Path]:
    """Write the page, and the metrics in a .json beside it; returns both paths."""
    numbered = page.with_suffix(".json")
    report = draw_page(evaluation, data, maps)
    with replacing(numbered) as target:
        text = json.dumps(as_dict(evaluation, data), indent=1, ensure_ascii=True)
        target.write_text(text + "\n", encoding="utf-8")
    return report.write(page), numbered


def as_dict(evaluation: Evaluation, data: LabelledPhotos) -> dict[str, Any]:
    """The report as a dict for JSON: how it was made, the metrics, the misclassified photos."""
    predictions = evaluation.predictions
    return {
        "weights": evaluation.weights,
        "data": evaluation.data,
        "tta": evaluation.views or None,
        "temperature": evaluation.temperature,
        **evaluation.metrics.as_dict(),
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


def draw_page(evaluation: Evaluation, data: LabelledPhotos, maps: ErrorMaps | None = None) -> Page:
    """The report as a page, with heat maps of errors where there are any."""
    found = evaluation.metrics
    page = Page(_title(evaluation), " · ".join(_made(evaluation)))
    page.section("In numbers", numbers(_numbers(found)))
    parts = [table(("class", *_HEAD), _class_rows(found))]
    if len(evaluation.classes) <= _MOST_CLASSES:
        parts.append(matrix(evaluation.classes, found.confusion))
    text = "Rows of the second table are the true classes, columns what they were taken for."
    page.section("Classes", beside(*parts), text=text if len(parts) > 1 else "")
    page.section(
        "How far its confidence can be trusted",
        figures(_drawings(evaluation)),
        text="On the dashed line of the first picture the net is right as often as it says; below "
        "it, it is too sure of itself. The expected calibration error "
        f"({found.calibration_error:.1%}) is the mean distance, over {BINS} bins.",
    )
    _show_errors(page, evaluation, data)
    if maps and maps.rows:
        _show_maps(page, maps)
    if evaluation.predictions.unreadable:
        rows = [(error.where, error.what) for error in evaluation.predictions.unreadable]
        page.section("Photos that could not be read", table(("photo", "reason"), rows))
    return page


def _show_errors(page: Page, evaluation: Evaluation, data: LabelledPhotos) -> None:
    worst = errors(evaluation.predictions, SHOWN)
    if not worst:
        return
    wrong = int((evaluation.predictions.predicted != evaluation.predictions.label).sum())
    text = (
        f"{len(worst)} of {counted(wrong, 'error')}: those whose own class got least. The "
        "percentage is that of the class they were taken for."
    )
    shown = cards(photo_cards(evaluation.predictions, evaluation.classes, data, worst))
    page.section("Worst errors", shown, text=text)


def _show_maps(page: Page, maps: ErrorMaps) -> None:
    text = (
        f"The worst {len(maps.rows)}: the photo as the net gets it, and where its layer "
        f"{maps.layer} speaks (Grad-CAM) for the class that it was taken for, then for its own. "
        "Each map is relative to its own hottest place, red; it tells what the net used, not that "
        "it was right to."
    )
    page.section("What it looked at in the worst errors", triples(maps.rows), text=text)


def _title(evaluation: Evaluation) -> str:
    if evaluation.nets > 1:
        return f"How good is the mean of {evaluation.nets} nets?"
    return f"How good is {Path(evaluation.weights).name}?"


def _made(evaluation: Evaluation) -> Iterator[str]:
    yield f"{evaluation.weights} on {evaluation.data}"
    if evaluation.views:
        yield f"test-time augmentation: {evaluation.views}"
    if evaluation.temperature != 1:
        yield f"temperature {evaluation.temperature:.3f}"


def _numbers(found: Metrics) -> Iterator[tuple[str, str]]:
    yield "accuracy", f"{found.accuracy:.2%}"
    yield "log loss", f"{found.log_loss:.4f}"
    if found.clipped_log_loss is not None:
        yield "submission log loss", f"{found.clipped_log_loss:.4f}"
    yield "AUC", _shown(found.auc, ".4f")
    yield "calibration error", f"{found.calibration_error:.2%}"
    yield "photos", f"{found.photos:,}"


def _class_rows(found: Metrics) -> list[tuple[str, ...]]:
    return [
        (
            one.name,
            f"{one.photos:,}",
            _shown(one.precision, ".2%"),
            _shown(one.recall, ".2%"),
            _shown(one.auc, ".4f"),
        )
        for one in found.classes
    ]


def _shown(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _drawings(evaluation: Evaluation) -> list[tuple[str, Figure]]:
    predictions, bins = evaluation.predictions, evaluation.metrics.bins
    confidence, right = (
        predictions.probabilities.max(axis=1),
        predictions.predicted == predictions.label,
    )
    drawings = [
        (
            "reliability diagram",
            charts.reliability(
                np.array([each.confidence for each in bins]),
                np.array([each.accuracy for each in bins]),
                np.array([each.photos for each in bins]),
            ),
        ),
        ("confidences", charts.confidences(confidence[right], confidence[~right])),
    ]
    curves = roc_curves(predictions, evaluation.classes)[:_MOST_CURVES]
    if curves:
        drawings.append(("ROC curve", charts.roc(curves)))
    return drawings
