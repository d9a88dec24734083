"""The report of a net: its metrics as a page with pictures, and as JSON."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from catdog.analysis import charts
from catdog.analysis.comparison import Comparison
from catdog.analysis.coverage import coverage_lines
from catdog.analysis.error_maps import ErrorMaps
from catdog.analysis.evaluation import Evaluation, as_dict
from catdog.analysis.foreign_fit import foreign_lines
from catdog.analysis.html import Page, beside, cards, figures, matrix, numbers, table, triples
from catdog.analysis.label_errors import errors, photo_cards
from catdog.analysis.labelled import LabelledPhotos
from catdog.analysis.metrics import BINS, CalibrationBin, Metrics, class_bins, roc_curves
from catdog.inference.intervals import Interval
from catdog.runtime.files import replacing
from catdog.runtime.text_table import text_table
from catdog.runtime.wording import counted

SHOWN = 24
_MOST_CURVES, _MOST_CLASSES = 6, 20
_INTERVALS = (
    "In brackets is where the number would be, by 95 %, for all photos of this kind: with Wilson's "
    "interval for shares, and for the log loss by a bootstrap."
)
_HEAD = ("photos", "precision", "recall", "AUC", "calibration error")


def report_place(wanted: Path, weights: Path) -> Path:
    """The path of the page: that file, in that folder, or beside the weights for an empty path."""
    if wanted == Path():
        return weights.with_name(f"{weights.name.partition('.caffemodel')[0]}.report.html")
    return wanted if wanted.suffix.lower() in (".html", ".htm") else wanted / "report.html"


def summary(evaluation: Evaluation) -> Iterator[str]:
    """The metrics as lines for a terminal."""
    yield text_table(None, _numbers(evaluation.metrics))
    yield ""
    if evaluation.coverage:
        yield from coverage_lines(evaluation.coverage)
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


def draw_page(evaluation: Evaluation, data: LabelledPhotos, maps: ErrorMaps | None = None) -> Page:
    """The report as a page, with heat maps of errors where there are any."""
    found = evaluation.metrics
    page = Page(_title(evaluation), " · ".join(_made(evaluation)))
    page.section("In numbers", numbers(_with_intervals(found)), text=_INTERVALS)
    if evaluation.comparison:
        _show_comparison(page, evaluation.comparison)
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
        f"({found.calibration_error:.1%}) is the mean distance, over {BINS} bins; that of a class, "
        "in the table above, is of its own probability over all photos.",
    )
    if evaluation.coverage:
        told = ". ".join(coverage_lines(evaluation.coverage))
        page.section("Sets of classes", text=f"{told}.")
    if evaluation.foreign:
        page.section("Photos of neither", text=". ".join(foreign_lines(evaluation.foreign)) + ".")
    _show_errors(page, evaluation, data)
    if maps and maps.rows:
        _show_maps(page, maps)
    if evaluation.predictions.unreadable:
        rows = [(error.where, error.what) for error in evaluation.predictions.unreadable]
        page.section("Photos that could not be read", table(("photo", "reason"), rows))
    return page


def _show_comparison(page: Page, found: Comparison) -> None:
    rows = zip((found.first, found.second), found.accuracies, strict=True)
    counts = [
        ("both", f"{found.both:,}"),
        ("the first alone", f"{found.only_first:,}"),
        ("the second alone", f"{found.only_second:,}"),
        ("neither", f"{found.neither:,}"),
    ]
    tables = table(("net", "accuracy"), rows), table(("right", "photos"), counts)
    text = f"On these photos {found.verdict}, by McNemar's exact test of the photos that one alone "
    page.section("Compared with another net", beside(*tables), text=f"{text}gets right.")


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


def _numbers(found: Metrics) -> Iterator[tuple[str, str, str]]:
    """Of each score its name, its value, and its interval or nothing."""
    yield "accuracy", f"{found.accuracy:.2%}", _interval(found.accuracy_interval, ".1%")
    yield "log loss", f"{found.log_loss:.4f}", _interval(found.log_loss_interval, ".4f")
    if found.clipped_log_loss is not None:
        yield "submission log loss", f"{found.clipped_log_loss:.4f}", ""
    yield "AUC", _shown(found.auc, ".4f"), ""
    yield "calibration error", f"{found.calibration_error:.2%}", ""
    yield "photos", f"{found.photos:,}", ""


def _with_intervals(found: Metrics) -> Iterator[tuple[str, str]]:
    for name, value, interval in _numbers(found):
        yield f"{name} {interval}".strip(), value


def _class_rows(found: Metrics) -> list[tuple[str, ...]]:
    return [
        (
            one.name,
            f"{one.photos:,}",
            f"{_shown(one.precision, '.2%')} {_interval(one.precision_interval, '.1%')}".strip(),
            f"{_shown(one.recall, '.2%')} {_interval(one.recall_interval, '.1%')}".strip(),
            _shown(one.auc, ".4f"),
            f"{one.calibration_error:.2%}",
        )
        for one in found.classes
    ]


def _shown(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _interval(found: Interval | None, form: str) -> str:
    return f"({found.words(form)})" if found else ""


def _drawings(evaluation: Evaluation) -> list[tuple[str, Figure]]:
    predictions, bins = evaluation.predictions, evaluation.metrics.bins
    right = predictions.predicted == predictions.label
    confidence, photos = predictions.probabilities.max(axis=1), [each.photos for each in bins]
    drawings = [("reliability diagram", charts.reliability(*_line(bins), np.array(photos)))]
    if len(evaluation.classes) <= _MOST_CURVES:
        named = enumerate(evaluation.classes)
        lines = [(name, *_line(class_bins(predictions, number))) for number, name in named]
        drawings.append(("reliability of each class", charts.class_reliability(lines)))
    drawings.append(("confidences", charts.confidences(confidence[right], confidence[~right])))
    curves = roc_curves(predictions, evaluation.classes)[:_MOST_CURVES]
    if curves:
        drawings.append(("ROC curve", charts.roc(curves)))
    return drawings


def _line(
    bins: Sequence[CalibrationBin],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of each bin the mean probability, and the share that is right."""
    return np.array([each.confidence for each in bins]), np.array([each.accuracy for each in bins])
