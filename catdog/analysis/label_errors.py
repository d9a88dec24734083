"""Photos that may be mislabelled, and those that are hardest for a trained net."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catdog.analysis.html import Card
from catdog.analysis.labelled import LabelledPhotos, LabelledPredictions
from catdog.data.thumbnails import thumbnail
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

    A photo may be mislabelled when the net is as sure of another class as it is on average of the
    photos that bear that label (confident learning: Northcutt, Jiang, Chuang, 2021). It is hard
    when its loss is high, and undecided when the entropy of its probabilities is.
    """
    loss = losses(predictions)
    order = _descending(loss)
    doubted = _doubted(predictions)
    mislabelled = [at for at in order if doubted[at]][:most]
    hardest = _without(order, mislabelled)[:most]
    undecided = _without(_descending(_entropy(predictions)), [*mislabelled, *hardest])[:most]
    return Suspects(mislabelled, hardest, undecided)


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


def _doubted(predictions: LabelledPredictions) -> NDArray[np.bool_]:
    sure = np.full(predictions.probabilities.shape[1], np.inf)
    for label in np.unique(predictions.label):
        sure[label] = predictions.probabilities[predictions.label == label, label].mean()
    above: NDArray[np.bool_] = predictions.probabilities.max(axis=1) >= sure[predictions.predicted]
    doubted: NDArray[np.bool_] = above & (predictions.predicted != predictions.label)
    return doubted


def _entropy(predictions: LabelledPredictions) -> NDArray[np.float64]:
    shares = predictions.probabilities
    total: NDArray[np.float64] = -(shares * np.log(np.maximum(shares, _TINY))).sum(axis=1)
    return total


def _descending(values: NDArray[np.float64]) -> list[int]:
    return [int(at) for at in np.argsort(-values, kind="stable")]


def _without(order: Iterable[int], others: Iterable[int]) -> list[int]:
    taken = set(others)
    return [at for at in order if at not in taken]
