"""A grid of photos with their predictions."""

from collections.abc import Sequence
from math import ceil
from pathlib import Path

import cv2
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from catdog.data.images import decode, read_file
from catdog.inference.predictor import Prediction
from catdog.runtime.picture_style import save_figure

COLUMNS, ROWS = 6, 3
_SURE, _UNSURE = "#1a7f37", "#b35900"
_DOUBT = 0.8


def draw_gallery(
    path: str | Path, predictions: Sequence[Prediction], classes: Sequence[str]
) -> Path:
    """Draw the first predictions as a grid; returns the path.

    Predictions with a probability below 80 % have another colour.
    """
    shown = predictions[: COLUMNS * ROWS]
    rows = max(1, ceil(len(shown) / COLUMNS))
    figure = Figure(figsize=(COLUMNS * 1.7, rows * 1.95), layout="constrained", dpi=110)
    for index in range(rows * COLUMNS):
        axes = figure.add_subplot(rows, COLUMNS, index + 1)
        axes.set_axis_off()
        if index < len(shown):
            _draw(axes, shown[index], classes)
    target = Path(path)
    save_figure(figure, target)
    return target


def _draw(axes: Axes, prediction: Prediction, classes: Sequence[str]) -> None:
    pixels = decode(read_file(prediction.path)).pixels
    axes.imshow(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))
    probability = prediction.probabilities[prediction.label]
    color = _SURE if probability >= _DOUBT else _UNSURE
    axes.set_title(f"{classes[prediction.label]} {probability:.0%}", fontsize=10, color=color)
