"""What is said of each photo by a classifier that has not seen it, by which labels are judged."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from catdog.analysis.labelled import LabelledPredictions
from catdog.analysis.linear_probe import Examples, out_of_fold
from catdog.analysis.photo_features import Features
from catdog.analysis.survey import PhotoInfo
from catdog.errors import DataError, some_of
from catdog.training.out_of_fold import OutOfFolds

#: Photos of a class without which none can be judged by the others.
LEAST = 2


def by_probe(
    features: Features, labels: NDArray[np.int64], classes: int, folds: int
) -> LabelledPredictions | None:
    """By a linear classifier of the features, fitted in so many folds; rows of NaN are left out.

    A class of fewer than LEAST photos is not judged; None where fewer than two classes are left.
    """
    known = np.isfinite(features).all(axis=1)
    counts = np.bincount(labels[known], minlength=classes)
    judged = np.flatnonzero(counts >= LEAST)
    if len(judged) < 2:
        return None
    index = np.flatnonzero(known & np.isin(labels, judged))
    places = np.searchsorted(judged, labels[index])
    found = out_of_fold(Examples(features[index].astype(np.float64), places), folds)
    probabilities = np.zeros((len(index), classes))
    probabilities[:, judged] = found
    return LabelledPredictions(index, labels[index], probabilities)


def by_folds(
    found: OutOfFolds, seen: Sequence[PhotoInfo], classes: Sequence[str]
) -> LabelledPredictions:
    """By the nets of a training with folds, of the photos that it was trained on.

    Raises DataError where its classes are not those of the photos, and where it has none of them.
    """
    if found.several or set(found.classes) != set(classes):
        raise DataError(
            f"the folds are of {some_of(found.classes, 5)}, the photos of {some_of(classes, 5)}",
            remedy="name the folds of a training on these photos",
        )
    order = [found.classes.index(name) for name in classes]
    rows = {row.key.partition("_")[2]: row.probabilities[order] for row in found.rows}
    index = [at for at, info in enumerate(seen) if info.photo.name in rows]
    if not index:
        raise DataError(
            f"the folds have seen no photo called {seen[0].photo.name} or as another of these",
            remedy="name the folder that their LMDB was built from",
        )
    chosen = np.array([rows[seen[at].photo.name] for at in index], np.float64)
    labels = np.array([seen[at].photo.label for at in index])
    return LabelledPredictions(np.array(index), labels, chosen / chosen.sum(axis=1, keepdims=True))
