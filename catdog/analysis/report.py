"""The report of a net: its scores as a page with pictures, and as JSON."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from catdog.analysis import charts
from catdog.analysis.candidate import Candidate
from catdog.analysis.html import Page, beside, cards, figures, matrix, numbers, table
from catdog.analysis.label_errors import errors, losses, photo_cards
from catdog.analysis.labelled import Judged, Labelled
from catdog.analysis.metrics import BINS, Scores, fit_temperature, roc_curves, scores
from catdog.inference.predictor import Predictor, tempered
from catdog.runtime.files import replacing

SHOWN = 24
_MOST_CURVES, _MOST_CLASSES = 6, 20
_HEAD = ("photos", "precision", "recall", "AUC")


@dataclass(frozen=True)
class Verdict:
    """What a report is about: where net and data came from, what the net said, and the scores.

    `views` is the word of --tta, empty for one look at each photo.
    """

    weights: str
    data: str
    classes: Sequence[str]
    judged: Judged
    scores: Scores
    views: str = ""
    temperature: float = 1.0


def verdict_of(candidate: Candidate, predictor: Predictor, data: Path, judged: Judged) -> Verdict:
    """The scores of what a net made of its data."""
    classes = predictor.classes
    return Verdict(
        str(candidate.weights),
        str(data),
        classes,
        judged,
        scores(judged, classes),
        candidate.views,
        predictor.temperature,
    )


def calibrated(verdict: Verdict) -> Verdict:
    """The verdict at the temperature that is best for its photos; it was reached at 1."""
    temperature = fit_temperature(verdict.judged)
    probabilities = tempered(verdict.judged.probabilities, temperature)
    judged = replace(verdict.judged, probabilities=probabilities)
    return replace(
        verdict,
        judged=judged,
        scores=scores(judged, verdict.classes),
        temperature=temperature,
    )


def calibration_lines(before: Verdict, after: Verdict) -> Iterator[str]:
    """What a temperature changed, as lines of a terminal."""
    old, new = before.scores, after.scores
    yield f"temperature {after.temperature:.4f}, in {after.weights}; predictions use it"
    yield f"log loss {old.log_loss:.4f} -> {new.log_loss:.4f}"
    yield f"calibration error {old.calibration_error:.2%} -> {new.calibration_error:.2%}"


def report_place(wanted: Path, weights: Path) -> Path:
    """The page: a file of that name, in that folder, or beside the weights for an empty path."""
    if wanted == Path():
        return weights.with_name(f"{weights.name.partition('.caffemodel')[0]}.report.html")
    return wanted if wanted.suffix.lower() in (".html", ".htm") else wanted / "report.html"


def summary(verdict: Verdict) -> Iterator[str]:
    """The numbers as lines of a terminal."""
    for name, value in _numbers(verdict.scores):
        yield f"{name:<24}{value:>10}"
    yield ""
    for row in (("class", *_HEAD), *_class_rows(verdict.scores)):
        yield f"{row[0]:<24}" + "".join(f"{text:>10}" for text in row[1:])


def write_report(verdict: Verdict, data: Labelled, page: Path) -> tuple[Path, Path]:
    """Write the page, and the numbers in a .json beside it; gives both paths."""
    numbered = page.with_suffix(".json")
    report = draw_page(verdict, data)
    with replacing(numbered) as target:
        text = json.dumps(as_dict(verdict, data), indent=1, ensure_ascii=True)
        target.write_text(text + "\n", encoding="utf-8")
    return report.write(page), numbered


def as_dict(verdict: Verdict, data: Labelled) -> dict[str, Any]:
    """The report as JSON takes it: how it was made, the scores, the worst errors."""
    judged = verdict.judged
    return {
        "weights": verdict.weights,
        "data": verdict.data,
        "tta": verdict.views or None,
        "temperature": verdict.temperature,
        **verdict.scores.as_dict(),
        "errors": [
            {
                "name": data.names[judged.index[at]],
                "label": verdict.classes[judged.label[at]],
                "taken_for": verdict.classes[judged.predicted[at]],
                "probability": float(judged.probabilities[at].max()),
                "loss": float(losses(judged)[at]),
            }
            for at in errors(judged, len(judged.label))
        ],
        "unreadable": [{"name": e.where, "reason": e.what} for e in judged.unreadable],
    }


def draw_page(verdict: Verdict, data: Labelled) -> Page:
    """The report as a page."""
    found = verdict.scores
    page = Page(f"How good is {Path(verdict.weights).name}?", " · ".join(_made(verdict)))
    page.section("In numbers", numbers(_numbers(found)))
    parts = [table(("class", *_HEAD), _class_rows(found))]
    if len(verdict.classes) <= _MOST_CLASSES:
        parts.append(matrix(verdict.classes, found.confusion))
    text = "Rows of the second table are the true classes, columns what they were taken for."
    page.section("Classes", beside(*parts), text=text if len(parts) > 1 else "")
    page.section(
        "How far its confidence can be trusted",
        figures(_drawings(verdict)),
        text="On the dashed line of the first picture the net is right as often as it says; below "
        "it, it is too sure of itself. The expected calibration error "
        f"({found.calibration_error:.1%}) is the mean distance, over {BINS} bins.",
    )
    worst = errors(verdict.judged, SHOWN)
    if worst:
        wrong = int((verdict.judged.predicted != verdict.judged.label).sum())
        text = f"{len(worst)} of {wrong:,} photos that were taken for another class."
        page.section(
            "Worst errors",
            cards(photo_cards(verdict.judged, verdict.classes, data, worst)),
            text=text,
        )
    if verdict.judged.unreadable:
        rows = [(error.where, error.what) for error in verdict.judged.unreadable]
        page.section("Photos that could not be read", table(("photo", "reason"), rows))
    return page


def _made(verdict: Verdict) -> Iterator[str]:
    yield f"{verdict.weights} on {verdict.data}"
    if verdict.views:
        yield f"test-time augmentation: {verdict.views}"
    if verdict.temperature != 1:
        yield f"temperature {verdict.temperature:.3f}"


def _numbers(found: Scores) -> Iterator[tuple[str, str]]:
    yield "accuracy", f"{found.accuracy:.2%}"
    yield "log loss", f"{found.log_loss:.4f}"
    if found.clipped_log_loss is not None:
        yield "submission log loss", f"{found.clipped_log_loss:.4f}"
    yield "AUC", _shown(found.auc, ".4f")
    yield "calibration error", f"{found.calibration_error:.2%}"
    yield "photos", f"{found.photos:,}"


def _class_rows(found: Scores) -> list[tuple[str, ...]]:
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


def _drawings(verdict: Verdict) -> list[tuple[str, Figure]]:
    judged, bins = verdict.judged, verdict.scores.bins
    confidence, right = judged.probabilities.max(axis=1), judged.predicted == judged.label
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
    curves = roc_curves(judged, verdict.classes)[:_MOST_CURVES]
    if curves:
        drawings.append(("ROC curve", charts.roc(curves)))
    return drawings
