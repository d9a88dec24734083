"""Photos that may be mislabelled, and those that are hardest for a trained net."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from catdog.analysis.html import Card
from catdog.analysis.labelled import LabelledPhotos, LabelledPredictions
from catdog.data.thumbnails import thumbnail
from catdog.runtime.optional import optional
from catdog.runtime.parallel import in_order

_TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True)
class Suspects:
    """Indices into the predictions, the worst first; no photo is in two lists."""

    mislabelled: list[int]
    hardest: list[int]
    undecided: list[int]


def losses(predictions: LabelledPredictions) -> NDArray[np.float64]:
    """The cross-entropy loss of each photo, -ln p of its label."""
    return -np.log(np.maximum(predictions.own, _TINY))


def errors(predictions: LabelledPredictions, most: int) -> list[int]:
    """Indices of at most `most` misclassified photos, those of the highest loss first."""
    wrong = predictions.predicted != predictions.label
    return [at for at in _descending(losses(predictions)) if wrong[at]][:most]


def suspects(predictions: LabelledPredictions, most: int) -> Suspects:
    """At most `most` photos of each kind.

    A photo may be mislabelled where `doubted` says so. It is hard when its loss is high, and
    undecided when the entropy of its probabilities is.
    """
    loss = losses(predictions)
    order = _descending(loss)
    doubtful = doubted(predictions)
    mislabelled = [at for at in order if doubtful[at]][:most]
    hardest = _without(order, mislabelled)[:most]
    undecided = _without(_descending(_entropy(predictions)), [*mislabelled, *hardest])[:most]
    return Suspects(mislabelled, hardest, undecided)


def doubted(predictions: LabelledPredictions) -> NDArray[np.bool_]:
    """Which labels cleanlab takes for wrong (N): the net is as sure of another class as it is on
    average of the photos that bear that label (confident learning: Northcutt, Jiang, Chuang, 2021).

    Raises CatdogError, with the command to run, where cleanlab is not installed.
    """
    labels = predictions.label.astype(np.int64)
    # cleanlab takes labels of two classes or more for granted
    if len(np.unique(labels)) < 2:
        return np.zeros(len(labels), np.bool_)
    found: NDArray[np.bool_] = cleanlab("filter").find_label_issues(
        labels, predictions.probabilities, filter_by="confident_learning", n_jobs=1
    )
    return found


def cleanlab(part: str) -> ModuleType:
    """`cleanlab.<part>`. Raises CatdogError, with the command to run, where it is missing."""
    return optional(f"cleanlab.{part}", "this needs cleanlab", "pip install 'catdog-torch[review]'")


def photo_cards(
    predictions: LabelledPredictions,
    classes: Sequence[str],
    data: LabelledPhotos,
    indices: Sequence[int],
) -> Iterator[Card]:
    """Photos with their labels and what they were taken for."""
    pictures = in_order(lambda at: thumbnail(data.picture(int(predictions.index[at]))), indices)
    for at, picture in zip(indices, pictures, strict=True):
        label, taken = classes[predictions.label[at]], classes[predictions.predicted[at]]
        probability = f"{predictions.probabilities[at].max():.1%}"
        note = label if label == taken else f"{label}, taken for {taken}"
        name = data.names[predictions.index[at]]
        yield Card(picture, name, f"{note} {probability}", bad=label != taken)


def _entropy(predictions: LabelledPredictions) -> NDArray[np.float64]:
    shares = predictions.probabilities
    total: NDArray[np.float64] = -(shares * np.log(np.maximum(shares, _TINY))).sum(axis=1)
    return total


def _descending(values: NDArray[np.float64]) -> list[int]:
    return [int(at) for at in np.argsort(-values, kind="stable")]


def _without(order: Iterable[int], others: Iterable[int]) -> list[int]:
    taken = set(others)
    return [at for at in order if at not in taken]
