"""How often sets of classes hold the right one, on photos that they were not fitted on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import starmap

import numpy as np
from numpy.typing import NDArray

from catdog.analysis.labelled import LabelledPredictions
from catdog.analysis.metrics import fit_temperature
from catdog.errors import CatdogError
from catdog.inference.calibration import apply_temperature
from catdog.inference.conformal import least_probability, members, misfits, some_misfits
from catdog.inference.intervals import with_interval
from catdog.proto.caffe_pb2 import ConfidenceParameter

#: The share that is asked for where nothing else is.
USUAL = 0.95


@dataclass(frozen=True)
class Coverage:
    """How often sets held the right class.

    Args:
        asked: the share that they were made for.
        right: photos whose set holds their class.
        photos: all of them.
        classes: of a set, on the mean.
        fitted: on which photos the sets were fitted, in words.
    """

    asked: float
    right: int
    photos: int
    classes: float
    fitted: str

    @property
    def title(self) -> str:
        """What the number is: `sets of 95% that are right`."""
        return f"sets of {100 * self.asked:.4g}% that are right"

    @property
    def words(self) -> str:
        """The share with its interval."""
        return with_interval(self.right, self.photos)


def record_of(
    predictions: LabelledPredictions, names: Sequence[str], views: str
) -> ConfidenceParameter:
    """What weights carry of photos that they were calibrated on, by predictions at the temperature.

    `names` are those of all photos, `views` the value of --tta.
    """
    found = some_misfits(misfits(predictions.probabilities, predictions.label))
    return ConfidenceParameter(misfit=found, views=views, photos=_digest(predictions, names))


def in_halves(predictions: LabelledPredictions, asked: float) -> Coverage | None:
    """Temperature and sets fitted on one half of the photos and measured on the other, both ways.

    `predictions` are those at temperature 1. None where half of them are too few for this share.
    """
    order = np.random.default_rng(0).permutation(len(predictions.label))
    first, second = order[::2], order[1::2]
    try:
        inside = [
            _inside_held_out(predictions, one, other, asked)
            for one, other in ((first, second), (second, first))
        ]
    except CatdogError:
        return None
    labels = predictions.label[np.concatenate((second, first))]
    return _counted(np.concatenate(inside), labels, asked, "the other half of them")


def by_weights(
    predictions: LabelledPredictions,
    names: Sequence[str],
    carried: ConfidenceParameter,
    asked: float,
) -> Coverage | None:
    """Sets by what weights carry, on other photos than those or on the same, which it says.

    None where they were calibrated on too few for this share.
    """
    try:
        least = least_probability(np.array(carried.misfit, np.float64), asked)
    except CatdogError:
        return None
    same = carried.photos == _digest(predictions, names)
    fitted = "these very photos, so that it says nothing of others" if same else "other photos"
    return _counted(members(predictions.probabilities, least), predictions.label, asked, fitted)


def coverage_lines(found: Coverage) -> Iterator[str]:
    """The measure in words, for a terminal or a page."""
    yield (
        f"{found.words} of the sets for {100 * found.asked:.4g}% hold the right class, with "
        f"{found.classes:.2f} classes on the mean; fitted on {found.fitted}"
    )


def _inside_held_out(
    predictions: LabelledPredictions,
    fitted: NDArray[np.int64],
    held_out: NDArray[np.int64],
    asked: float,
) -> NDArray[np.bool_]:
    part = replace(
        predictions,
        index=predictions.index[fitted],
        label=predictions.label[fitted],
        probabilities=predictions.probabilities[fitted],
    )
    temperature = fit_temperature(part)
    warm, others = (
        apply_temperature(predictions.probabilities[at], temperature) for at in (fitted, held_out)
    )
    return members(others, least_probability(misfits(warm, part.label), asked))


def _counted(
    inside: NDArray[np.bool_], labels: NDArray[np.int64], asked: float, fitted: str
) -> Coverage:
    right = int(inside[np.arange(len(labels)), labels].sum())
    return Coverage(asked, right, len(labels), float(inside.sum(1).mean()), fitted)


def _digest(predictions: LabelledPredictions, names: Sequence[str]) -> bytes:
    """Of the names and labels of the photos that could be read, in any order."""
    pairs = zip(predictions.label.tolist(), (names[at] for at in predictions.index), strict=True)
    lines = sorted(starmap("{} {}".format, pairs))
    return sha256("\n".join(lines).encode(errors="surrogateescape")).digest()[:16]
