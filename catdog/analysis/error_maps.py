"""What a net looked at in the photos that it took for another class, by Grad-CAM."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from catdog.analysis.explanation import captum, grad_cam, layer_to_explain
from catdog.analysis.explanation_pictures import enlarged, overlay
from catdog.analysis.html import Card
from catdog.analysis.labelled import LabelledPhotos, LabelledPredictions
from catdog.data.images import Pixels, Unreadable
from catdog.data.thumbnails import thumbnail
from catdog.errors import CatdogError
from catdog.inference.predictor import Predictor
from catdog.net.step import Node
from catdog.runtime.progress import progress

#: So many errors have maps unless more are asked for.
MAPPED = 12


@dataclass(frozen=True)
class ErrorMaps:
    """The layer that the maps are of, and for each error its cards: the photo as the net gets it,
    the map of the class it was taken for, and that of the true one."""

    layer: str
    rows: Sequence[Sequence[Card]]


def error_maps(
    predictor: Predictor,
    data: LabelledPhotos,
    predictions: LabelledPredictions,
    places: Sequence[int],
) -> ErrorMaps:
    """Maps for some of the predictions, by their places.

    Raises CatdogError where captum is not installed, no layer has height and width, and where no
    gradient comes to it.
    """
    captum()
    node = layer_to_explain(predictor.net, predictor.heads[0].blob)
    if node is None:
        raise CatdogError("no layer of the net has height and width: there are no heat maps")
    rows = []
    for place in progress(iter(places), "heat maps", len(places)):
        rows.append(list(_cards(predictor, node, data, predictions, place)))
    return ErrorMaps(node.name, rows)


def _cards(
    predictor: Predictor,
    node: Node,
    data: LabelledPhotos,
    predictions: LabelledPredictions,
    place: int,
) -> Iterator[Card]:
    at = int(predictions.index[place])
    example = data.read(at)
    if isinstance(example, Unreadable):
        # it was read before, and has gone since
        raise example
    picture, batch = predictor.seen(example.array)
    yield Card(thumbnail(enlarged(picture)), data.names[at])
    own, taken = int(predictions.label[place]), int(predictions.predicted[place])
    blob, name = predictor.heads[0].blob, predictor.input.name
    for number in (taken, own):
        heat = grad_cam(predictor.net, name, blob, node, batch, number)
        share = f"{predictions.probabilities[place, number]:.1%}"
        note = share if np.any(heat > 0) else f"{share}, nowhere"
        shown: Pixels = thumbnail(overlay(picture, heat))
        yield Card(shown, predictor.classes[number], note, bad=number == taken)
