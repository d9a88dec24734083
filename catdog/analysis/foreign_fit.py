"""What is foreign to a net: fitted on known photos, and measured on photos from elsewhere."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catdog.analysis.labelled import LabelledPhotos
from catdog.data.images import Readable, Unreadable, load
from catdog.engines.engine import Task
from catdog.engines.torch_engine import TorchEngine
from catdog.errors import DataError
from catdog.inference.conformal import upper_quantile
from catdog.inference.foreign import (
    NEIGHBORS,
    ForeignScore,
    bank_size,
    energies,
    inside,
    known_scores,
    of_length_1,
    score_of,
    spread,
)
from catdog.inference.intervals import with_interval
from catdog.inference.predictor import BATCH, Predictor
from catdog.proto.caffe_pb2 import ForeignParameter
from catdog.runtime.optional import scikit
from catdog.runtime.parallel import in_order

Floats = NDArray[np.float32]
Heard = Callable[[int], object]


def blob_values(
    predictor: Predictor,
    read: Callable[[Any], Any],
    photos: Sequence[Any],
    blobs: Sequence[str],
    heard: Heard = lambda _: None,
) -> list[Floats]:
    """The numbers of some blobs for photos that can be read, each photos x numbers.

    `read` prepares a photo, or gives Unreadable; `heard` hears of so many photos. Several views
    are averaged, as those of a prediction.
    """
    task = Task(predictor.net, predictor.input.name, tuple(blobs))
    engine = TorchEngine(task, predictor.device)
    parts: list[list[Floats]] = []
    with closing(in_order(read, photos)) as found:
        pairs = iter(found)
        while chunk := list(islice(pairs, BATCH)):
            pictures = [each for each in chunk if not isinstance(each, Unreadable)]
            if pictures:
                parts.append(predictor.averaged(engine, pictures))
            heard(len(chunk))
    if not parts:
        raise DataError("there is no photo that can be read")
    return [np.concatenate(of_blob) for of_blob in zip(*parts, strict=True)]


def learned_places(predictor: Predictor, learned: LabelledPhotos | None) -> Sequence[int]:
    """Which of the photos that were learned from have their features kept; none where the net has
    no features."""
    features = inside(predictor.net, predictor.heads[0].blob).features
    if not features or learned is None:
        return []
    return spread(len(learned.names), bank_size(prod(predictor.net.shapes[features][1:])))


def fit_foreign(
    predictor: Predictor,
    known: LabelledPhotos,
    learned: LabelledPhotos | None,
    heard: Heard = lambda _: None,
) -> ForeignParameter:
    """The score of a net by photos that it `learned` from, where it has features and there are
    such, else by the energy; with the scores of `known` photos that it has not.

    Nothing for a net whose classes do not come from a Softmax or a Sigmoid.
    """
    scores, features = inside(predictor.net, predictor.heads[0].blob)
    if not scores:
        return ForeignParameter()
    score = ForeignScore(scores)
    places = learned_places(predictor, learned)
    if places and learned is not None:
        (values,) = blob_values(predictor, _reader(learned), places, [features], heard)
        # as it is carried
        bank = of_length_1(values).astype(np.float16).astype(np.float32)
        score = ForeignScore(features, bank, NEIGHBORS)
    (values,) = blob_values(predictor, _reader(known), range(len(known.names)), [score.blob], heard)
    return score.carried(score.of(values))


@dataclass(frozen=True)
class ForeignMeasure:
    """How well photos from elsewhere are told from known ones.

    Args:
        aurocs: of each score by its name: how often a foreign photo has a higher one than a known.
        share: that of known photos that may be refused.
        known, foreign: how many there are; `known_refused`, `foreign_refused` how many are refused.
    """

    aurocs: dict[str, float]
    share: float
    known: int
    foreign: int
    known_refused: int
    foreign_refused: int


def measure_foreign(
    predictor: Predictor,
    known: LabelledPhotos,
    elsewhere: Sequence[Readable],
    share: float,
    heard: Heard = lambda _: None,
) -> ForeignMeasure:
    """The scores of known photos and of photos from elsewhere, by what the weights carry.

    Raises CatdogError where they carry nothing.
    """
    scored = known_scores(predictor.confidence, "--foreign")
    used = score_of(predictor.confidence.foreign)
    limit = upper_quantile(scored, 1 - share, f"--reject {share:g}")
    scores, _ = inside(predictor.net, predictor.heads[0].blob)
    blobs = dict.fromkeys((scores, used.blob, predictor.heads[0].blob))
    ours = blob_values(predictor, _reader(known), range(len(known.names)), list(blobs), heard)
    theirs = blob_values(
        predictor, lambda photo: _loaded(photo, predictor), elsewhere, list(blobs), heard
    )
    both = [dict(zip(blobs, values, strict=True)) for values in (ours, theirs)]
    ways: dict[str, Callable[[dict[str, Floats]], Floats]] = {
        "the least sure": lambda values: _unsure(values[predictor.heads[0].blob]),
        "energy": lambda values: energies(values[scores]),
    }
    if used.bank is not None:
        ways[f"distance to neighbor {used.neighbors}"] = lambda values: used.of(values[used.blob])
    found = {name: tuple(map(way, both)) for name, way in ways.items()}
    refused = [int((used.of(values[used.blob]) > limit).sum()) for values in both]
    near, far = (len(values[scores]) for values in both)
    aurocs = {name: _auroc(*pair) for name, pair in found.items()}
    return ForeignMeasure(aurocs, share, near, far, *refused)


def foreign_lines(found: ForeignMeasure) -> Iterator[str]:
    """The measure as lines for a terminal."""
    for name, auroc in found.aurocs.items():
        yield f"AUROC {auroc:.4f}  {name}"
    yield (
        f"--reject {found.share:g} refuses {with_interval(found.known_refused, found.known)} of "
        f"{found.known:,} known photos, {with_interval(found.foreign_refused, found.foreign)} of "
        f"{found.foreign:,} foreign ones"
    )


def _auroc(known: Floats, foreign: Floats) -> float:
    labels = np.repeat((0, 1), (len(known), len(foreign)))
    score = scikit("metrics").roc_auc_score
    return float(score(labels, np.concatenate((known, foreign))))


def _unsure(probabilities: Floats) -> Floats:
    if probabilities.shape[1] == 1:
        probabilities = np.concatenate((1 - probabilities, probabilities), axis=1)
    found: Floats = -probabilities.max(1)
    return found


def _reader(photos: LabelledPhotos) -> Callable[[int], Any]:
    def read(index: int) -> Any:
        found = photos.read(index)
        return found if isinstance(found, Unreadable) else found.array

    return read


def _loaded(photo: Readable, predictor: Predictor) -> Any:
    try:
        return load(photo, predictor.dataset)
    except Unreadable as error:
        return error
